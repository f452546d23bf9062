"""A job on a machine of the farm; scheduler and machines are in this process.

Dask runs a task again if it has lost the result, or thinks that it has; memory can run out.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.queue.farm import task
from dreamsound_studio.queue.farm.cluster import Farm, FarmOptions
from dreamsound_studio.queue.farm.messages import PROBE, FarmOrder, FarmOutcome
from dreamsound_studio.queue.farm.worker import FarmWorker
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.render.note import file_sha256

from .conftest import Add, Work, renders_of, write_sound

distributed = pytest.importorskip("distributed", reason="the extra `farm` is not installed")
pytestmark = pytest.mark.yamnet


@pytest.fixture
def address(tmp_path: Path, yamnet: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a scheduler that has two machines, threads of this process."""
    monkeypatch.setattr("dreamsound_studio.queue.farm.task._MODELS", [])
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        local_directory=str(tmp_path / "dask"),
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def client(address: str) -> Iterator[Any]:
    with distributed.Client(address, set_as_default=False) as client:
        yield client


@pytest.fixture
def order(bird: Path, tmp_path: Path) -> FarmOrder:
    """An order whose folder the machines share."""
    document = {"input": str(bird), "out": str(tmp_path / "out"), "recipe": {"steps": 2}}
    folder = tmp_path / "out" / ".farm"
    folder.mkdir(parents=True)
    (folder / PROBE).write_text("probe")
    return FarmOrder(
        spec=JobRequest.make(document).settled(tmp_path).to_json(),
        files={str(bird): file_sha256(bird) or ""},
        token="token",
        attempt="attempt",
        topic="topic",
        folder=str(folder),
        probe="probe",
        key={},
        checkpoint_every_s=60.0,
    )


def check_same(first: FarmOutcome, again: FarmOutcome, folder: Path) -> None:
    """Check that two runs have given the same files, each its own, and left nothing else."""
    assert first.files.keys() == again.files.keys() == {"dream", "gradient", "hardcut"}
    every = [*first.files.values(), *again.files.values()]
    for name, file in first.files.items():
        assert (file.name, file.sha256) == (f"bird_{name}.wav", again.files[name].sha256)
        assert again.files[name].name == file.name
    for file in every:
        assert (file_sha256(Path(file.path)), Path(file.path).stat().st_size) == (
            file.sha256,
            file.size,
        )
    assert len({file.path for file in every}) == 6
    left = {str(path) for path in folder.iterdir()} - {str(folder / PROBE)}
    assert left == (set() if first.here else {file.path for file in every})


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_task_that_is_run_again_gives_the_same(
    client: Any, order: FarmOrder, is_shared: bool
) -> None:
    folder = Path(order.folder)
    if not is_shared:
        (folder / PROBE).write_text("another folder of the same path")
    first, again = (
        client.submit(task.dream_job, order, {}, {}, pure=False).result(timeout=90) for _ in "12"
    )
    assert first.here is again.here is not is_shared
    check_same(first, again, folder)


def test_a_folder_that_another_user_may_only_read_is_not_written_to(
    client: Any, order: FarmOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access  # a test that root runs may write anywhere

    def closed(path: Any, mode: int, **more: Any) -> bool:
        return str(path) != order.folder and access(path, mode, **more)

    monkeypatch.setattr(os, "access", closed)
    made = client.submit(task.dream_job, order, {}, {}, pure=False).result(timeout=90)
    assert made.here
    assert [path.name for path in Path(order.folder).iterdir()] == [PROBE]


def test_two_runs_of_a_task_at_once_do_not_meet(
    client: Any, order: FarmOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished_files = task._finished_files
    both = threading.Barrier(2, timeout=90)

    def together(*arguments: Any) -> Any:
        both.wait()
        return finished_files(*arguments)

    monkeypatch.setattr(task, "_finished_files", together)
    machines = list(client.scheduler_info(n_workers=-1)["workers"])
    assert len(machines) == 2
    runs = [
        client.submit(task.dream_job, order, {}, {}, pure=False, workers=[machine])
        for machine in machines
    ]
    first, again = client.gather(runs)
    assert [first.machine, again.machine] == machines
    check_same(first, again, Path(order.folder))


def test_a_run_that_nobody_waits_for_any_more_writes_nothing(
    client: Any, order: FarmOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(order.folder)
    monkeypatch.setattr(task._Progress, "step", lambda *_: shutil.rmtree(folder, True))
    run = client.submit(task.dream_job, order, {}, {}, pure=False)
    with pytest.raises(AudioFileError, match="has ended elsewhere"):
        run.result(timeout=90)
    assert not folder.exists()


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
