"""The learned filter: its formula, the slope of its grids, and the ascent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.control import Control
from dreamsound_studio.dream.ascent import Learned
from dreamsound_studio.dream.sculpt import Sculptor
from dreamsound_studio.dream.slope import FadedSlope, SlopeAtOneLevel
from dreamsound_studio.dsp.fades import keep_within
from dreamsound_studio.dsp.gain_grid import GainGrids, GridSize
from dreamsound_studio.dsp.stft import Stft
from dreamsound_studio.errors import RenderCancelled

RATE_HZ = 16_000
LENGTH = 9_000
STFT = Stft(512, 128)


def noise(seed: int, channels: int = 1) -> Samples:
    random = np.random.default_rng(seed)
    return Samples.of((0.1 * random.standard_normal((channels, LENGTH))).astype(np.float32))


def sculptor(channels: int = 1, groups: int = 1, layers: int = 2, **more: object) -> Sculptor:
    """Return a filter of the source, a bed, and a bed of one channel for all."""
    sizes = [GridSize(12, 0.064), GridSize(24, 0.016)]
    band = more.get("band")
    bins = None if band is None else len(band)  # type: ignore[arg-type]
    grids = GainGrids(sizes, STFT, RATE_HZ, LENGTH, 7500.0, 40.0, bins=bins)
    sounds = [noise(n, channels if n < 2 else 1) for n in range(layers)]
    return Sculptor(sounds, grids, STFT, groups, **more)  # type: ignore[arg-type]


def random_grids(learned: Learned, seed: int = 5) -> list[FloatArray]:
    random = np.random.default_rng(seed)
    return [(5 * random.standard_normal(grid.shape)).astype(np.float32) for grid in learned.grids]


def made(filter_: Sculptor, grids: Sequence[FloatArray]) -> FloatArray:
    into = Samples(filter_.layers[0].channels, LENGTH)
    filter_.write(grids, into)
    return into.array()


def moved(
    filter_: Sculptor, grids: Sequence[FloatArray], directions: Sequence[FloatArray]
) -> npt.NDArray[np.float64]:
    """Return how y moves along `directions`, ``[groups, length]``: the gains' by differences."""
    frames, step = STFT.frame_count(LENGTH), 1e-3
    total: npt.NDArray[np.complex128] | float = 0.0
    for layer, sound in enumerate(filter_.layers):
        spectra = STFT.forward(sound.read(*STFT.sample_range(0, frames))).astype(np.complex128)
        if filter_.band is not None:
            spectra = spectra[..., : len(filter_.band)] * filter_.band
        changes = []
        for group in range(filter_.groups):
            ahead, behind = (
                filter_.gain_grids.gains(
                    [
                        grid[group, layer].astype(np.float64)
                        + sign * step * direction[group, layer]
                        for grid, direction in zip(grids, directions, strict=True)
                    ],
                    0,
                    frames,
                ).linear
                for sign in (1, -1)
            )
            changes.append((ahead - behind) / (2 * step))
        total = total + spectra * np.stack(changes)
    sound = STFT.inverse(np.asarray(total)).astype(np.float64)[:, STFT.lead :][:, :LENGTH]
    return sound if filter_.groups > 1 else sound.sum(axis=0, keepdims=True)


def test_before_the_first_step_the_layers_are_added_as_they_are() -> None:
    filter_ = sculptor()
    expected = sum(layer.array() for layer in filter_.layers)
    np.testing.assert_allclose(made(filter_, filter_.nothing().grids), expected, atol=1e-6)


def test_the_source_s_level_is_restored() -> None:
    plain = sculptor(layers=1)
    grids = random_grids(plain.nothing())
    energy = float(np.vdot(plain.layers[0].array(), plain.layers[0].array()))
    restored = made(sculptor(layers=1, energy=energy), grids)
    assert float(np.vdot(restored, restored)) == pytest.approx(energy, rel=1e-4)


@pytest.mark.parametrize("band", [None, np.linspace(1, 0.1, 120, dtype=np.float32)])
@pytest.mark.parametrize(("channels", "groups"), [(1, 1), (2, 1), (2, 2)])
def test_the_slope_is_that_of_finite_differences(
    channels: int, groups: int, band: FloatArray | None
) -> None:
    filter_ = sculptor(channels, groups, layers=3, band=band)
    grids = random_grids(filter_.nothing())
    # Linked channels are heard as their mix, whose gradient is the same for each.
    slope = np.random.default_rng(8).standard_normal((groups, LENGTH)).astype(np.float32)
    slopes = filter_.slopes(grids, Samples.of(slope))
    directions = random_grids(filter_.nothing(), 9)
    expected = float(np.vdot(moved(filter_, grids, directions), slope))
    found = sum(float(np.vdot(s, d)) for s, d in zip(slopes, directions, strict=True))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("channels", "groups"), [(1, 1), (2, 1), (2, 2)])
