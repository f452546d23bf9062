"""Memory that runs out: smaller blocks, and a dream that can still be made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.control import Control
from dreamsound_studio.dream.out_of_memory import FIRST_PATCHES, in_smaller_blocks
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.dream.records import RawDream, StepEvent
from dreamsound_studio.dream.step import NextSound
from dreamsound_studio.errors import MemoryLimitError, RecipeError, is_out_of_memory
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe

from ..test_api import RATE, chirp

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

LittleMemory = Callable[..., None]


def recipe(**fields: Any) -> Recipe:
    usual = {"method": "add", "steps": 4, "class_": "Whistling", "block_patches": 16}
    return Recipe.make(**(usual | {"backtrack": False} | fields))


def clip(seconds: float = 6.0) -> Clip:
    return Clip.from_array(chirp(seconds), RATE)


def dreamed(model: YamNet, given: Recipe, **more: Any) -> tuple[RawDream, list[StepEvent]]:
    dreamer = PatientDreamer(clip(), given, model, **more)
    events = list(dreamer.steps())
    return dreamer.result(), events


def assert_same(one: RawDream, other: RawDream) -> None:
    for name in ("samples", "entering", "gradient"):
        np.testing.assert_array_equal(getattr(one, name).array(), getattr(other, name).array())
    assert [event.score for event in one.steps] == [event.score for event in other.steps]
    assert (one.initial, one.final) == (other.initial, other.final)
    assert one.recipe == other.recipe
    assert one.earlier_blocks == other.earlier_blocks


def test_work_is_done_again_with_half_as_many_patches() -> None:
    tried: list[int] = []
    said: list[str] = []

    def work(patches: int) -> str:
        tried.append(patches)
        if patches > 5:
            raise MemoryError
        return "made"

    assert in_smaller_blocks(work, said.append) == "made"
    assert tried == [FIRST_PATCHES, 16, 8, 4]
    assert said[-1] == "out of memory: block_patches halved from 8 to 4"
    assert Plan.of(Recipe()).block_patches == FIRST_PATCHES


def test_work_that_fits_no_memory_or_fails_otherwise_is_not_tried_for_ever() -> None:
    def no_memory(_: int) -> None:
        raise MemoryError

    with pytest.raises(MemoryLimitError, match=r"one patch at a time.*close other programs"):
        in_smaller_blocks(no_memory)

    def other(patches: int) -> None:
        raise RecipeError(str(patches))

    with pytest.raises(RecipeError, match="32"):
        in_smaller_blocks(other)


@pytest.mark.yamnet
def test_errors_of_python_and_of_tensorflow_are_known() -> None:
    import tensorflow as tf

    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(tf.errors.ResourceExhaustedError(None, None, "OOM"))
    assert not is_out_of_memory(RecipeError("no"))


@pytest.mark.yamnet
def test_before_the_first_step_all_of_it_is_of_the_smaller_block(
    yamnet: YamNet, little_memory: LittleMemory
) -> None:
    smaller, _ = dreamed(yamnet, recipe(block_patches=4))
    little_memory(4)
    said: list[str] = []
    halved, events = dreamed(yamnet, recipe(), on_warning=said.append)
    assert_same(halved, smaller)
    assert [line.split("halved ")[1] for line in said] == ["from 16 to 8", "from 8 to 4"]
    assert halved.warnings == said
    assert [event.step for event in events] == [1, 2, 3, 4]


@pytest.mark.yamnet
@pytest.mark.parametrize(
    ("method", "after"), [("add", 1), ("add", 3), ("add", 4), ("sculpt", 1), ("sculpt", 4)]
)
def test_after_some_steps_the_record_makes_the_same_again(
    yamnet: YamNet,
    little_memory: LittleMemory,
    method: str,
    after: int,
) -> None:
    """After the last step too: the score at the end is heard in the smaller block."""
    without_bed = {"bed": "none"} if method == "sculpt" else {}
    # Without a bed, four steps of either method end higher than they begin: no warning says no.
    little_memory(4, after)
    halved, events = dreamed(yamnet, recipe(method=method, **without_bed), keep_every=1)
    assert halved.earlier_blocks == [(16, after)]
    assert halved.recipe.block_patches == 4
    assert halved.warnings == [
        f"out of memory: block_patches halved from {a} to {b} after step {after}"
        for a, b in ((16, 8), (8, 4))
    ]
    assert [event.step for event in events] == [1, 2, 3, 4]
    assert sorted(halved.kept) == [1, 2, 3]
    little_memory(1024)
    fewer = recipe(method=method, block_patches=4, **without_bed)
    again, _ = dreamed(yamnet, fewer, earlier_blocks=halved.earlier_blocks)
    assert_same(again, halved)
    assert again.warnings == []


@pytest.mark.yamnet
def test_blocks_that_differ_change_the_dream_a_little(yamnet: YamNet) -> None:
    """Otherwise the record of blocks would be there for nothing."""
    small, _ = dreamed(yamnet, recipe(block_patches=4))
    mixed, _ = dreamed(yamnet, recipe(block_patches=4), earlier_blocks=[(16, 2)])
    assert np.any(small.samples.array() != mixed.samples.array())
    assert np.corrcoef(small.samples.array()[0], mixed.samples.array()[0])[0, 1] > 0.99


@pytest.mark.yamnet
def test_a_dream_that_has_stopped_does_not_go_on(
    yamnet: YamNet, little_memory: LittleMemory
) -> None:
    """Memory runs out where the end is heard, when a score has stopped the dream."""
    little_memory(4, 1)
    halved, events = dreamed(yamnet, recipe(stop_score=1e-9))
    assert [event.step for event in events] == [1]
    assert len(halved.steps) == 1
    assert halved.earlier_blocks == [(16, 1)]
    assert sum("stopped after 1 steps" in line for line in halved.warnings) == 1


@pytest.mark.yamnet
def test_finished_early_or_cancelled_it_stays_so(
    yamnet: YamNet, little_memory: LittleMemory
) -> None:
    little_memory(4, 2)
    control = Control()
    dreamer = PatientDreamer(clip(), recipe(steps=9), yamnet, control=control)
    for event in dreamer.steps():
        if event.step == 2:
            control.finish()
    assert len(dreamer.result().steps) == 2


@pytest.mark.yamnet
def test_a_step_that_is_half_made_is_made_again_from_a_whole_one(
    yamnet: YamNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory runs out while the sound is changed: what is half changed is not gone on from."""
    advance = NextSound.advance
    failed: list[int] = []

    def advance_and_fail(method: NextSound, state: Any) -> str | None:
        reason = advance(method, state)
        if state.step == 2 and not failed:
            failed.append(2)
            raise MemoryError
        return reason

    small, _ = dreamed(yamnet, recipe(block_patches=8))
    monkeypatch.setattr(NextSound, "advance", advance_and_fail)
    halved, events = dreamed(yamnet, recipe())
    assert failed == [2]
    assert_same(halved, small)
    assert [event.step for event in events] == [1, 1, 2, 3, 4]


@pytest.mark.yamnet
def test_one_patch_that_is_too_many_is_one_clear_line(
    yamnet: YamNet, little_memory: LittleMemory
) -> None:
    little_memory(0)
    with pytest.raises(MemoryLimitError, match="close other programs"):
        dreamed(yamnet, recipe(block_patches=2))


@pytest.mark.yamnet
def test_a_guide_is_heard_in_smaller_blocks(
    yamnet: YamNet, little_memory: LittleMemory, tmp_path: Any
) -> None:
    import soundfile

    soundfile.write(tmp_path / "guide.wav", chirp(2.0).T, RATE, subtype="FLOAT")
    little_memory(4)
    given = Recipe.make(objective=f'guide:"{tmp_path / "guide.wav"}"', steps=1, block_patches=4)
    result, _ = dreamed(yamnet, given)
    assert len(result.steps) == 1
