"""A worker's memory: blocks are halved when it runs out, and models stay loaded within a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dreamsound_studio.jobs.models import WarmModels
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import Add, Work, renders_of, write_sound

pytestmark = pytest.mark.yamnet


@pytest.mark.parametrize("whose", ["Python", "TensorFlow"])
def test_out_of_memory_halves_the_block_and_goes_on(
    store: Store,
    add: Add,
    work: Work,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whose: str,
) -> None:
    import tensorflow as tf

    from dreamsound_studio.dream import step_gradient

    long = write_sound(tmp_path / "long.wav", 6.0)
    smaller = add(long, "smaller", recipe={"block_patches": 4})
    work()
    number = add(long, "halved", recipe={"block_patches": 16})
    through = step_gradient.gradients

    def little_memory(passes: Any, *arguments: Any) -> Any:
        if any(one.ear.block_patches > 4 for one in passes):
            if whose == "Python":
                raise MemoryError
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return through(passes, *arguments)

    monkeypatch.setattr(step_gradient, "gradients", little_memory)
    said = work()
    job = store.job(number)
    assert job.state == "done"
    warnings = [line for line in job.result["warnings"] if "out of memory" in line]
    assert [line.split("halved ")[1] for line in warnings] == ["from 16 to 8", "from 8 to 4"]
    assert sum("out of memory" in line for line in said) == 2
    assert job.result["recipe"]["block_patches"] == 4
    # All of it ran with the smaller block, as its recipe says: the same bytes.
    assert renders_of(job) == renders_of(store.job(smaller))


def test_memory_that_does_not_suffice_for_one_patch_fails_the_job(
    store: Store, add: Add, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamsound_studio.dream import step_gradient

    def no_memory(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(step_gradient, "gradients", no_memory)
    number = add(recipe={"block_patches": 2})
    work()
    assert (store.job(number).state, store.job(number).code) == ("failed", "MemoryLimitError")


def test_models_stay_warm_the_last_used_within_their_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yamnet_h5: Path
) -> None:
    loads: list[Path] = []

    class Loadable:
        """Stands for a network: nothing of it is used here."""

    def load(weights: Any) -> Any:
        loads.append(weights.path)
        return Loadable()

    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", load)
    paths = [tmp_path / f"{name}.h5" for name in "abc"]
    for path in paths:
        path.symlink_to(yamnet_h5)
    size = yamnet_h5.stat().st_size * 4
    notes: list[str] = []
    models = WarmModels(2 * size, notes.append)
    a, b, c = (Recipe(model=str(path)) for path in paths)
    first = models.load(a)
    models.load(b)
    assert models.load(a) is first
    models.load(c)  # no room for three: b was not used for longest
    assert models.load(a) is first
    models.load(b)
    assert loads == [paths[0], paths[1], paths[2], paths[1]]
    assert len(notes) == 2
