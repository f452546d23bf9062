"""Loudness, true peak and gains against the standard's own numbers and against pyloudnorm."""

from __future__ import annotations

import math
import tracemalloc
import warnings
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyloudnorm
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.dsp.levels import (
    LevelKind,
    LevelReading,
    active_rms,
    db,
    from_db,
    match_gain_db,
    measure_level,
    peak_safe_gain_db,
    true_peak,
)
from dreamsound_studio.dsp.loudness import LoudnessMeter, TruePeakMeter
from dreamsound_studio.dsp.weighting import k_weighting

Sound = npt.NDArray[np.float32]
RATES_HZ = [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000]
INF = math.inf

# BS.1770-4 tables 1 and 2, as printed.
TABLE_SHELF = [1.53512485958697, -2.69169618940638, 1.19839281085285]
TABLE_SHELF += [1.0, -1.69065929318241, 0.73248077421585]
TABLE_HIGH_PASS = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]


def loudness_lufs(blocks: Iterable[Sound], rate: int, channels: int) -> float:
    return measure_level(blocks, rate, channels, "lufs").value_db


def sine(level_dbfs: float, seconds: float, rate: int = 48000, hz: float = 1000.0) -> Sound:
    time = np.arange(round(seconds * rate)) / rate
    return (from_db(level_dbfs) * np.sin(2 * np.pi * hz * time)).astype(np.float32)[None]


def noise(channels: int, seconds: float, rate: int, seed: int = 1) -> Sound:
    shape = (channels, round(seconds * rate))
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def bursts(channels: int, rate: int) -> Sound:
    sound = noise(channels, 4.0, rate)
    gain = np.array([1.0, 0.0, 0.01, 0.5, 0.0, 1e-5, 0.2, 0.0])
    part = np.arange(sound.shape[1]) * len(gain) // sound.shape[1]
    return (sound * gain[part]).astype(np.float32)


def cut(sound: Sound, lengths: list[int]) -> Iterator[Sound]:
    start = 0
    for length in lengths:
        yield sound[:, start : start + length]
        start += length
    yield sound[:, start:]


def pyloudnorm_lufs(sound: Sound, rate: int, gain_at_48k: bool = True) -> float:
    """Ask pyloudnorm's "DeMan", whose tables at 48 kHz are those of BS.1770.

    Its high pass gains level as the rate falls (see `k_weighting`); `gain_at_48k` holds the gain
    at that of 48 kHz by pyloudnorm's own `passband_gain`, computed here from its coefficients.
    """
    meter = pyloudnorm.Meter(rate, filter_class="DeMan")
    if gain_at_48k:
        at_48k = pyloudnorm.Meter(48000, filter_class="DeMan")
        top = [
            m._filters["high_pass_DeMan"].b
            @ [1, -1, 1]
            / (m._filters["high_pass_DeMan"].a @ [1, -1, 1])
            for m in (at_48k, meter)
        ]
        meter._filters["high_pass_DeMan"].passband_gain = top[0] / top[1]
    return float(meter.integrated_loudness(sound.T.astype(np.float64)))


