"""The farm: a scheduler and workers of Dask's, each a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store

from .conftest import Add, dreamsound, listening, renders_of, until, write_sound
from .killing import is_running

pytest.importorskip("distributed", reason="the extra `farm` is not installed")
pytestmark = [pytest.mark.yamnet, pytest.mark.slow]


class Cluster:
    """A scheduler, and workers that can be started and killed."""

    def __init__(self, folder: Path, scheduler: list[str], worker: list[str]) -> None:
        self.folder = folder
        self._worker = worker
        self._processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self._start("scheduler", *scheduler, "--scheduler-file", str(file))
        until(lambda: file.exists() and file.read_text().endswith("}"), "the scheduler's address")
        self.address = json.loads(file.read_text())["address"]

    def start_worker(self, name: str, *more: str, before: list[str] | None = None) -> int:
        """Start a worker of one thread; return its process number."""
        place = self.folder / name
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name]
        options += ["--local-directory", str(place), *self._worker, *more]
        return self._start("worker", self.address, *options, before=before)

    def wait_for_workers(self, count: int) -> None:
        """Wait until the scheduler has so many workers."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=90)

    def kill_scheduler(self) -> None:
        self._processes[0].kill()
        self._processes[0].wait()

    def close(self) -> None:
        for process in self._processes[::-1]:
            process.kill()
            process.wait()

    def _start(self, what: str, *arguments: str, before: list[str] | None = None) -> int:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
        log = (self.folder / f"{what}{len(self._processes)}.log").open("wb")
        self._processes.append(
            subprocess.Popen([*(before or []), *command], stdout=log, stderr=log)
        )
        log.close()
        return self._processes[-1].pid


@contextmanager
def cluster_in(folder: Path, scheduler: list[str], worker: list[str]) -> Iterator[Cluster]:
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(
        folder, ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", *scheduler], worker
    )
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, yamnet_h5: Path) -> Iterator[Cluster]:
    """Two workers; TensorFlow is imported by the first jobs."""
    del yamnet_h5  # skips without
    with cluster_in(tmp_path_factory.mktemp("cluster"), [], []) as cluster:
        for name in ("a", "b"):
            cluster.start_worker(name)
        yield cluster


