"""Faults that happen to real processes with a real network: kills, races to start, lost folders."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from dreamsound_studio.locks import is_locked
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.start import LOCK_NAME, ensure_worker, has_worker, is_tended

from .conftest import Add, Work, dreamsound, listening, until, write_sound
from .killing import check_nothing_lost, is_running, run_and_kill

pytestmark = [pytest.mark.yamnet, pytest.mark.slow]


def pids_of(store: Store) -> list[int]:
    return [row.pid for row in store.workers()]


def test_a_worker_killed_three_times_loses_nothing_and_does_nothing_twice(
    store: Store, tmp_path: Path, yamnet_h5: Path
) -> None:
    del yamnet_h5  # skips without
    sources = [write_sound(tmp_path / f"{n}.wav", 1.0 + 0.2 * n, n) for n in range(5)]
    killed, calm = tmp_path / "killed", tmp_path / "calm"
    jobs = run_and_kill(store, sources, killed, kills=3, seed=5)
    assert sum(job.crashes for job in jobs) == 3
    with Store(tmp_path / "calm-queue" / "queue.sqlite") as other:
        run_and_kill(other, sources, calm, kills=0, seed=0)
    check_nothing_lost(
        store,
        jobs,
        killed,
        lambda source: {p.name: p.read_bytes() for p in (calm / source.stem).iterdir()},
    )


@pytest.mark.usefixtures("allowed")
def test_one_worker_is_started_however_many_ask_and_another_when_its_supervisor_dies(
    store: Store, add: Add, tmp_path: Path, yamnet_h5: Path
) -> None:
    del yamnet_h5
    folders = []
    for number in range(6):
        folder = tmp_path / f"job{number}"
        folder.mkdir()
        document = {"input": "../bird.wav", "out": ".", "recipe": {"steps": 2}}
        (folder / "job.json").write_text(json.dumps(document))
        folders.append(folder)
    asking = [dreamsound("submit", folder) for folder in folders]
    for process in asking:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.strip().isdigit()
    assert is_tended(store)  # before the worker has registered
    until(lambda: has_worker(store), "a worker is alive")
    assert not ensure_worker(store)
    until(lambda: all((folder / "result.json").exists() for folder in folders), "all done")
    results = [json.loads((folder / "result.json").read_text()) for folder in folders]
    assert {result["state"] for result in results} == {"done"}
    by = {store.job(result["job"]).worker for result in results}
    assert len(by) == 1
    # All workers there ever were say so when they begin.
    log = (store.folder / "worker.log").read_text()
    assert log.count("running on") == 1
    assert is_locked(store.folder / LOCK_NAME)
    (child,) = pids_of(store)
    supervisor = parent_of(child)
    assert listening(supervisor) == []
    long = add(steps=5000, out="long")
    until(lambda: store.job(long).progress.get("step"), "a step")
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not is_running(child), "the process that works has left")
    assert not (tmp_path / "long").exists()
    # Nobody sees that it is gone: what waits is taken up by another.
    until(lambda: store.job(long).attempts == 2, "another worker has the job")
    assert store.job(long).crashes == 0
    store.cancel(long)
    until(lambda: store.job(long).is_over, "the job is cancelled")
    (other,) = pids_of(store)
    os.kill(parent_of(other), signal.SIGTERM)
    until(lambda: not is_running(other), "the other worker has left")


def parent_of(pid: int) -> int:
    words = ["ps", "-o", "ppid=", "-p", str(pid)]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def test_a_worker_leaves_when_asked_to_and_gives_its_job_back(
    store: Store, add: Add, yamnet_h5: Path
) -> None:
    del yamnet_h5
    number = add(steps=5000)
    worker = dreamsound("worker")
    until(lambda: store.job(number).progress.get("step"), "a step")
    (child,) = pids_of(store)
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert not is_running(child)
    assert store.job(number).state == "queued"
    assert store.workers() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_still_loading_leaves_when_asked_to(
    store: Store, number: signal.Signals
) -> None:
    psutil = pytest.importorskip("psutil")
    worker = dreamsound("worker")
    until(psutil.Process(worker.pid).children, "the process that works")
    worker.send_signal(number)
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert store.workers() == []


def test_a_job_that_kills_its_worker_twice_is_failed_and_the_next_one_runs(
    store: Store, add: Add, tmp_path: Path, yamnet_h5: Path
) -> None:
    del yamnet_h5
    deadly, harmless = add(out="deadly", steps=5000), add(out="harmless")
    worker = dreamsound("worker", "--until-empty")
    for attempt in (1, 2):
        until(
            lambda n=attempt: store.job(deadly).attempts == n and store.job(deadly).progress,
            f"attempt {attempt}",
        )
        until(lambda: store.job(deadly).progress.get("step"), "a step")
        os.kill(pids_of(store)[0], signal.SIGKILL)
    _, err = worker.communicate(timeout=120)
    assert worker.returncode == 0, err
    assert store.job(deadly).state == "failed"
    assert "died twice" in (store.job(deadly).error or "")
    assert store.job(harmless).state == "done"
    assert err.count("the worker died (SIGKILL); restarting") == 2


@pytest.mark.usefixtures("allowed")
def test_a_job_folder_that_goes_away_stops_nobody(
    store: Store, work: Work, add: Add, tmp_path: Path
) -> None:
    from dreamsound_studio.queue.inbox import submit

    folder = tmp_path / "gone"
    folder.mkdir()
    (folder / "job.json").write_text(
        json.dumps({"input": str(tmp_path / "bird.wav"), "out": str(tmp_path / "o")})
    )
    job = submit(folder, store)
    after = add(out="after")
    shutil.rmtree(folder)
    work()
    assert store.job(job.id).state == "done"
    assert store.job(after).state == "done"
    assert not folder.exists()


def test_submit_imports_neither_network_nor_numbers(tmp_path: Path, queue_path: Path) -> None:
    """What takes long to import is not: a face that waits for it must not stand still."""
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({"input": "a.wav", "out": "."}))
    script = (
        "import sys; from dreamsound_studio.cli import main; "
        f"assert main(['submit', '--no-start', {str(folder)!r}]) == 0; "
        "slow = ('numpy', 'dreamsound_studio.recipe.recipe', 'tensorflow'); "
        "print([name for name in slow if name in sys.modules])"
    )
    import sys

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["1", "[]"], done.stderr
    assert json.loads((folder / "status.json").read_text())["state"] == "queued"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        ("{", "invalid JSON"),
        ("[]", "not a JSON object"),
        ('{"out": "."}', "'input'"),
        ('{"input": "a", "out": 3}', "'out'"),
        ('{"input": "a", "out": ".", "schema_version": 7}', "schema_version"),
        ('{"input": "a", "out": ".", "priority": "high"}', "priority"),
        ('{"input": "a", "out": ".", "kind": "song"}', "kind"),
        ("[" * 5000, "invalid JSON"),
    ],
)
def test_a_folder_without_a_job_is_reported_in_one_line(
    tmp_path: Path, queue_path: Path, capfd: pytest.CaptureFixture[str], content: str, why: str
) -> None:
    from dreamsound_studio.cli import main

    if content is not None:
        (tmp_path / "job.json").write_text(content)
    # A missing file is bad input in every command.
    assert main(["submit", "--no-start", str(tmp_path)]) == (2 if content is None else 1)
    (line,) = capfd.readouterr().err.splitlines()
    assert why in line


def test_a_worker_dying_at_once_again_and_again_is_given_up(
    store: Store, add: Add, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something in the environment kills it before it has had a job."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "if '--child' in sys.argv or '--child' in sys.orig_argv:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    add()
    worker = dreamsound("worker")
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 1
    assert "died 3 times without a job" in err.splitlines()[-1]