def response_db(rate: int, hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    z = np.exp(-2j * np.pi * hz / rate)
    powers = np.stack([np.ones_like(z), z, z * z])
    total = np.ones_like(z)
    for biquad in k_weighting(rate):
        total *= biquad[:3] @ powers / (biquad[3:] @ powers)
    return 20 * np.log10(np.abs(total))


class TestKWeighting:
    def test_is_the_table_of_the_standard_at_48_khz(self) -> None:
        np.testing.assert_allclose(k_weighting(48000), [TABLE_SHELF, TABLE_HIGH_PASS], atol=1e-8)

    @pytest.mark.parametrize(
        ("rate", "tolerance_db"),
        [(8000, 0.29), (16000, 0.07), (22050, 0.04), (44100, 0.002), (96000, 0.01), (192000, 0.01)],
    )
    def test_responds_at_every_rate_as_at_48_khz(self, rate: int, tolerance_db: float) -> None:
        hz = np.geomspace(20, min(0.49 * rate, 20000), 200)
        np.testing.assert_allclose(
            response_db(rate, hz), response_db(48000, hz), atol=tolerance_db, rtol=0
        )

    def test_gives_997_hz_the_gain_the_formula_takes_away(self) -> None:
        assert response_db(48000, np.array([997.0]))[0] == pytest.approx(0.691, abs=0.002)


class TestLoudnessAgainstPyloudnorm:
    @pytest.mark.parametrize("rate", RATES_HZ)
    @pytest.mark.parametrize("signal", ["noise", "bursts", "sine"])
    def test_mono_and_stereo(self, rate: int, signal: str) -> None:
        sound = {
            "noise": lambda: noise(2, 2.0, rate),
            "bursts": lambda: bursts(2, rate),
            "sine": lambda: sine(-30.0, 2.0, rate, hz=0.37 * rate),
        }[signal]()
        measured = loudness_lufs([sound], rate, len(sound))
        assert measured == pytest.approx(pyloudnorm_lufs(sound, rate), abs=1e-6)

    @pytest.mark.parametrize("rate", [44100, 48000, 96000, 192000])
    def test_pyloudnorm_as_it_is_from_44100_hz_up(self, rate: int) -> None:
        sound = bursts(2, rate)
        expected = pyloudnorm_lufs(sound, rate, gain_at_48k=False)
        assert loudness_lufs([sound], rate, 2) == pytest.approx(expected, abs=0.04)

    @pytest.mark.parametrize("channels", [1, 2, 3, 5])
    def test_the_layouts_both_know(self, channels: int) -> None:
        sound = noise(channels, 2.0, 48000) * np.geomspace(1, 0.1, channels)[:, None]
        expected = pyloudnorm_lufs(sound, 48000)
        measured = loudness_lufs([sound.astype(np.float32)], 48000, channels)
        assert measured == pytest.approx(expected, abs=1e-6)

    def test_a_last_block_that_is_not_full_is_not_used(self) -> None:
        sound = noise(1, 1.0, 48000)
        loud_end = np.concatenate([sound, 5 * sound[:, :2000]], axis=1)
        assert loudness_lufs([loud_end], 48000, 1) == loudness_lufs([sound], 48000, 1)


class TestEbuTech3341:
    """The cases of EBU Tech 3341 (2016) table 1 that need no recordings; all +-0.1 LU."""

    @pytest.mark.parametrize(
        ("levels_dbfs", "seconds", "expected_lufs"),
        [
            ([-23], [20], -23.0),  # case 1
            ([-33], [20], -33.0),  # case 2
            ([-36, -23, -36], [10, 60, 10], -23.0),  # case 3, the relative gate
            ([-72, -36, -23, -36, -72], [10, 10, 60, 10, 10], -23.0),  # case 4, both gates
            ([-26, -20, -26], [20, 20.1, 20], -23.0),  # case 5, nothing gated away
        ],
    )
    def test_stereo_sines(
        self, levels_dbfs: list[float], seconds: list[float], expected_lufs: float
    ) -> None:
        parts = zip(levels_dbfs, seconds, strict=True)
        blocks = (np.repeat(sine(level, length), 2, axis=0) for level, length in parts)
        assert loudness_lufs(blocks, 48000, 2) == pytest.approx(expected_lufs, abs=0.1)

    def test_five_channels(self) -> None:  # case 6
        sound = np.concatenate([sine(level, 20) for level in (-28, -28, -24, -30, -30)])
        assert loudness_lufs([sound], 48000, 5) == pytest.approx(-23.0, abs=0.1)

    def test_a_full_scale_sine_on_one_channel_is_minus_3_lufs(self) -> None:  # BS.1770-4 Annex 1
        assert loudness_lufs([sine(0.0, 2, hz=997)], 48000, 1) == pytest.approx(-3.01, abs=0.01)


class TestChannelLayouts:
    @pytest.mark.parametrize(
        ("channels", "weights"),
        [
            (1, [1]),
            (2, [1, 1]),
            (3, [1, 1, 1]),
            (4, [1, 1, 1.41, 1.41]),
            (5, [1, 1, 1, 1.41, 1.41]),
            (6, [1, 1, 1, 0, 1.41, 1.41]),
            (7, [1, 1, 1, 0, 1, 1.41, 1.41]),
            (8, [1, 1, 1, 0, 1, 1, 1.41, 1.41]),
        ],
    )
    def test_each_channel_alone_has_its_weight(self, channels: int, weights: list[float]) -> None:
        tone = sine(-20.0, 0.5, rate=8000)
        alone = loudness_lufs([tone], 8000, 1)
        for channel, weight in enumerate(weights):
            sound = np.zeros((channels, tone.shape[1]), dtype=np.float32)
            sound[channel] = tone
            expected = alone + 20 * math.log10(math.sqrt(weight)) if weight else -INF
            assert loudness_lufs([sound], 8000, channels) == pytest.approx(expected, abs=1e-9)


CUTS = st.lists(st.integers(0, 9000), max_size=12)


class TestCutting:
    sound = bursts(2, 11025)

    @settings(max_examples=20, deadline=None)
    @given(CUTS)
    def test_does_not_change_any_measure(self, lengths: list[int]) -> None:
        for measure in (
            loudness_lufs,
            true_peak,
            lambda *sound: measure_level(*sound, kind="rms").value_db,
        ):
            whole = measure([self.sound], 11025, 2)
            assert math.isfinite(whole)
            pieces = measure(cut(self.sound, lengths), 11025, 2)
            assert pieces == pytest.approx(whole, abs=1e-9)

    def test_single_samples(self) -> None:
        sound = noise(1, 0.6, 8000)
        ones = [1] * sound.shape[1]
        assert loudness_lufs(cut(sound, ones), 8000, 1) == loudness_lufs([sound], 8000, 1)
        assert true_peak(cut(sound, ones), 8000, 1) == true_peak([sound], 8000, 1)

    def test_a_reading_on_the_way_leaves_the_meter_as_it_was(self) -> None:
        meter = LoudnessMeter(11025, 2)
        for block in cut(self.sound, [5000, 20000, 1]):
            meter.add(block)
            meter.integrated_lufs()
        assert meter.integrated_lufs() == loudness_lufs([self.sound], 11025, 2)

    def test_a_reading_on_the_way_is_that_of_the_samples_so_far(self) -> None:
        meter = LoudnessMeter(11025, 2)
        meter.add(self.sound[:, :20000])
        assert meter.integrated_lufs() == loudness_lufs([self.sound[:, :20000]], 11025, 2)

    def test_memory_does_not_grow_with_length(self) -> None:
        def peak_bytes(seconds: int) -> int:
            block = noise(1, 1.0, 8000)
            tracemalloc.start()
            try:
                loudness = measure_level((block for _ in range(seconds)), 8000, 1)
                assert loudness.kind == "lufs"
                assert true_peak((block for _ in range(seconds)), 8000, 1) > 0
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        peak_bytes(10)  # imports, caches
        # 500 s more are 16 MB of samples, and 40 kB of hops that are gated in a few arrays.
        assert peak_bytes(510) - peak_bytes(10) < 500_000


class TestMeasureLevel:
    def test_long_sounds_are_read_in_lufs(self) -> None:
        reading = measure_level([sine(-20.0, 1.0)], 48000, 1)
        assert reading == LevelReading(pytest.approx(-23.01, abs=0.02), "lufs")

    def test_a_tenth_of_a_second_is_read_in_rms(self) -> None:
        sound = np.concatenate([sine(-20.0, 0.1), sine(-20.0, 0.1)])
        reading = measure_level([sound], 48000, 2)
        assert reading == LevelReading(pytest.approx(-23.01, abs=0.001), "rms")

    @pytest.mark.parametrize("rate", [8000, 11025, 48000])
    def test_the_border_is_one_gating_block(self, rate: int) -> None:
        sound = sine(-20.0, 0.4, rate)
        assert measure_level([sound], rate, 1).kind == "lufs"
        assert measure_level([sound[:, :-1]], rate, 1).kind == "rms"
        assert loudness_lufs([sound[:, :-1]], rate, 1) == -INF

    def test_what_no_gate_lets_through_is_read_in_rms(self) -> None:
        sound = sine(-80.0, 1.0)
        assert loudness_lufs([sound], 48000, 1) == -INF
        reading = measure_level([sound], 48000, 1)
        assert reading == LevelReading(pytest.approx(-83.01, abs=0.001), "rms")

    def test_the_kind_can_be_forced(self) -> None:
        assert measure_level([sine(-80.0, 1.0)], 48000, 1, "lufs") == LevelReading(-INF, "lufs")
        loud = measure_level([sine(-20.0, 1.0, hz=100.0)], 48000, 1, "rms")
        assert loud == LevelReading(pytest.approx(-23.01, abs=0.001), "rms")

    @pytest.mark.parametrize("samples", [0, 100, 48000])
    @pytest.mark.parametrize("channels", [1, 8])
    def test_silence_has_no_level(self, samples: int, channels: int) -> None:
        silence = np.zeros((channels, samples), dtype=np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert measure_level([silence], 48000, channels) == LevelReading(-INF, "rms")
            assert loudness_lufs([silence], 48000, channels) == -INF
            assert true_peak([silence], 48000, channels) == 0.0

    def test_no_blocks_at_all(self) -> None:
        assert measure_level([], 48000, 2) == LevelReading(-INF, "rms")
        assert loudness_lufs([], 48000, 2) == -INF
        assert true_peak([], 48000, 2) == 0.0

    @settings(max_examples=15, deadline=None)
    @given(st.floats(-20.0, 20.0))
    def test_a_gain_moves_every_level_by_itself(self, gain_db: float) -> None:
        sound = noise(2, 1.0, 8000)
        louder = (sound * from_db(gain_db)).astype(np.float32)
        kinds: tuple[LevelKind, ...] = ("lufs", "rms")
        for kind in kinds:
            before = measure_level([sound], 8000, 2, kind).value_db
            after = measure_level([louder], 8000, 2, kind).value_db
            assert after - before == pytest.approx(gain_db, abs=1e-5)
        peaks = [db(true_peak([x], 8000, 2)) for x in (sound, louder)]
        assert peaks[1] - peaks[0] == pytest.approx(gain_db, abs=1e-4)


class TestTruePeak:
    @pytest.mark.parametrize("rate", [8000, 44100, 48000, 192000])
    def test_sees_between_the_samples(self, rate: int) -> None:
        phase = np.pi / 2 * np.arange(rate // 2) + np.pi / 4  # EBU Tech 3341 case 16
        sound = (np.hanning(len(phase)) * np.sin(phase)).astype(np.float32)[None]
        assert db(float(np.abs(sound).max())) == pytest.approx(-3.01, abs=0.01)
        assert db(true_peak([sound], rate, 1)) == pytest.approx(0.0, abs=0.2)

    @pytest.mark.parametrize("cycles_a_sample", [0.01, 0.1, 0.2, 1 / 3, 0.4, 0.45])
    def test_reads_sines_within_the_bound_of_the_standard(self, cycles_a_sample: float) -> None:
        phase = 2 * np.pi * cycles_a_sample * np.arange(8000) + 0.3
        sound = (np.hanning(8000) * np.sin(phase)).astype(np.float32)[None]
        # BS.1770-4 Annex 2, Attachment 1: how far 4 times oversampling may read too low.
        bound_db = -20 * math.log10(math.cos(math.pi * cycles_a_sample / 4))
        assert -bound_db - 0.01 < db(true_peak([sound], 48000, 1)) < 0.01

    @pytest.mark.parametrize("samples", [2, 2000, 16384 - 64, 20000])
    @pytest.mark.parametrize("at_end", [True, False])
    def test_sees_a_peak_at_either_end(self, samples: int, at_end: bool) -> None:
        sound = np.zeros((2, samples), dtype=np.float32)
        sound[1, slice(-2, None) if at_end else slice(2)] = -0.7
        # Half way between two equal samples sinc interpolation gives 2 sinc(1/2) = 4 / pi times
        # their value; the interpolator stops short of half the rate and so gives a little less.
        assert 1.2 * 0.7 < true_peak([sound], 48000, 2) < 4 / np.pi * 0.7

    @pytest.mark.parametrize("step", [1, -1])
    def test_sees_ringing_over_either_end(self, step: int) -> None:
        burst = np.cos(2 * np.pi * 0.47 * np.arange(40)).astype(np.float32)[::step]
        padded = np.pad(burst, 4000)  # the peak is a quarter sample outside the sound
        expected = np.abs(soxr.resample(padded, 8000, 32000, quality="HQ")).max()
        assert expected > 1.25
        assert true_peak([burst[None]], 8000, 1) == pytest.approx(expected, rel=1e-4)

    def test_a_single_full_sample_is_never_read_low(self) -> None:
        sound = np.zeros((1, 100), dtype=np.float32)
        sound[0, 50] = -1.5  # the interpolator's band is narrower than the sample's: it reads 1.4
        assert true_peak([sound], 48000, 1) == 1.5

    def test_finish_can_be_asked_again_but_nothing_added(self) -> None:
        meter = TruePeakMeter(48000, 1)
        meter.add(sine(-6.0, 0.1))
        assert meter.finish() == meter.finish() == pytest.approx(from_db(-6.0), rel=0.05)
        with pytest.raises(ValueError, match="finished"):
            meter.add(sine(-6.0, 0.1))


class TestBadInput:
    @pytest.mark.parametrize("meter", [LoudnessMeter, TruePeakMeter])
    @pytest.mark.parametrize(
        ("rate", "channels", "message"),
        [
            (7999, 1, "7999"),
            (384001, 1, "384001"),
            (48000, 0, "channels 0"),
            (48000, 25, "channels 25"),
        ],
    )
    def test_format(self, meter: type, rate: int, channels: int, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            meter(rate, channels)

    @pytest.mark.parametrize("measure", [loudness_lufs, measure_level, true_peak])
    @pytest.mark.parametrize(
        ("block", "message"),
        [
            (np.zeros(10, dtype=np.float32), r"shape \[10\]: must be \[2, n\]"),
            (np.zeros((1, 10), dtype=np.float32), r"shape \[1, 10\]"),
            (np.zeros((2, 10), dtype=np.int16), "int16"),
            (np.full((2, 10), np.nan, dtype=np.float32), "NaN or infinity"),
            (np.full((2, 10), np.inf, dtype=np.float32), "NaN or infinity"),
        ],
    )
    def test_block(self, measure, block, message: str) -> None:  # type: ignore[no-untyped-def]
        with pytest.raises(ValueError, match=message):
            measure([block], 48000, 2)

    def test_kind(self) -> None:
        with pytest.raises(ValueError, match="'peak'"):
            measure_level([], 48000, 1, "peak")  # type: ignore[arg-type]


class TestGains:
    @pytest.mark.parametrize(
        ("amplitude", "level_db"), [(1.0, 0.0), (10.0, 20.0), (0.5, -6.0206), (0.0, -INF)]
    )
    def test_db_and_back(self, amplitude: float, level_db: float) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert db(amplitude) == pytest.approx(level_db, abs=1e-4)
            assert from_db(db(amplitude)) == pytest.approx(amplitude)

    @pytest.mark.parametrize("amplitude", [-0.1, math.nan])
    def test_db_refuses_what_is_not_an_amplitude(self, amplitude: float) -> None:
        with pytest.raises(ValueError, match="0 or more"):
            db(amplitude)

    @pytest.mark.parametrize(
        ("reference_db", "measured_db", "limit_db", "expected_db"),
        [
            (-20.0, -26.0, None, 6.0),
            (-20.0, -26.0, 12.0, 6.0),
            (-20.0, -46.0, 12.0, 12.0),
            (-46.0, -20.0, 12.0, -26.0),
            (-INF, -20.0, 12.0, 0.0),
            (-20.0, -INF, None, 0.0),
            (-INF, -INF, 12.0, 0.0),
        ],
    )
    def test_match(
        self, reference_db: float, measured_db: float, limit_db: float | None, expected_db: float
    ) -> None:
        reference, measured = LevelReading(reference_db, "lufs"), LevelReading(measured_db, "lufs")
        assert match_gain_db(reference, measured, limit_db) == expected_db

    def test_match_refuses_two_kinds_unless_one_is_silent(self) -> None:
        with pytest.raises(ValueError, match="rms to lufs"):
            match_gain_db(LevelReading(-69.0, "lufs"), LevelReading(-72.0, "rms"), None)
        assert match_gain_db(LevelReading(-69.0, "lufs"), LevelReading(-INF, "rms"), None) == 0.0

    @pytest.mark.parametrize(
        ("gain_db", "peak", "ceiling_dbtp", "expected"),
        [
            (6.0, 0.1, -1.0, (6.0, 0.0)),
            (6.0, 1.0, -1.0, (-1.0, 7.0)),
            (0.0, 2.0, -1.0, (-7.0206, 7.0206)),
            (-3.0, 1.0, -3.0, (-3.0, 0.0)),
            (6.0, 1.0, 0.0, (0.0, 6.0)),
            (40.0, 0.0, -1.0, (40.0, 0.0)),
        ],
    )
    def test_peak_safe(
        self, gain_db: float, peak: float, ceiling_dbtp: float, expected: tuple[float, float]
    ) -> None:
        got = peak_safe_gain_db(gain_db, peak, ceiling_dbtp)
        assert got == pytest.approx(expected, abs=1e-4)

    @given(st.floats(-60, 60), st.floats(1e-6, 10.0))
    def test_peak_safe_keeps_the_ceiling_and_no_more(self, gain_db: float, peak: float) -> None:
        safe_db, lowered_db = peak_safe_gain_db(gain_db, peak)
        assert safe_db + lowered_db == pytest.approx(gain_db)
        after_db = db(peak) + safe_db
        assert after_db <= -1.0 + 1e-9
        assert lowered_db == 0.0 or after_db == pytest.approx(-1.0)


class TestActiveRms:
    def test_quiet_frames_are_left_out(self) -> None:
        rms, active = active_rms(np.array([0.04, 0.0, 0.04, 1e-6, 0.04]))
        assert rms == pytest.approx(0.2)
        assert active.tolist() == [True, False, True, False, True]

    def test_frames_under_the_floor_do_not_lower_the_gate(self) -> None:
        # With the 98 empty frames in the mean the gate would be 100 times lower and let 5e-3 in.
        _, active = active_rms(np.array([1.0, 5e-3] + [1e-15] * 98))
        assert active.tolist() == [True] + [False] * 99

    def test_the_gate_is_20_db_under_the_mean_and_lets_its_own_level_in(self) -> None:
        edge = 0.99 / 99.99  # edge = 0.01 (99 + edge) / 100
        assert active_rms(np.array([1.0] * 99 + [edge * 1.0001]))[1].all()
        assert active_rms(np.array([1.0] * 99 + [edge * 0.9999]))[1].tolist() == [True] * 99 + [
            False
        ]

    def test_frames_under_the_floor_are_never_active(self) -> None:
        rms, active = active_rms(np.array([2e-14, 9e-15]))
        assert active.tolist() == [True, False]
        assert rms == pytest.approx(math.sqrt(2e-14))

    @pytest.mark.parametrize("power", [[], [0.0, 0.0, 0.0], [1e-15]])
    def test_silence(self, power: list[float]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rms, active = active_rms(np.array(power))
        assert rms == 0.0
        assert active.dtype == np.bool_
        assert active.tolist() == [False] * len(power)

    def test_refuses_more_than_one_axis(self) -> None:
        with pytest.raises(ValueError, match=r"\(2, 3\)"):
            active_rms(np.ones((2, 3)))
