"""Changed listening: what is drawn, what is heard, and the way back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.listening import (
    NOISE_SAMPLES,
    ChangedListening,
    ChangedMono,
    DrawnListening,
    add_adjoint,
    rate_at_speed,
)
from dreamsound_studio.dream.mono import EQUALISER_POINTS, Mono

CHANGED = ChangedListening(level_db=4.0, speed=0.125, tilt=0.5, noise_db=-15.0)


def sound(length: int = 50_000, channels: int = 1) -> Samples:
    random = np.random.default_rng(0)
    return Samples.of(0.1 * random.standard_normal((channels, length)).astype(np.float32))


def test_without_changes_the_sound_is_heard_as_it_is() -> None:
    assert not ChangedListening().is_changed
    drawn = ChangedListening().draw((0, 1, 0))
    heard = ChangedMono(Mono(sound()), drawn).read(-100, 4000)
    np.testing.assert_array_equal(heard, Mono(sound()).read(-100, 4000))


def test_draws_follow_the_seed_and_stay_within_their_limits() -> None:
    draws = [CHANGED.draw((7, step, 0)) for step in range(400)]
    assert draws[3] == CHANGED.draw((7, 3, 0)) != CHANGED.draw((8, 3, 0))
    assert {drawn.speed for drawn in draws} == {0, 1, 2}
    assert max(abs(drawn.tilt) for drawn in draws) <= 0.5
    levels_db = [20 * math.log10(drawn.gain) for drawn in draws]
    assert np.std(levels_db) == pytest.approx(4.0, rel=0.15)
    noise_db = [20 * math.log10(drawn.noise) for drawn in draws]
    assert -40 <= min(noise_db) < -38
    assert -17 < max(noise_db) <= -15


def test_windows_are_drawn_without_changing_what_else_is() -> None:
    through = ChangedListening(level_db=4.0, speed=0.125, tilt=0.5, noise_db=-15.0, windows=3)
    draws = [through.draw((7, step, 0)) for step in range(100)]
    assert {drawn.window for drawn in draws} == {0, 1, 2}
    assert replace(draws[3], window=0) == CHANGED.draw((7, 3, 0))
    assert ChangedMono(Mono(sound()), draws[3]).window == draws[3].window
    assert ChangedListening(windows=3).is_changed


def test_colours_are_drawn_without_changing_what_else_is() -> None:
    coloured = replace(CHANGED, eq_db=6.0)
    draws = [coloured.draw((7, step, 0)) for step in range(100)]
    curves = np.array([drawn.equaliser for drawn in draws])
    assert curves.shape == (100, EQUALISER_POINTS)
    assert curves.std() == pytest.approx(6.0, rel=0.1)
    assert replace(draws[3], equaliser=()) == CHANGED.draw((7, 3, 0))
    heard = ChangedMono(Mono(sound()), draws[3]).equaliser
    np.testing.assert_allclose(heard, draws[3].equaliser, rtol=1e-6)
    assert not ChangedMono(Mono(sound()), CHANGED.draw((7, 3, 0))).equaliser.any()
    assert ChangedListening(eq_db=1.0).is_changed


def test_a_block_is_the_same_wherever_it_begins() -> None:
    heard = ChangedMono(Mono(sound()), CHANGED.draw((1, 2, 3)), 0.5, 0.1)
    whole = heard.read(-20_000, 60_000)
    for start, stop in ((-20_000, -100), (-5, 7), (12_345, 40_000), (49_000, 60_000)):
        np.testing.assert_array_equal(
            heard.read(start, stop), whole[start + 20_000 : stop + 20_000]
        )


def test_noise_has_its_level_re_the_sound() -> None:
    drawn = DrawnListening((1,), gain=2.0, noise=0.1)
    heard = ChangedMono(Mono(sound()), drawn, 0.5, 0.1).read(0, 50_000)
    noise = heard - sound().array()[0]  # gain and level cancel out
    assert np.std(noise) == pytest.approx(0.1 * 0.1, rel=0.02)


def test_noise_goes_round_without_a_gap_and_starts_elsewhere_each_time() -> None:
    length = 2 * NOISE_SAMPLES + 1000
    silence = Mono(Samples(1, length))

    def noise(seed: int) -> FloatArray:
        return ChangedMono(silence, DrawnListening((seed,), noise=0.1)).read(0, length)

    heard = noise(1)
    assert np.std(heard) == pytest.approx(0.1, rel=0.02)
    np.testing.assert_array_equal(heard[:-NOISE_SAMPLES], heard[NOISE_SAMPLES:])
    assert abs(np.corrcoef(heard[:10_000], heard[10_000:20_000])[0, 1]) < 0.05
    assert abs(np.corrcoef(heard[:10_000], noise(2)[:10_000])[0, 1]) < 0.05


def test_tilt_and_noise_are_those_of_the_networks_rate() -> None:
    """What reaches a band up to 8 kHz does not depend on the sound's own rate."""
    band = np.linspace(100, 7900, 50)
    heard = []
    for rate in (16_000, 48_000):
        changed = ChangedListening(tilt=0.5, noise_db=-15.0, oversampling=rate / 16_000)
        drawn = changed.draw((3, 4, 5))
        impulse = Samples.of(np.eye(1, rate, rate // 2, dtype=np.float32))
        quiet = ChangedMono(Mono(impulse), replace(drawn, noise=0.0)).read(0, rate)
        tilt_db = 20 * np.log10(np.abs(np.fft.rfft(quiet))[band.astype(int)])
        silence = ChangedMono(Mono(Samples(1, rate)), drawn).read(0, rate)
        in_band = np.sum(np.abs(np.fft.rfft(silence))[:8000] ** 2) / rate**2
        heard.append((tilt_db, 10 * math.log10(in_band)))
    np.testing.assert_allclose(heard[0][0], heard[1][0], atol=1e-3)
    assert np.ptp(heard[0][0]) > 1
    assert heard[0][1] == pytest.approx(heard[1][1], abs=0.3)


@pytest.mark.parametrize(("channels", "lag"), [(1, 1), (2, 1), (1, 3)])
def test_the_way_back_is_the_adjoint(channels: int, lag: int) -> None:
    """<z(d), g> = <d, adjoint(g)> for the linear part of a listening."""
    drawn = DrawnListening((1,), gain=1.7, tilt=-0.4, lag=lag)
    moved = sound(channels=channels)
    random = np.random.default_rng(5)
    gradient = Samples.of(random.standard_normal((channels, 50_000)).astype(np.float32))
    back = Samples(channels, 50_000)
    for n, whole in enumerate(gradient.array()):
        # In parts, as blocks come, with context around the sound that is not dreamed.
        context = np.ones(300, np.float32)
        add_adjoint(back, n, drawn, 0.5, -300, np.concatenate([context, whole[:20_000]]))
        add_adjoint(back, n, drawn, 0.5, 20_000, np.concatenate([whole[20_000:], context]))
        add_adjoint(back, n, drawn, 0.5, 50_000, context)
    left = sum(
        float(np.vdot(ChangedMono(Mono(moved, n), drawn).read(0, 50_000), gradient.array()[n]))
        for n in range(channels)
    )
    right = float(np.vdot(moved.array().astype(np.float64), back.array())) / 0.5
    size = float(np.linalg.norm(moved.array()) * np.linalg.norm(gradient.array()))
    assert abs(left - right) / size < 1e-6


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000, 96_000, 88_200])
@pytest.mark.parametrize("speed", [0.875, 1.125, 1.05])
def test_another_speed_is_near_and_cheap(rate: int, speed: float) -> None:
    found = rate_at_speed(rate, speed, 16_000)
    assert found == pytest.approx(rate * speed, rel=0.02)
    assert found // math.gcd(16_000, found) <= 70


def test_the_speed_of_the_sound_keeps_its_rate() -> None:
    assert rate_at_speed(44_100, 1.0, 16_000) == 44_100