def test_at_one_level_what_has_no_use_falls(channels: int, groups: int) -> None:
    """The slope is that of the sound scaled to a fixed level, by differences along it."""
    filter_ = sculptor(channels, groups)
    grids = random_grids(filter_.nothing())
    slope = np.random.default_rng(8).standard_normal((groups, LENGTH)).astype(np.float32)
    y = made(filter_, grids).astype(np.float64)
    at_one_level = SlopeAtOneLevel(Samples.of(slope), Samples.of(y.astype(np.float32)))
    found = at_one_level.read(0, LENGTH)
    assert found.shape == y.shape

    def objective(sound: npt.NDArray[np.float64]) -> float:
        return float(np.sum(slope * sound / np.sqrt(np.sum(sound**2))))

    direction = np.random.default_rng(4).standard_normal(y.shape)
    step = 1e-5
    rise = (objective(y + step * direction) - objective(y - step * direction)) / (2 * step)
    # Up to the factor of the level.
    assert float(np.sum(found * direction)) / np.sqrt(np.sum(y**2)) == pytest.approx(rise, rel=1e-4)
    assert float(np.sum(found * y)) == pytest.approx(0, abs=1e-3)
    # Louder as a whole is neither better nor worse: the slopes of a gain for all cells add up to 0.
    even = [np.ones_like(grid) for grid in filter_.nothing().grids]
    flat = filter_.slopes(
        filter_.nothing().grids,
        SlopeAtOneLevel(Samples.of(slope), Samples.of(made(filter_, filter_.nothing().grids))),
    )
    total = sum(float(np.vdot(s, e)) for s, e in zip(flat, even, strict=True))
    size = sum(float(np.sum(np.abs(s))) for s in flat)
    assert abs(total) < 1e-4 * size


def test_what_lies_outside_has_no_part_in_the_level() -> None:
    own, outside, slope = noise(1), noise(2), noise(3)
    both = Samples.of(own.array() + outside.array())
    alone = SlopeAtOneLevel(slope, own).read(0, LENGTH)
    beside = SlopeAtOneLevel(slope, both, outside).read(0, LENGTH)
    np.testing.assert_allclose(beside, alone, atol=1e-6)
    assert not np.allclose(SlopeAtOneLevel(slope, both).read(0, LENGTH), alone, atol=1e-3)


def test_the_slope_before_the_fades_is_the_way_back_through_them() -> None:
    sound, faded, gradient = noise(1, 2), noise(1, 2).copy(), noise(2, 2)
    fades = {"fade_in_s": 0.2, "fade_out_s": 0.1}
    limits = {"low_hz": None, "high_hz": None, "stft": STFT, "sample_rate_hz": RATE_HZ}
    keep_within(Samples(2, LENGTH), faded, **fades, **limits)  # type: ignore[arg-type]
    slope = FadedSlope(gradient, RATE_HZ, **fades)
    assert slope.channels == 2
    before = np.vdot(slope.read(-50, LENGTH + 50)[:, 50:-50], sound.array())
    after = np.vdot(gradient.array(), faded.array())
    assert before == pytest.approx(after, rel=1e-5)
    assert after != pytest.approx(np.vdot(gradient.array(), sound.array()), rel=1e-2)
    assert not slope.read(-50, 0).any()


def test_a_gradient_for_each_linked_channel_is_that_of_their_mix_for_all() -> None:
    filter_ = sculptor(2, 1, layers=3)
    grids = random_grids(filter_.nothing())
    of_mix, of_each = noise(8), Samples.of(np.repeat(noise(8).array(), 2, axis=0))
    for one, other in zip(
        filter_.slopes(grids, of_mix), filter_.slopes(grids, of_each), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6 * np.abs(other).max())


def test_a_bed_of_one_channel_is_in_all_of_them() -> None:
    filter_ = sculptor(2, 2, layers=3)
    (_, noise_bed, bed) = filter_.layers
    assert (noise_bed.channels, bed.channels) == (2, 1)
    wide = sculptor(2, 2, layers=3)
    wide.layers[2] = Samples.of(np.repeat(bed.array(), 2, axis=0))
    grids, slope = random_grids(filter_.nothing()), noise(8, 2)
    np.testing.assert_array_equal(made(filter_, grids), made(wide, grids))
    for one, other in zip(filter_.slopes(grids, slope), wide.slopes(grids, slope), strict=True):
        np.testing.assert_array_equal(one, other)


