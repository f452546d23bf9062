"""Breakpoints: text and back, and the line between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.breakpoints import Breakpoints

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def lines(draw: st.DrawFn) -> Breakpoints:
    places = draw(st.lists(st.floats(0, 1e9), min_size=1, max_size=6, unique=True))
    values = draw(st.lists(FINITE, min_size=len(places), max_size=len(places)))
    return Breakpoints(tuple(sorted(places)), tuple(values))


@given(lines())
def test_the_text_reads_back_as_the_same(line: Breakpoints) -> None:
    assert Breakpoints.parse(str(line), "strength") == line


def test_the_text_is_as_short_as_one_would_write_it() -> None:
    assert str(Breakpoints.parse("0:1,2.50:.2 , 10 : 0.05", "x")) == "0:1, 2.5:0.2, 10:0.05"
    assert str(Breakpoints.parse("0.50", "x")) == "0.5"
    assert str(Breakpoints.parse("3:0.5", "x")) == "3:0.5"


def test_linear_between_and_constant_beyond() -> None:
    line = Breakpoints.parse("1:10, 3:20, 4:-5", "x")
    found = line.at(np.array([0, 1, 2, 3, 3.5, 4, 99]))
    np.testing.assert_allclose(found, [10, 10, 15, 20, 7.5, -5, -5])
    assert found.dtype == np.float64
    assert (line.highest, line.lowest) == (20, -5)
    assert line.at(2.5).shape == ()


def test_one_number_is_a_constant() -> None:
    np.testing.assert_array_equal(Breakpoints.parse(" -40 ", "x").at(np.arange(5.0)), -40)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "invalid number"),
        ("abc", "invalid number 'abc'"),
        ("0:1,", "invalid breakpoint ''"),
        ("0:1, 2", "invalid breakpoint '2'"),
        ("0:1:2", "invalid number '1:2'"),
        ("0:", "invalid number ''"),
        ("0:1, 2:1, 2:3", "2 follows 2"),
        ("5:1, 2:1", "2 follows 5"),
        ("-1:1, 2:1", "-1 is negative"),
        ("0:nan", "nan is not a finite"),
        ("inf:1", "inf is not a finite"),
        ("a\nb", r"'a\\nb'"),
    ],
)
def test_what_is_wrong_is_reported_in_one_line(text: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says) as caught:
        Breakpoints.parse(text, "the strength over time")
    message = str(caught.value)
    assert message.startswith("the strength over time: ")
    assert "\n" not in message


def test_a_line_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ValueError, match="must match"):
        Breakpoints((0.0, 1.0), (1.0,))
