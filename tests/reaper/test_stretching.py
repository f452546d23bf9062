"""Stretch markers of a part of a take: what plays is what played."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_reaper.stretching import markers_within, source_at


def rate_of(markers, at_s):
    """The rate around a position, by differences."""
    return (source_at(markers, at_s + 1e-5) - source_at(markers, at_s - 1e-5)) / 2e-5


def test_a_marker_beyond_the_edge_becomes_one_at_the_edge():
    markers = ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (5.0, 9.0, 0.0))
    assert markers_within(markers, 2.0) == ((0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (2.0, 3.0, 0.0))
    assert markers_within(markers, 0.5) == ((0.0, 0.0, 0.0), (0.5, 0.5, 0.0))
    assert markers_within(markers, 7.0)[-1] == (7.0, 11.0, 0.0)
    assert markers_within((), 2.0) == ()
    assert markers_within(((-3.0, 4.0, 0.0),), 2.0) == ((0.0, 7.0, 0.0), (2.0, 9.0, 0.0))


def test_a_slope_goes_from_its_first_rate_to_its_last():
    markers = ((0.0, 0.0, 0.5), (2.0, 4.0, 0.0))
    assert rate_of(markers, 1e-4) == pytest.approx(1.0, abs=1e-3)
    assert rate_of(markers, 2 - 1e-4) == pytest.approx(3.0, abs=1e-3)


times = st.floats(-5, 10).map(lambda value: round(value, 3))


@given(
    st.lists(
        st.tuples(times, st.floats(0, 20), st.floats(-0.9, 0.9)),
        min_size=1, max_size=6, unique_by=lambda one: one[0],
    ),
    st.floats(0.1, 8),
)  # fmt: skip
def test_all_of_it_plays_as_before(markers, length_s):
    markers = tuple(sorted(markers))
    cut = markers_within(markers, length_s)
    assert cut[0][0] == 0.0
    assert cut[-1][0] == length_s
    assert [at_s for at_s, *_ in cut] == sorted({at_s for at_s, *_ in cut})
    for at_s in np.linspace(0, length_s, 41):
        # What the slopes of a rate that crosses 0 are, no number says.
        assert source_at(cut, at_s) == pytest.approx(source_at(markers, at_s), abs=1e-6)
