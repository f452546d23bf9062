"""The patch grid: what it covers, and how much each patch counts."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.dream.patch_grid import PatchGrid

#: YAMNet's framing, for tests of the grid alone.
FRAMING: Any = SimpleNamespace(
    patch_samples=15_600,
    frame_hop_samples=160,
    lead_samples=0,
    pads_end=True,
    grid_step_samples=1,
)


@given(st.integers(1, 200_000), st.integers(12, 96))
def test_the_published_grid_pads_only_the_end(length: int, hop_frames: int) -> None:
    grid = PatchGrid.published(FRAMING, length, hop_frames)
    assert grid.first == 0
    assert grid.hop == 160 * hop_frames
    end = (grid.count - 1) * grid.hop + grid.patch
    assert end >= length
    # With a patch less, some of the sound would not be heard.
    assert grid.count == 1 or end - grid.hop < length


def test_the_published_grid_has_as_many_patches_as_the_published_model() -> None:
    # MODELS.md section 1, measured.
    counts = {1: 1, 1600: 1, 15_600: 1, 15_601: 2, 23_280: 2, 23_281: 3, 48_000: 6}
    found = {length: PatchGrid.published(FRAMING, length, 48).count for length in counts}
    assert found == counts


@given(st.integers(1, 100_000), st.integers(12, 96), st.floats(0, 1, exclude_max=True))
def test_the_shifted_grid_covers_every_sample_alike(
    length: int, hop_frames: int, shift: float
) -> None:
    grid = PatchGrid.shifted(FRAMING, length, hop_frames, shift)
    starts = grid.first + grid.hop * np.arange(grid.count)
    samples = np.unique(np.linspace(0, length - 1, 500).astype(int))[:, None]
    covered = np.sum((starts <= samples) & (samples < starts + grid.patch), axis=1)
    often = grid.patch / grid.hop
    assert set(covered) <= {math.floor(often), math.ceil(often)}
    # All patches reach into the sound, and no other on this grid would.
    assert starts[0] + grid.patch > 0 >= starts[0] - grid.hop + grid.patch
    assert starts[-1] < length <= starts[-1] + grid.hop
    assert (grid.first - math.floor(shift * grid.hop)) % grid.hop == 0


@given(st.integers(1, 100_000), st.floats(0, 1, exclude_max=True), st.sampled_from([64, 1280]))
def test_shifts_are_multiples_of_the_models_step(length: int, shift: float, step: int) -> None:
    framing: Any = SimpleNamespace(**vars(FRAMING) | {"grid_step_samples": step})
    grid = PatchGrid.shifted(framing, length, 48, shift)
    moved = grid.first % grid.hop
    assert moved % step == 0
    assert shift * grid.hop - step <= moved <= shift * grid.hop


@given(st.integers(1, 100_000), st.floats(0, 1, exclude_max=True))
def test_patches_of_context_count_by_their_share_inside(length: int, shift: float) -> None:
    grid = PatchGrid.shifted(FRAMING, length, 48, shift)
    inside = [
        sum(1 for at in (start, start + grid.patch - 1) if 0 <= at < length)
        for start in grid.first + grid.hop * np.arange(grid.count)
    ]
    weights = grid.weights(0, grid.count)
    assert np.all(weights > 0)
    assert np.all(weights <= 1)
    assert all(weight == 1 for weight, ends in zip(weights, inside, strict=True) if ends == 2)
    assert all(weight < 1 for weight, ends in zip(weights, inside, strict=True) if ends < 2)
    # In whole, each sample counts as often as it is covered: twice, or now and then three times.
    assert 2 * length <= weights.sum(dtype=np.float64) * grid.patch * (1 + 1e-6) <= 3 * length + 3


@given(st.integers(1, 300_000), st.integers(1, 40), st.sampled_from([None, 0.0, 0.7]))
def test_blocks_are_the_whole_grid(length: int, size: int, shift: float | None) -> None:
    grid = (
        PatchGrid.published(FRAMING, length, 48)
        if shift is None
        else PatchGrid.shifted(FRAMING, length, 48, shift)
    )
    patches = [start + j * grid.hop for _, count, start in grid.blocks(size) for j in range(count)]
    assert patches == [grid.first + j * grid.hop for j in range(grid.count)]
    assert all(count <= size for _, count, _ in grid.blocks(size))
