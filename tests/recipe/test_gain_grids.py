"""Grids of a learned filter as text."""

from __future__ import annotations

import pytest

from dreamsound_studio.dsp.gain_grid import GridSize
from dreamsound_studio.recipe.gain_grids import parse_grids


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("96x32ms", [(96, 0.032)]),
        (" 48 x 64 ms+192X16MS ", [(48, 0.064), (192, 0.016)]),
        ("bins x 0.064s", [(None, 0.064)]),
        ("24x.5s + Binsx64ms", [(24, 0.5), (None, 0.064)]),
    ],
)
def test_a_sum_of_grids_is_read(text: str, sizes: list[tuple[int | None, float]]) -> None:
    assert parse_grids(text) == tuple(GridSize(*size) for size in sizes)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not BANDSxTIME"),
        ("96", "not BANDSxTIME"),
        ("96x32", "not BANDSxTIME"),
        ("96x32ms+", "not BANDSxTIME"),
        ("-4x32ms", "not BANDSxTIME"),
        ("1x32ms", "1 bands; use 2"),
        ("2000x32ms", "2000 bands"),
        ("96x1ms", "0.001 s; use 2 ms"),
        ("96x11s", "11 s"),
        ("+".join(["4x1s"] * 5), "5 grids are too many"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="gain_grid: ") as caught:
        parse_grids(text)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
