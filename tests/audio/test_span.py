"""Spans: the forms they are written in, and which samples they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.audio.span import parse_span, read_span, span_samples
from dreamsound_studio.errors import RecipeError


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("1.5:4", 1.5, 4.0),
        ("10:", 10.0, None),
        (":3", 0.0, 3.0),
        (":", 0.0, None),
        (" 0 : 1e1 ", 0.0, 10.0),
        ("1e-05:2", 1e-5, 2.0),
        # What a file has kept since the first version is seconds, also where a clock would fit.
        ("1:30", 1.0, 30.0),
        ("1:30-2:00", 90.0, 120.0),
        ("90s-", 90.0, None),
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
def test_an_invalid_span_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(RecipeError) as raised:
        parse_span(text)
    assert str(raised.value).startswith(f"invalid span {text!r}: ")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1:30-2:00", "90:120"),
        ("1:02:03.5-1:02:04", "3723.5:3724"),
        ("90s-120s", "90:120"),
        ("1.5-4", "1.5:4"),
        ("0:00.48-0:01.44", "0.48:1.44"),
        ("90s-", "90:"),
        ("-1:30", "0:90"),
        ("-", "0:"),
        (" 0:05 - 10s ", "5:10"),
    ],
)
def test_a_span_of_times_is_read_without_a_note(text: str, kept: str) -> None:
    assert read_span(text) == (kept, "")


@pytest.mark.parametrize(
    ("text", "kept", "note"),
    [
        ("1:30", "90:", "from 1:30 to the end (for 1 s to 30 s pass 1s-30s)"),
        ("0:10.5", "10.5:", "pass 0s-10.5s"),
        ("1:02:03", "3723:", "from 1:02:03 to the end"),
        ("90s", "90:", "from 90s to the end"),
        ("0.5:1.5", "0.5:1.5", "START:END in seconds: pass 0.5s-1.5s"),
        ("90:120", "90:120", "pass 90s-120s"),
        ("10:75", "10:75", "pass 10s-75s"),
        ("1:4", "1:4", "pass 1s-4s"),
        ("10:", "10:", "pass 10s-"),
        (":4", "0:4", "pass -4s"),
    ],
)
def test_a_span_that_can_be_misread_is_noted(text: str, kept: str, note: str) -> None:
    span, noted = read_span(text)
    assert span == kept
    assert note in noted


@pytest.mark.parametrize(
    "text", ["", "3", "a-b", "1:75-2:00", "2:00-1:30", "1:30:2-3", "-1:2", "1-2-3", "5:6:7", "s-1"]
)
def test_an_invalid_span_says_how_to_write_one(text: str) -> None:
    with pytest.raises(RecipeError, match="invalid span"):
        read_span(text)


@given(
    start=st.integers(0, 10**8).map(lambda n: n / 1000),
    length=st.integers(1, 10**7).map(lambda n: n / 1000),
)
def test_what_files_keep_means_the_same_again(start: float, length: float) -> None:
    span, note = read_span(f"{start}s-{start + length:.3f}s")
    first, last = parse_span(span)
    assert note == ""
    assert first == pytest.approx(start, abs=1e-9)
    assert last == pytest.approx(start + length, abs=1e-3)


@given(
    start=st.floats(0, 1e5),
    length=st.floats(1e-6, 1e4),
    rate=st.sampled_from([8000, 11_025, 16_000, 44_100, 48_000, 192_000]),
)
def test_a_span_is_the_samples_that_were_asked_for(start: float, length: float, rate: int) -> None:
    first, last = span_samples(start, start + length, rate)
    assert abs(first - start * rate) <= 0.5 + 1e-6
    assert last > first
    assert abs(last - (start + length) * rate) <= 1.5 + 1e-6


def test_a_span_without_an_end_reaches_beyond_any_sound() -> None:
    assert span_samples(0, None, 192_000)[1] > 192_000 * 3600 * 24 * 365
