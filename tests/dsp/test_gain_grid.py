"""Gains from coarse grids, and their adjoint."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.dsp.gain_grid import GainGrids, GridSize
from dreamsound_studio.dsp.stft import Stft

RATE_HZ = 48_000
STFT = Stft(512, 128)
LENGTH = 12_000
SIZES = {
    "bands": [GridSize(24, 0.032)],
    "bins": [GridSize(None, 0.05)],
    "two grids": [GridSize(12, 0.064), GridSize(48, 0.016)],
    "bands and bins": [GridSize(12, 0.064), GridSize(None, 0.02)],
}


def make(
    sizes: list[GridSize], depth_db: float = 40.0, length: int = LENGTH, **more: object
) -> GainGrids:
    return GainGrids(sizes, STFT, RATE_HZ, length, 8000.0, depth_db, **more)  # type: ignore[arg-type]


def random_grids(grids: GainGrids, spread_db: float = 20.0) -> list[npt.NDArray[np.float32]]:
    random = np.random.default_rng(1)
    return [
        (spread_db * random.standard_normal(shape)).astype(np.float32) for shape in grids.shapes
    ]


@pytest.mark.parametrize("name", SIZES)
def test_grids_of_zero_change_nothing(name: str) -> None:
    grids = make(SIZES[name])
    gains = grids.gains(grids.zeros(), 0, STFT.frame_count(LENGTH))
    assert np.all(gains.linear == 1)
    assert gains.linear.shape == (STFT.frame_count(LENGTH), STFT.bins)


@pytest.mark.parametrize("name", SIZES)
def test_no_gain_is_beyond_the_depth(name: str) -> None:
    grids = make(SIZES[name], depth_db=30.0)
    gains = grids.gains(random_grids(grids, 1000.0), 0, 40).linear
    in_db = 20 * np.log10(gains)
    assert np.abs(in_db).max() <= 30.001
    assert np.abs(in_db).max() > 29


@pytest.mark.parametrize("name", SIZES)
def test_blocks_of_frames_give_the_gains_of_the_whole(name: str) -> None:
    grids = make(SIZES[name])
    values = random_grids(grids)
    frames = STFT.frame_count(LENGTH)
    whole = grids.gains(values, 0, frames).linear
    pieces = [grids.gains(values, n, min(n + 7, frames)).linear for n in range(0, frames, 7)]
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=1e-5)


def test_a_band_is_where_its_centre_is_and_the_top_gain_holds_above() -> None:
    grids = make([GridSize(24, 0.032)])
    (values,) = grids.zeros()
    values[:, -1] = 10.0
    gains_db = 20 * np.log10(grids.gains([values], 10, 11).linear[0])
    frequencies = np.arange(STFT.bins) * RATE_HZ / STFT.fft_size
    expected = 40 * np.tanh(10 / 40)
    np.testing.assert_allclose(gains_db[frequencies >= 8000], expected, rtol=1e-4)
    assert np.all(gains_db[frequencies < 6800] == 0)


def test_above_the_top_the_gains_of_an_octave_below_hold_on_request() -> None:
    grids = make([GridSize(24, 0.032)], above="octave")
    gains_db = grids.decibels(random_grids(grids), 10, 11)
    assert gains_db.shape == (1, 24)
    at_bins = 20 * np.log10(grids.gains(random_grids(grids), 10, 11).linear[0])
    hz = np.arange(STFT.bins) * RATE_HZ / STFT.fft_size
    for above in (9000.0, 12_000.0, 15_000.0):
        here, below = at_bins[np.argmin(abs(hz - above))], at_bins[np.argmin(abs(hz - above / 2))]
        assert here == pytest.approx(below, abs=0.01)
    # Two octaves up, it is the same again.
    assert at_bins[hz == 18_000] == pytest.approx(at_bins[hz == 4500], abs=0.01)


@pytest.mark.parametrize("above", ["hold", "octave"])
@pytest.mark.parametrize("name", SIZES)
def test_fewer_bins_have_the_gains_of_the_lowest(name: str, above: str) -> None:
    values = random_grids(make(SIZES[name]))
    whole = make(SIZES[name], above=above)
    part = make(SIZES[name], above=above, bins=90)
    assert part.shapes == whole.shapes
    gains = part.gains(values, 0, 20)
    np.testing.assert_allclose(gains.linear, whole.gains(values, 0, 20).linear[:, :90], rtol=1e-6)
    slope = np.zeros((20, STFT.bins), np.float32)
    slope[:, :90] = np.random.default_rng(2).standard_normal((20, 90))
    of_all = whole.adjoint(slope, whole.gains(values, 0, 20), 0)
    for (first, one), (_, other) in zip(part.adjoint(slope[:, :90], gains, 0), of_all, strict=True):
        assert first == 0
        np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(other).max())


@pytest.mark.parametrize("name", SIZES)
def test_several_sets_of_grids_at_once_are_each_as_alone(name: str) -> None:
    grids = make(SIZES[name])
    random = np.random.default_rng(1)
    values = [random.standard_normal((2, 3, *shape)).astype(np.float32) for shape in grids.shapes]
    by_bin = random.standard_normal((2, 3, 30, STFT.bins)).astype(np.float32)
    gains = grids.gains(values, 20, 50)
    pieces = grids.adjoint(by_bin, gains, 20)
    assert grids.decibels(values, 20, 50).shape[:3] == (2, 3, 30)
    for one in range(2):
        for two in range(3):
            mine = [value[one, two] for value in values]
            alone = grids.gains(mine, 20, 50)
            np.testing.assert_array_equal(gains.linear[one, two], alone.linear)
            np.testing.assert_array_equal(
                grids.decibels(values, 20, 50)[one, two], grids.decibels(mine, 20, 50)
            )
            found = grids.adjoint(by_bin[one, two], alone, 20)
            for (first, piece), (begin, part) in zip(pieces, found, strict=True):
                assert first == begin
                np.testing.assert_array_equal(piece[one, two], part)


def test_a_grid_time_is_heard_at_its_second() -> None:
    grids = make([GridSize(4, 0.05)])
    (values,) = grids.zeros()
    values[2] = 10.0
    frames = STFT.frame_count(LENGTH)
    loud = grids.decibels([values], 0, frames)[:, 0]
    assert abs(STFT.middles(0, frames)[np.argmax(loud)] / RATE_HZ - 0.1) <= 128 / RATE_HZ


def test_a_curve_of_the_depth_scales_the_gains_in_db() -> None:
    values = random_grids(make(SIZES["bands"]))
    half = make(SIZES["bands"], depth_curve=lambda a, b: np.full(b - a, 0.5, np.float32))
    whole = make(SIZES["bands"]).decibels(values, 0, 20)
    np.testing.assert_allclose(half.decibels(values, 0, 20), whole / 2, rtol=1e-5)


@pytest.mark.parametrize("above", ["hold", "octave"])
@pytest.mark.parametrize("name", SIZES)
def test_the_adjoint_is_the_slope(name: str, above: str) -> None:
    """dL/du by finite differences, for L a weighted sum of G over all bins."""
    curve = {"depth_curve": lambda a, b: np.linspace(0.2, 1, 94, dtype=np.float32)[a:b]}
    grids = make(SIZES[name], above=above, **curve)
    values, frames = [value.astype(np.float64) for value in random_grids(grids)], 90
    weights = np.random.default_rng(2).standard_normal((frames, STFT.bins))
    slopes = [np.zeros(shape) for shape in grids.shapes]
    for first in range(0, frames, 16):
        last = min(first + 16, frames)
        of_block = grids.gains(values, first, last)
        pieces = grids.adjoint(weights[first:last], of_block, first)
        for slope, (begin, piece) in zip(slopes, pieces, strict=True):
            slope[begin : begin + len(piece)] += piece

    def loss(moved: list[npt.NDArray[np.float64]]) -> float:
        in_db = 20 * np.log10(grids.gains(moved, 0, frames).linear)
        return float(np.vdot(in_db, weights))

    random = np.random.default_rng(3)
    directions = [random.standard_normal(value.shape) for value in values]
    step = 1e-3
    ahead, behind = (
        loss([v + sign * step * d for v, d in zip(values, directions, strict=True)])
        for sign in (1, -1)
    )
    found = sum(float(np.vdot(s, d)) for s, d in zip(slopes, directions, strict=True))
    assert found == pytest.approx((ahead - behind) / (2 * step), rel=1e-5)


def test_an_inverse_and_its_adjoint_give_the_same_inner_product() -> None:
    random = np.random.default_rng(4)
    for stft in (Stft(512, 128), Stft(512, 200), Stft(64, 32)):
        shape = (2, 9, stft.bins)
        spectra = (random.standard_normal(shape) + 1j * random.standard_normal(shape)).astype(
            np.complex64
        )
        sound = stft.inverse(spectra.copy())
        other = random.standard_normal(sound.shape).astype(np.float32)
        back = stft.inverse_adjoint(other)
        # The first and last bin of a real signal's spectrum are real.
        spectra[..., [0, -1]] = spectra[..., [0, -1]].real
        np.testing.assert_array_equal(stft.inverse_adjoint(other, 20), back[..., :20])
        left = float(np.vdot(sound.astype(np.float64), other))
        right = float(np.sum((np.conj(spectra) * back).real, dtype=np.float64))
        size = float(np.linalg.norm(sound) * np.linalg.norm(other))
        assert abs(left - right) / size < 1e-6
