"""Blocks of silence are heard once, and it changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream import ear as ears
from dreamsound_studio.dream.ear import BEST, Ear
from dreamsound_studio.dream.gradient_pass import Classes
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import ClassObjective
from dreamsound_studio.dream.silence import Silences
from dreamsound_studio.models.yamnet.network import YamNet

RATE = 44_100
SECONDS = 40


@dataclass(frozen=True)
class _Timed(ClassObjective):
    """A class that would mean something else at another time."""

    reads_time = True


class _Counted:
    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self.calls = 0

    def __call__(self, *given: Any) -> Any:
        self.calls += 1
        return self._graph(*given)


def sound() -> Samples:
    """Two seconds of noise, a long silence, and two seconds of noise."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, SECONDS * RATE))
    noise[:, 2 * RATE : -2 * RATE] = 0
    return Samples.of(noise.astype(np.float32))


def ear_of(model: YamNet, objective: Any) -> tuple[Ear, _Counted, _Counted]:
    ear = Ear(model, objective, RATE, hop_frames=model.published_hop_frames, block_patches=16)
    ear._forward, ear.both = _Counted(ear._forward), _Counted(ear.both)
    return ear, ear._forward, ear.both


@pytest.mark.yamnet
@pytest.mark.parametrize("classes", [(35,), BEST])
def test_a_long_silence_is_heard_once(
    yamnet: YamNet, monkeypatch: pytest.MonkeyPatch, classes: Classes
) -> None:
    found = []
    for alike in (True, False):
        monkeypatch.setattr(ears, "Silences", lambda alike, use=alike: Silences(alike and use))
        ear, forward, both = ear_of(yamnet, ClassObjective())
        grid = ear.grid(SECONDS * RATE, 0.3)
        blocks = len(list(grid.blocks(ear.block_size(grid.count))))
        assert blocks > 8
        into = Samples(1, SECONDS * RATE)
        climbed = ear.gradient(Mono(sound()), grid, classes, into)
        heard = ear.hear(Mono(sound()), grid, classes)
        found.append((into.array(), vars(climbed), vars(heard)))
        # Blocks may be of two sizes, and two threads may hear the first of a size both.
        most = 2 + 2 * 2 if alike else blocks
        assert (both.calls <= most) if alike else (both.calls == most)
        assert (forward.calls <= 3 * most) if alike else (forward.calls >= blocks)
    (gradient, *evaluations), (expected, *wanted) = found
    np.testing.assert_array_equal(gradient, expected)
    assert np.any(gradient)
    assert str(evaluations) == str(wanted)


@pytest.mark.yamnet
def test_what_depends_on_time_hears_every_block(yamnet: YamNet) -> None:
    ear, _, both = ear_of(yamnet, _Timed())
    grid = ear.grid(SECONDS * RATE, 0.3)
    ear.gradient(Mono(sound()), grid, (35,), Samples(1, SECONDS * RATE))
    assert both.calls == len(list(grid.blocks(ear.block_size(grid.count))))
