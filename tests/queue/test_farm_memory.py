"""Memory that runs out on a machine of the farm; scheduler and machine are in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dreamsound_studio.queue.farm.cluster import Farm, FarmOptions, FarmWorker
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.options import WorkerOptions

from .conftest import Add, Work, renders_of, write_sound

distributed = pytest.importorskip("distributed", reason="the extra `farm` is not installed")
pytestmark = pytest.mark.yamnet


@pytest.fixture
def address(tmp_path: Path, yamnet: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a scheduler that has one machine, a thread of this process."""
    monkeypatch.setattr("dreamsound_studio.queue.farm.task._MODELS", [])
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        local_directory=str(tmp_path / "dask"),
    ) as cluster:
        yield cluster.scheduler_address


def work_on_farm(store: Store, address: str) -> None:
    """Run the queue on the farm until it is empty."""
    farm = Farm(FarmOptions(address))
    try:
        options = WorkerOptions(until_empty=True, checkpoint_every_s=0.0)
        FarmWorker(store, farm, options, lambda _: None).run()
    finally:
        farm.close()


def test_the_block_is_halved_on_the_farm_too(
    store: Store,
    add: Add,
    work: Work,
    address: str,
    tmp_path: Path,
    little_memory: Callable[..., None],
) -> None:
    song = write_sound(tmp_path / "song.wav", 5.0)
    small = add(song, "small", recipe={"block_patches": 4})
    work()
    halved = add(song, "halved", recipe={"block_patches": 8})
    little_memory(4)
    work_on_farm(store, address)
    job = store.job(halved)
    assert job.state == "done", job.error
    said = [line for line in job.result["warnings"] if "out of memory" in line]
    assert said == ["out of memory: block_patches halved from 8 to 4"]
    assert renders_of(job) == renders_of(store.job(small))

    little_memory(0)
    fails = add(song, "fails", recipe={"block_patches": 1})
    work_on_farm(store, address)
    job = store.job(fails)
    assert (job.state, job.code) == ("failed", "MemoryLimitError")
    assert "even with one patch at a time" in (job.error or "")
