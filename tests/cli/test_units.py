"""``dreamsound units``: which channels a sound excites, and what of it each hears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.guide import layer_of
from dreamsound_studio.dream.units import rank_units

from .conftest import RATE, Command, chirp, write_sound

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

LAYER = "layer5"
PUBLISHED = "layer5/pointwise_conv/relu"


@pytest.fixture
def units(command: Command, yamnet: YamNet, monkeypatch: pytest.MonkeyPatch) -> Command:
    """``dreamsound units`` with the model that is loaded already."""
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)
    return lambda *arguments: command("units", *arguments)


def test_the_most_excited_channels_are_reported_and_heard(
    units: Command, tmp_path: Path, yamnet: YamNet
) -> None:
    bird = write_sound(tmp_path / "bird.wav", chirp(2.0))
    out = tmp_path / "heard"
    outcome = units(bird, "--layer", LAYER, "--top", 3, "--out", out, "--json")
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert report == json.loads((out / "units.json").read_text())
    assert report["layer"] == PUBLISHED
    ranks = [unit["rank"] for unit in report["units"]]
    excesses = [unit["excess"] for unit in report["units"]]
    assert ranks == [1, 2, 3]
    assert excesses == sorted(excesses, reverse=True)
    assert excesses[0] > 1
    heard = layer_of(Clip.from_array(chirp(2.0), RATE), yamnet, PUBLISHED)
    for unit in report["units"]:
        mean = heard[:3, ..., unit["channel"]].mean()  # the last patch reaches into silence
        assert unit["activity"] == pytest.approx(mean, rel=0.02, abs=1e-3)
        sound, rate = soundfile.read(unit["sound"])
        assert rate == RATE
        assert len(sound) == pytest.approx((unit["stop_s"] - unit["start_s"]) * RATE, abs=2)
        assert np.any(sound)
    table = units(bird, "--layer", LAYER, "--top", 3).out.splitlines()
    assert [int(line.split()[1]) for line in table[1:]] == [u["channel"] for u in report["units"]]


def test_what_a_channel_hears_excites_it_more_than_the_rest(
    units: Command, tmp_path: Path, yamnet: YamNet
) -> None:
    """Two tones: a channel that one of them excites leaves that one."""
    time = np.arange(2 * RATE) / RATE
    tones = 0.2 * np.sin(2 * np.pi * 500 * time) + 0.2 * np.sin(2 * np.pi * 5000 * time)
    both = write_sound(tmp_path / "both.wav", tones[None].astype(np.float32))
    out = tmp_path / "heard"
    assert units(both, "--layer", "layer2", "--top", 8, "--out", out).code == 0
    balance = []
    for path in sorted(out.glob("*.wav")):
        sound, _ = soundfile.read(path)
        power = np.abs(np.fft.rfft(sound)) ** 2
        hertz = np.arange(len(power)) * RATE / len(sound)
        low, high = (power[(hertz > f - 50) & (hertz < f + 50)].sum() for f in (500, 5000))
        balance.append(10 * np.log10((low + 1e-12) / (high + 1e-12)))
    assert len(balance) == 8
    assert max(balance) - min(balance) > 3


def test_channels_that_noise_excites_too_do_not_rank_first(yamnet: YamNet) -> None:
    noise = 0.1 * np.random.default_rng(3).standard_normal((1, 3 * RATE)).astype(np.float32)
    on_noise = rank_units(Clip.from_array(noise, RATE), yamnet, LAYER, 1)[0]
    on_bird = rank_units(Clip.from_array(chirp(3.0), RATE), yamnet, LAYER, 1)[0]
    assert on_noise.excess < 2 < 2 * on_noise.excess < on_bird.excess


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("--layer layer99", 2, "no layer 'layer99'"),
        ("", 2, "layer"),
        ("--layer layer5 --top 0", 2, "top"),
        ("--layer layer5 --model nothing", 2, "Unknown model 'nothing'"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    command: Command, bird: Path, arguments: str, code: int, words: str
) -> None:
    outcome = command("units", bird, *arguments.split())
    assert (outcome.code, len(outcome.messages)) == (code, 1)
    assert words in outcome.err


def test_files_are_replaced_only_if_asked(units: Command, bird: Path, tmp_path: Path) -> None:
    arguments = (bird, "--layer", LAYER, "--top", 1, "--out", tmp_path / "heard")
    assert units(*arguments).code == 0
    again = units(*arguments)
    assert again.code == 2
    assert "exists" in again.err
    assert units(*arguments, "--overwrite").code == 0
