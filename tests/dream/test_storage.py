"""Where a dream's sounds live: the same bytes in memory and on disk, and no new storage a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio import sample_memory
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.sample_memory import SampleMemory
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.records import StepEvent
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.mixer import RenderMixer
from dreamsound_studio.render.options import RenderOptions

Floats = npt.NDArray[np.float32]
RATE = 16_000
#: Recipes that take each way through a step, by name.
WAYS: dict[str, dict[str, Any]] = {
    "add": {"method": "add"},
    "add in mid and side": {"method": "add", "channels": "mid-side"},
    "add an octave up": {"method": "add", "air": "octave"},
    "filter": {"method": "filter"},
    "filter-add": {"method": "filter-add"},
    "target": {"method": "target", "target": "other.wav"},
    "sculpt": {"method": "sculpt", "listens": 2},
    "sculpt in a band, with fades": {
        "method": "sculpt",
        "listens": 1,
        "fade_in_s": 0.2,
        "fade_out_s": 0.2,
        "band_low_hz": 500.0,
    },
}
RENDERS = ("dream", "gradient", "hardcut", "filtered", "difference")
pytestmark = pytest.mark.yamnet


def chirp(is_backwards: bool = False) -> Clip:
    """Return a chirp in noise, stored where there is room."""
    t = np.arange(5 * RATE) / RATE  # more than a block
    tone = 0.2 * np.sin(2 * np.pi * (1200 * t + 400 * np.sin(2 * np.pi * 2 * t)))
    noise = np.random.default_rng(1).standard_normal((2, len(t))) * 0.003
    sound = (tone[:: -1 if is_backwards else 1] + noise).astype(np.float32)
    samples = Samples(*sound.shape)
    samples.write(0, sound)
    return Clip(samples, RATE)


def dreamer_of(yamnet: Model, **fields: Any) -> Dreamer:
    recipe = Recipe.make(class_="Whistling", **fields)
    target = chirp(is_backwards=True) if "target" in fields else None
    return Dreamer(chirp(), recipe, yamnet, target=target)


def dreamed(yamnet: Model, fields: dict[str, Any]) -> tuple[list[StepEvent], dict[str, Floats]]:
    """Return the steps of a short dream, without their durations, and its renders."""
    dreamer = dreamer_of(yamnet, steps=2, **fields)
    steps = [replace(step, seconds=0.0) for step in dreamer.steps()]
    with dreamer.result() as dream:
        mixer = RenderMixer(dream, RenderOptions(), "32f", [])
        renders = {name: np.concatenate(list(mixer.blocks(name)), axis=1) for name in RENDERS}
        mixer.close()
    return steps, renders


@pytest.mark.parametrize("fields", WAYS.values(), ids=WAYS.keys())
def test_a_dream_has_the_same_bytes_in_memory_and_on_disk(
    yamnet: Model, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    steps, renders = dreamed(yamnet, fields)
    budget = SampleMemory(0, 0)
    monkeypatch.setattr(sample_memory, "PROCESS", budget)
    assert chirp().samples.on_disk
    steps_on_disk, renders_on_disk = dreamed(yamnet, fields)
    assert steps_on_disk == steps
    for name in RENDERS:
        np.testing.assert_array_equal(renders_on_disk[name], renders[name], name)


@pytest.fixture(params=["add", "filter", "sculpt"])
def begun(yamnet: Model, request: pytest.FixtureRequest) -> Iterator[StepEvent]:
    """A dream after two steps."""
    fields = {"listens": 1, "fade_in_s": 0.1} if request.param == "sculpt" else {}
    steps = dreamer_of(yamnet, method=request.param, steps=4, **fields).steps()
    next(steps)
    next(steps)
    return steps


def test_a_step_takes_no_new_storage(
    begun: Iterator[StepEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    plain = Samples.__init__

    def counted(self: Samples, channels: int, length: int, *others: Any) -> None:
        made.append(length)
        plain(self, channels, length, *others)

    monkeypatch.setattr(Samples, "__init__", counted)
    assert next(begun).step == 3
    assert next(begun).step == 4
    assert not made