def farm(cluster: Cluster, *arguments: str) -> subprocess.Popen[str]:
    return dreamsound(
        "worker", "--farm", cluster.address, "--until-empty", "--checkpoint-every", "0", *arguments
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    _, err = process.communicate(timeout=400)
    assert process.returncode == code, err
    return err


def calm(store: Store, add: Add, source: Path, **more: object) -> Job:
    """The same job, dreamed here by a worker of its own process."""
    number = add(source, f"calm-{source.stem}", **more)
    ended(dreamsound("worker", "--until-empty"))
    return store.job(number)


def test_sixteen_jobs_on_two_workers_are_what_they_are_here(
    cluster: Cluster, store: Store, add: Add, tmp_path: Path
) -> None:
    sources = [write_sound(tmp_path / f"{n}.wav", 0.5 + 0.05 * n, n) for n in range(16)]
    numbers = [add(source, "farm", steps=4) for source in sources]
    err = ended(farm(cluster))
    jobs = [store.job(number) for number in numbers]
    assert [job.state for job in jobs] == ["done"] * 16, err
    assert len({job.progress["machine"] for job in jobs}) == 2  # both have worked
    assert sorted(path.name for path in (tmp_path / "farm").iterdir()) == sorted(
        f"{n}_{render}.wav" for n in range(16) for render in ("dream", "gradient", "hardcut")
    )
    assert jobs[3].progress["step"] == 4
    assert jobs[3].result["renders"]["dream"] == str(tmp_path / "farm" / "3_dream.wav")
    assert renders_of(jobs[3]) == renders_of(calm(store, add, sources[3], steps=4))
    assert store.workers() == []
    assert not [path for name in "ab" for path in (cluster.folder / name).rglob("*.wav")]


def test_cancel_stops_a_task_that_runs_and_finish_keeps_what_there_is(
    cluster: Cluster, store: Store, add: Add, tmp_path: Path
) -> None:
    cancelled, finished = add(steps=9999, out="cancelled"), add(steps=9999, out="finished")
    after = add(out="after")
    process = farm(cluster)
    for number in (cancelled, finished):
        until(lambda n=number: store.job(n).progress.get("step", 0) > 2, "steps")
    assert listening(process.pid) == []
    store.cancel(cancelled)
    store.finish(finished)
    ended(process)  # `after` has found a thread that was free: the tasks have really stopped
    assert store.job(cancelled).state == "cancelled"
    assert list((tmp_path / "cancelled").glob("*.wav")) == []
    assert store.job(finished).state == "done"
    assert 2 < store.job(finished).result["steps"] < 9999
    assert store.job(after).state == "done"


def test_what_cannot_be_dreamed_fails_as_it_does_here(
    cluster: Cluster, store: Store, add: Add, tmp_path: Path
) -> None:
    missing = add(tmp_path / "missing.wav")
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    no_sound = add(text)
    there, skipped = add(out="there"), add(out="there", options={"clash": "skip"})
    refused = add(out="there")
    store.move(there, to="top")
    process = farm(cluster)
    ended(process)
    assert "missing.wav" in (store.job(missing).error or "")
    assert (store.job(no_sound).state, store.job(no_sound).code) == ("failed", "AudioFileError")
    states = [store.job(number).state for number in (there, skipped, refused)]
    assert states.count("done") >= 1
    assert all(one.state in ("done", "failed") for one in store.jobs())
    assert len(list((tmp_path / "there").iterdir())) == 3


#: A machine that cannot end the dream before it is killed, however fast it is.
STAYS_IN_THE_DREAM = """
import time
from dreamsound_studio.queue.farm import task

step = task._Progress.step

def stays(self, event):
    step(self, event)
    time.sleep(0.1 if event.step < 20 else 3600)

def dask_setup(worker):
    task._Progress.step = stays
"""


def test_a_lost_worker_s_job_goes_on_elsewhere_from_its_checkpoint(
    store: Store, add: Add, tmp_path: Path, yamnet_h5: Path
) -> None:
    del yamnet_h5
    source = write_sound(tmp_path / "long.wav", 3.0)
    stay = tmp_path / "stay.py"
    stay.write_text(STAYS_IN_THE_DREAM)
    with cluster_in(tmp_path / "cluster", [], []) as cluster:
        first = cluster.start_worker("first", "--preload", str(stay))
        number = add(source, "farm", steps=40)
        process = farm(cluster)
        until(lambda: store.job(number).checkpoint, "a checkpoint was brought here")
        until(lambda: store.job(number).progress.get("step", 0) > 5, "some steps")
        os.kill(first, signal.SIGKILL)
        cluster.start_worker("second")
        err = ended(process)
    job = store.job(number)
    assert (job.state, job.crashes, job.attempts) == ("done", 1, 2), err
    assert "resumed after step" in err
    assert job.progress["resumed"] >= 1
    assert renders_of(job) == renders_of(calm(store, add, source, steps=40))


#: The first run of a task kills its process when the files are there and the result is not.
DIES_AFTER_THE_DREAM = """
import os, signal
from dreamsound_studio.queue.farm import task

outcome = task.FarmOutcome

def dies(*arguments):
    try:
        open({flag!r}, "x").close()
    except FileExistsError:
        return outcome(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

def dask_setup(worker):
    task.FarmOutcome = dies
"""


def test_a_machine_lost_after_the_dream_with_its_result_changes_nothing(
    store: Store, add: Add, tmp_path: Path, bird: Path, yamnet_h5: Path
) -> None:
    del yamnet_h5
    flag, dies = tmp_path / "flag", tmp_path / "dies.py"
    dies.write_text(DIES_AFTER_THE_DREAM.format(flag=str(flag)))
    with cluster_in(tmp_path / "cluster", [], []) as cluster:
        pids = [cluster.start_worker(name, "--preload", str(dies)) for name in ("a", "b")]
        cluster.wait_for_workers(2)  # Dask runs the task again on the other at once
        number = add(out="farm")
        err = ended(farm(cluster))
        assert [is_running(pid) for pid in pids].count(True) == 1
    job = store.job(number)
    assert (job.state, job.crashes, job.attempts) == ("done", 1, 2), err
    assert renders_of(job) == renders_of(calm(store, add, bird))
    assert sorted(path.name for path in (tmp_path / "farm").iterdir()) == [
        f"bird_{render}.wav" for render in ("dream", "gradient", "hardcut")
    ]


def test_a_scheduler_that_is_gone_gives_the_jobs_back(
    store: Store, add: Add, tmp_path: Path, yamnet_h5: Path
) -> None:
    del yamnet_h5
    number = add(steps=9999)
    with cluster_in(tmp_path / "cluster", [], []) as cluster:
        cluster.start_worker("a")
        process = farm(cluster)
        until(lambda: store.job(number).progress.get("step", 0) > 2, "steps")
        cluster.kill_scheduler()
        err = ended(process, code=1)
    assert "the scheduler at tcp://127.0.0.1" in err.splitlines()[-1]
    assert (store.job(number).state, store.job(number).crashes) == ("queued", 0)
    assert store.workers() == []
    assert list((tmp_path / "out").iterdir()) == []


#: A machine with another DreamSound.
IS_OLDER = """
from dreamsound_studio.queue.farm import versions

def dask_setup(worker):
    versions.versions = lambda: {"engine": "0.0.9", "recipes": 1}
"""


def test_a_scheduler_that_comes_back_is_used_again_and_another_version_is_not(
    store: Store, add: Add, tmp_path: Path, yamnet_h5: Path
) -> None:
    del yamnet_h5
    older = tmp_path / "older.py"
    older.write_text(IS_OLDER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = ["--port", str(free.getsockname()[1])]
    number = add()
    said = tmp_path / "said"
    with cluster_in(tmp_path / "first", port, []) as cluster, said.open("w") as log:
        cluster.start_worker("older", "--preload", str(older))
        process = dreamsound("worker", "--farm", cluster.address, stderr=log)
        until(lambda: "gets no jobs" in said.read_text(), "the machine was asked")
        assert store.job(number).state == "queued"
        cluster.kill_scheduler()
        until(lambda: "wait until it comes back" in said.read_text(), "it is missed")
    with cluster_in(tmp_path / "second", port, []) as cluster:
        cluster.start_worker("good")
        until(lambda: store.job(number).is_over, "the job is over")
        process.terminate()
        process.wait(60)
    job = store.job(number)
    assert (job.state, job.crashes, job.attempts) == ("done", 0, 1), said.read_text()
    assert "it has DreamSound 0.0.9, and this machine" in said.read_text()


def test_where_there_are_gpus_jobs_go_to_them_alone(
    store: Store, add: Add, tmp_path: Path, yamnet_h5: Path
) -> None:
    del yamnet_h5
    numbers = [add(out=f"out{n}") for n in range(4)]
    with cluster_in(tmp_path / "cluster", [], []) as cluster:
        cluster.start_worker("none")
        cluster.start_worker("gpu", "--resources", "GPU=1")
        ended(farm(cluster))
        machines = {store.job(number).progress["machine"] for number in numbers}
        assert [store.job(number).state for number in numbers] == ["done"] * 4
        assert len(machines) == 1


@pytest.fixture
def blind(tmp_path: Path) -> list[str]:
    """What starts a process that sees nothing of the test's folder of sounds."""
    hidden = tmp_path / "sounds"
    hidden.mkdir()
    script = f'mount -t tmpfs none {hidden} && exec "$@"'
    before = ["unshare", "--mount", "sh", "-c", script, "sh"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*before, "true"], capture_output=True).returncode
    ):
        pytest.skip("no process can be kept from seeing a folder here")
    return before


