"""A worker's memory: blocks are halved when it runs out, and models stay loaded within a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dreamsound_studio.dream.graphs import Traced
from dreamsound_studio.jobs.models import COPIES, WarmModels
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.supervisor import MOST_DEATHS, OUTGROWN, Supervisor
from dreamsound_studio.queue.worker.worker import MOST_GAIN_BYTES
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
        """Stands for a network without graphs."""

        def __init__(self) -> None:
            self.graphs: dict[object, object] = {}

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


def test_graphs_make_room_before_models_do(
    monkeypatch: pytest.MonkeyPatch, yamnet_h5: Path
) -> None:
    class Network:
        def __init__(self) -> None:
            self.graphs: dict[str, Traced] = {}
            self.most_graph_bytes = 0

    network = Network()
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: network)
    weights_bytes = yamnet_h5.stat().st_size * COPIES
    models = WarmModels(weights_bytes + 150)
    models.load(Recipe(model=str(yamnet_h5)))
    assert network.most_graph_bytes == 150
    network.graphs |= {name: Traced(sizes={"both": 100}) for name in "ab"}
    assert models.taken_bytes == weights_bytes + 200
    models.load(Recipe(model=str(yamnet_h5)))
    assert list(network.graphs) == ["b"]


def test_a_worker_that_has_outgrown_its_memory_ends_between_two_jobs(
    store: Store, add: Add, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [add(out=f"out{n}", steps=1) for n in range(3)]
    sizes = iter([10**9, 10**9 + 2 * MOST_GAIN_BYTES])
    monkeypatch.setattr("dreamsound_studio.queue.worker.worker.resident_bytes", lambda: next(sizes))
    work()
    assert [store.job(number).state for number in numbers] == ["done", "done", "queued"]
    monkeypatch.setattr("dreamsound_studio.queue.worker.worker.resident_bytes", lambda: 10**9)
    work()
    assert store.job(numbers[2]).state == "done"


def test_another_process_takes_the_place_of_one_that_has_outgrown_its_memory(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More often than a worker may die.
    codes = iter([OUTGROWN] * (MOST_DEATHS + 1) + [0])
    monkeypatch.setattr(Supervisor, "_work", lambda _: next(codes))
    said: list[str] = []
    assert Supervisor(store, [], None, said.append).run() == 0
    assert said == ["the worker restarts to free memory"] * (MOST_DEATHS + 1)
