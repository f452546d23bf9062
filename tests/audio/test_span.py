"""Spans: what START:END means, and where a span really starts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.audio.span import parse_span, span_samples
from dreamsound_studio.errors import RecipeError

GRID = 0.48  # YAMNet's patch hop: 48 frames of 10 ms (params.py, patch_hop_seconds)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("1.5:4", 1.5, 4.0),
        ("10:", 10.0, None),
        (":3", 0.0, 3.0),
        (":", 0.0, None),
        (" 0 : 1e1 ", 0.0, 10.0),
    ],
)
def test_a_side_may_be_left_out(text: str, start: float, end: float | None) -> None:
    assert parse_span(text) == (start, end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "a:b",
        "1:2:3",
        "4:1",
        "2:2",
        "-1:2",
        "nan:",
        ":nan",
        "inf:",
        "0:inf",
        "1e300:",
        "1'2:",
    ],
)
def test_what_is_no_span_is_told_with_the_text(text: str) -> None:
    with pytest.raises(RecipeError) as raised:
        parse_span(text)
    assert str(raised.value).startswith(f"Invalid span {text!r}")


@given(
    start=st.floats(0, 1e5),
    length=st.floats(1e-6, 1e4),
    rate=st.sampled_from([8000, 11_025, 16_000, 44_100, 48_000, 192_000]),
)
def test_a_span_starts_on_the_patch_grid_at_or_before_the_start(
    start: float, length: float, rate: int
) -> None:
    first, last = span_samples(start, start + length, rate)
    patch = round(first / rate / GRID)
    assert first == round(patch * GRID * rate)
    assert first - 1 <= start * rate < first + GRID * rate + 1
    assert last > first
    assert abs(last - (start + length) * rate) <= 1


@pytest.mark.parametrize("patch", [1, 11, 22, 12_345])
def test_a_start_on_the_grid_stays_where_it_is(patch: int) -> None:
    # 0.48 has no exact binary form: 11 * 0.48 / 0.48 is a little under 11.
    assert span_samples(patch * GRID, None, 16_000)[0] == patch * 7680


def test_a_span_without_an_end_reaches_beyond_any_sound() -> None:
    assert span_samples(0, None, 192_000)[1] > 192_000 * 3600 * 24 * 365