def everything(filter_: Sculptor) -> list[FloatArray]:
    """Return sounds and slopes of three sets of grids, and what a step makes of them."""
    found = []
    learned = filter_.nothing()
    for seed in (5, 6, 7):
        grids = random_grids(learned, seed)
        found += [made(filter_, grids), *filter_.slopes(grids, noise(8))]
        # Of grids that were not written last.
        slopes = filter_.slopes(random_grids(learned, seed + 10), noise(9))
        found += [slope.copy() for slope in slopes]
        learned.ascend(slopes, 1.0, 0.01)
    return [*found, *learned.average]


@pytest.mark.parametrize("room", ["all", "some", "none"])
def test_neither_threads_nor_what_is_kept_change_a_byte(
    room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = everything(sculptor(2, 1, layers=3, energy=50.0))
    for name in ("KEPT_SPECTRA_BYTES", "KEPT_GAINS_BYTES"):
        if room != "all":
            monkeypatch.setattr(
                f"dreamsound_studio.dream.sculpt.{name}", 600_000 * (room == "some")
            )
    for cores in (1, 5):
        monkeypatch.setattr("dreamsound_studio.dsp.threads.available_cores", lambda n=cores: n)
        found = everything(sculptor(2, 1, layers=3, energy=50.0))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_pass_stops_between_two_blocks() -> None:
    filter_, control = sculptor(), Control()
    grids = random_grids(filter_.nothing())
    with control.in_charge():
        made(filter_, grids)
        control.cancel()
        with pytest.raises(RenderCancelled):
            filter_.write(grids, Samples(1, LENGTH))
        with pytest.raises(RenderCancelled):
            filter_.slopes(grids, noise(8))


def test_outside_the_band_the_source_stays() -> None:
    low, band = noise(0), np.zeros(STFT.bins, np.float32)
    band[100:] = 1
    outside = Samples(1, LENGTH)
    plain = sculptor(layers=1)
    plain.band = 1 - band
    plain.write(plain.nothing().grids, outside)
    filter_ = sculptor(layers=1, band=band, outside=outside)
    filter_.layers = [low]
    grids = random_grids(filter_.nothing())
    change = made(filter_, grids) - low.array()
    spectrum = np.abs(np.fft.rfft(change[0]))
    # A gain that moves spreads a little over its own bin.
    edge = int(80 * LENGTH / 512)
    assert spectrum[:edge].max() < 3e-3 * spectrum.max()


def test_linked_channels_get_the_same_gains() -> None:
    filter_ = sculptor(2, 1, layers=1)
    filter_.layers = [
        Samples.of(np.repeat(noise(3).array(), 2, axis=0) * np.array([[1.0], [0.5]], np.float32))
    ]
    sound = made(filter_, random_grids(filter_.nothing()))
    np.testing.assert_allclose(sound[0], 2 * sound[1], atol=1e-5)


def test_the_ascent_goes_up_the_slope_and_stops_at_the_pull() -> None:
    learned = Learned.nothing([(3, 4)], 1, 1)
    target = np.linspace(-20, 20, 12, dtype=np.float32).reshape(1, 1, 3, 4)
    for _ in range(400):
        learned.ascend([target - learned.grids[0]], 0.5, 0.0)
    np.testing.assert_allclose(learned.average[0], target, atol=1.5)
    pulled = Learned.nothing([(3, 4)], 1, 1)
    for _ in range(400):
        pulled.ascend([np.sign(target)], 0.5, 0.1)
    np.testing.assert_allclose(np.abs(pulled.average[0]), 10, atol=1)


def test_a_slope_of_zero_moves_nothing() -> None:
    learned = Learned.nothing([(3, 4)], 1, 2)
    learned.ascend([np.zeros((1, 2, 3, 4), np.float32)], 1.0, 0.1)
    assert not learned.grids[0].any()


def test_the_average_is_unbiased_from_the_first_step() -> None:
    learned = Learned.nothing([(2, 2)], 1, 1)
    learned.ascend([np.ones((1, 1, 2, 2), np.float32)], 1.0, 0.0)
    np.testing.assert_allclose(learned.average[0], learned.grids[0], rtol=1e-6)