def test_files_travel_by_value_where_they_are_not_seen(
    blind: list[str], store: Store, add: Add, tmp_path: Path, yamnet_h5: Path
) -> None:
    del yamnet_h5
    sounds = tmp_path / "sounds"
    source, target = write_sound(sounds / "source.wav"), write_sound(sounds / "target.wav", seed=4)
    recipe = {"method": "target", "target": str(target)}
    number = add(source, str(sounds / "out"), recipe=recipe, options={"renders": ["dream"]})
    with cluster_in(tmp_path / "cluster", [], []) as cluster:
        cluster.start_worker("blind", before=blind)
        err = ended(farm(cluster))
        left = [path.name for path in (cluster.folder / "blind").rglob("*.wav")]
    job = store.job(number)
    assert job.state == "done", err
    assert left == []
    assert [path.name for path in (sounds / "out").iterdir()] == ["source_dream.wav"]
    here = calm(store, add, source, recipe=recipe, options={"renders": ["dream"]})
    assert renders_of(job) == renders_of(here)


def test_a_farm_that_encrypts(store: Store, add: Add, tmp_path: Path, yamnet_h5: Path) -> None:
    del yamnet_h5
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make certificates with")
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes "
        f"-days 2 -subj /CN=farm -keyout {key} -out {cert}",
        shell=True,
        check=True,
        capture_output=True,
    )
    tls = ["--tls-ca-file", cert, "--tls-cert", cert, "--tls-key", key]
    with cluster_in(tmp_path / "cluster", ["--protocol", "tls", *tls], tls) as cluster:
        assert cluster.address.startswith("tls://")
        cluster.start_worker("safe")
        number = add()
        ended(farm(cluster, *tls))
    assert store.job(number).state == "done"


def test_no_scheduler_is_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import dreamsound_studio.queue.farm.cluster as module
    from dreamsound_studio.errors import QueueError

    monkeypatch.setattr(module, "CONNECT_S", 0.5)
    began_s = time.monotonic()
    with pytest.raises(QueueError, match=r"No scheduler answers at tcp://127\.0\.0\.1:9") as caught:
        module.Farm(module.FarmOptions("tcp://127.0.0.1:9"))
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began_s < 20
