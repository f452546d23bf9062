"""A run: jobs put into the queue, followed, obeyed, and taken up again."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dreamsound_reaper.run import jobs as run_jobs
from dreamsound_reaper.run import run as run_module
from dreamsound_reaper.run import status as run_status
from dreamsound_reaper.run.folder import APPLIED, MOST_KEPT, remove_old_runs
from dreamsound_reaper.run.run import Run
from dreamsound_studio import files
from dreamsound_studio.errors import AudioFileError, QueueError
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store

from .facts_made import facts, item, tone


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A queue of the test's own, that no worker tends but the test."""
    path = tmp_path / "queue.sqlite"
    monkeypatch.setenv(QUEUE_VARIABLE, str(path))
    monkeypatch.setattr(run_jobs, "ensure_worker", lambda _: False)
    with Store(path) as store:
        yield store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of three items, of which one is not there."""
    place = tmp_path / "runs/one"
    place.mkdir(parents=True)
    sounds = [tone(tmp_path / f"{name}.wav", 1.0) for name in ("a", "b")]
    given = facts(*map(item, sounds), item(tmp_path / "gone.wav"), out=str(tmp_path / "out"))
    (place / "facts.json").write_text(given.model_dump_json())
    return place


class Follower:
    """A run that is carried out in a thread."""

    def __init__(self, folder: Path, store: Store, **more: object) -> None:
        self.folder = folder
        self.run = Run(folder, Store(store.path), **more)
        self._thread = threading.Thread(target=self.run.carry_out)
        self._thread.start()

    def status(self) -> dict:
        try:
            return json.loads((self.folder / "status.json").read_text())
        except OSError:
            return {"state": "", "text": ""}

    def plan(self) -> dict:
        self._thread.join(20)
        assert not self._thread.is_alive()
        self.run.store.close()
        return json.loads((self.folder / "result.json").read_text())


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    end_s = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def claim(store: Store, tmp_path: Path, name: str = "w"):
    if name not in {row.id for row in store.workers()}:
        store.register_worker(name, tmp_path / f"{name}.lock")
    return store.claim(name)


def make(store: Store, job, tmp_path: Path) -> None:
    """Be the worker that has dreamed a job."""
    from dreamsound_studio.recipe.recipe import Recipe

    heard = {"class": "Bell", "score": 0.5}
    renders = {"dream": str(tmp_path / f"out/{job.id}_dream.wav")}
    store.done(job.id, "w", {"renders": renders, "recipe": Recipe().as_dict(), "model": "yamnet",
                             "initial": heard, "final": heard})  # fmt: skip


def test_all_jobs_are_queued_followed_and_planned(store, folder, tmp_path):
    report = []
    follower = Follower(folder, store, on_status=report.append)
    until(lambda: store.counts()["queued"] == 2)
    assert {job.origin for job in store.jobs("queued")} == {"reaper"}
    first = claim(store, tmp_path)
    assert Path(first.job_folder) == folder / "items/001"
    store.report_progress(first.id, "w", {"step": 5, "steps": 10, "eta_s": 3.0})
    until(lambda: "step 5/10" in follower.status()["text"])
    assert follower.status()["share"] == pytest.approx(0.25)
    beat = follower.status()["beat"]
    until(lambda: follower.status()["beat"] > beat)  # it tells that it lives
    make(store, first, tmp_path)
    until(lambda: "1 of 2 dreamed" in follower.status()["text"])
    make(store, claim(store, tmp_path), tmp_path)
    plan = follower.plan()
    assert plan["state"] == "done"
    assert [entry["item"] for entry in plan["items"]] == ["{a.wav}", "{b.wav}"]
    assert "gone.wav" in plan["summary"][0]
    assert follower.status()["state"] == "done"
    assert report[0]["state"] == "preparing"
    assert report[-1]["state"] == "done"


def test_cancel_and_finish_are_obeyed(store, folder, tmp_path):
    follower = Follower(folder, store)
    until(lambda: store.counts()["queued"] == 2)
    first = claim(store, tmp_path)
    (folder / "finish").touch()
    until(lambda: store.job(first.id).wanted == "finish" and store.counts()["cancelled"] == 1)
    make(store, first, tmp_path)
    plan = follower.plan()
    assert plan["state"] == "done"
    assert len(plan["items"]) == 1
    assert any("cancelled" in line for line in plan["summary"])


def test_cancel_calls_all_off(store, folder, tmp_path):
    follower = Follower(folder, store)
    until(lambda: store.counts()["queued"] == 2)
    first = claim(store, tmp_path)
    (folder / "cancel").touch()
    until(lambda: store.job(first.id).state == "cancelling")
    store.cancelled(first.id, "w")
    plan = follower.plan()
    assert (plan["state"], plan["items"], plan["summary"]) == ("cancelled", [], [])


def test_cancel_before_it_begins(store, folder):
    (folder / "cancel").touch()
    plan = json.loads(Run(folder, store).carry_out().to_json())
    assert (plan["state"], plan["items"]) == ("cancelled", [])
    assert store.counts()["queued"] == 0


def test_cancel_while_the_queue_is_paused(store, folder):
    store.pause()
    follower = Follower(folder, store)
    until(lambda: "paused" in follower.status()["text"])
    (folder / "cancel").touch()
    assert follower.plan()["state"] == "cancelled"


def test_cancel_while_the_window_is_open(store, folder, window):
    window("import time; time.sleep(60)")
    follower = Follower(folder, store, with_window=True)
    until(lambda: follower.status()["state"] == "waiting")
    (folder / "cancel").touch()
    assert follower.plan()["state"] == "cancelled"
    assert sum(store.counts().values()) == 0


def test_cancel_when_it_is_over_changes_nothing(store, folder, tmp_path):
    follower = Follower(folder, store)
    until(lambda: store.counts()["queued"] == 2)
    for _ in range(2):
        make(store, claim(store, tmp_path), tmp_path)
    before = follower.plan()
    (folder / "cancel").touch()
    assert json.loads(Run(folder, store).carry_out().to_json()) == before


def test_a_job_that_somebody_took_out_of_the_queue_counts_as_cancelled(store, folder, tmp_path):
    follower = Follower(folder, store)
    until(lambda: store.counts()["queued"] == 2)
    make(store, claim(store, tmp_path), tmp_path)
    (other,) = store.jobs("queued")
    store.remove(other.id)
    assert len(follower.plan()["items"]) == 1


def test_a_run_that_died_is_taken_up_where_it_was(store, folder, tmp_path):
    """The first follower is killed in its own process; nothing is queued twice."""
    code = (
        "import sys; from pathlib import Path\n"
        "from dreamsound_studio.queue.store.store import Store\n"
        "from dreamsound_reaper.run import jobs, run\n"
        "jobs.ensure_worker = lambda store: False\n"
        "run.Run(Path(sys.argv[1]), Store(Path(sys.argv[2]))).carry_out()"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(folder), str(store.path)])
    try:
        until(lambda: store.counts()["queued"] == 2, 30)
    finally:
        child.kill()
        child.wait()
    make(store, claim(store, tmp_path), tmp_path)
    follower = Follower(folder, store)
    until(lambda: "1 of 2" in follower.status()["text"])
    make(store, claim(store, tmp_path), tmp_path)
    assert len(follower.plan()["items"]) == 2
    assert sum(store.counts().values()) == 2
    # And once more, when it is over: the same plan, at once.
    before = (folder / "result.json").read_bytes()
    assert Run(folder, store).carry_out().state == "done"
    assert (folder / "result.json").read_bytes() == before


def test_two_never_carry_out_the_same_run(store, folder, tmp_path):
    follower = Follower(folder, store)
    until(lambda: store.counts()["queued"] == 2)
    with Store(store.path) as second:
        assert Run(folder, second).carry_out() is None
    (folder / "cancel").touch()
    assert follower.plan()["state"] == "cancelled"


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda place: (place / "facts.json").write_text("{]"), "invalid JSON"),
        (lambda place: (place / "facts.json").write_text('{"items": []}'), "Nothing to dream"),
    ],
)
def test_what_cannot_begin_ends_with_a_word(store, folder, write, message):
    write(folder)
    plan = json.loads(Run(folder, store).carry_out().to_json())
    assert plan["state"] == "failed"
    assert message in plan["summary"][0]
    assert json.loads((folder / "status.json").read_text())["state"] == "failed"


def test_a_job_that_the_queue_refuses_does_not_stop_the_others(store, folder, tmp_path):
    real = run_module.parts_of

    def too_large(*arguments, **more):
        parts = real(*arguments, **more)
        parts.parts[0].job.values["fxname"] = "x" * 2**21
        return parts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "parts_of", too_large)
        follower = Follower(folder, store)
        until(lambda: store.counts()["queued"] == 1)
    make(store, claim(store, tmp_path), tmp_path)
    plan = follower.plan()
    assert [entry["label"] for entry in plan["items"]] == ["b.wav"]
    assert any("too large for a job" in line for line in plan["summary"])
    assert plan["lost"] == 2


def test_a_fault_of_ours_is_reported_too(store, folder, monkeypatch):
    monkeypatch.setattr(run_module, "parts_of", lambda *_, **__: 1 / 0)
    plan = json.loads(Run(folder, store).carry_out().to_json())
    assert plan["state"] == "failed"
    assert "ZeroDivisionError" in plan["summary"][0]
    assert "Traceback" in (folder / "engine.log").read_text()


def test_a_status_that_cannot_be_written_stops_nothing(store, folder, monkeypatch, tmp_path):
    whole = run_status.write_atomic

    def full(path, text):
        if path.name == "status.json" and '"running"' in text:
            raise AudioFileError("no room")
        whole(path, text)

    monkeypatch.setattr(run_status, "write_atomic", full)
    follower = Follower(folder, store)
    until(lambda: store.counts()["queued"] == 2)
    for _ in range(2):
        make(store, claim(store, tmp_path), tmp_path)
    assert follower.plan()["state"] == "done"


def test_a_result_waits_for_room_on_a_full_disk(store, folder, monkeypatch, tmp_path):
    whole, tries = run_module.write_atomic, []

    def full(path, text):
        if path.name == "result.json":
            tries.append(path)
            if len(tries) < 4:
                with files.writing(path, AudioFileError):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(path, text)

    monkeypatch.setattr(run_module, "write_atomic", full)
    monkeypatch.setattr(run_module, "MOST_PAUSE_S", 0.1)
    follower = Follower(folder, store)
    until(lambda: store.counts()["queued"] == 2)
    for _ in range(2):
        make(store, claim(store, tmp_path), tmp_path)
    until(lambda: follower.status()["text"] == "the disk is full: waiting for room")
    assert follower.plan()["state"] == "done"
    assert follower.status()["state"] == "done"
    assert len(tries) == 4


def test_a_result_that_can_never_be_written_is_an_error(store, folder, monkeypatch):
    def refused(path, text):
        with files.writing(path, AudioFileError):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    (folder / "facts.json").write_text("[]")
    monkeypatch.setattr(run_module, "write_atomic", refused)
    with pytest.raises(AudioFileError, match=os.strerror(errno.EROFS)):
        Run(folder, store).carry_out()


def test_a_worker_that_is_missing_is_started_again(store, folder, monkeypatch):
    started = []
    monkeypatch.setattr(run_jobs, "ensure_worker", lambda _: started.append(1))
    monkeypatch.setattr(run_jobs, "PATIENCE_S", 0.2)
    follower = Follower(folder, store)
    until(lambda: len(started) >= 3)
    (folder / "cancel").touch()
    follower.plan()


WINDOW = """import sys, time, pathlib
if sys.argv[1:3] != ["--job", str(pathlib.Path(sys.argv[2]))]: sys.exit(9)
{}
"""


@pytest.fixture
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put another program in the place of the desktop's window."""

    def put(code: str) -> None:
        (tmp_path / "stand_in").mkdir(exist_ok=True)
        package = tmp_path / "stand_in/dreamsound_desktop"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "__main__.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stand_in"))

    return put


def test_a_worker_gets_ready_while_the_window_is_open(store, folder, window, monkeypatch):
    started = []

    def start(_: Store) -> None:
        started.append(1)
        raise QueueError("cannot start")

    monkeypatch.setattr(run_jobs, "ensure_worker", start)
    window("")
    assert Follower(folder, store, with_window=True).plan()["state"] == "cancelled"
    assert started == [1]


def test_a_window_that_is_closed_calls_the_run_off(store, folder, window):
    window("")
    plan = Follower(folder, store, with_window=True).plan()
    assert (plan["state"], plan["summary"]) == ("cancelled", [])
    assert sum(store.counts().values()) == 0


def test_a_window_that_cannot_be_shown_is_reported(store, folder, window):
    window("import sys; sys.exit('no screen')")
    plan = Follower(folder, store, with_window=True).plan()
    assert plan["state"] == "failed"
    assert "no screen" in plan["summary"][0]


def test_what_the_window_puts_into_the_queue_is_followed(store, folder, window, tmp_path):
    window(
        "import sys, pathlib\n"
        "from dreamsound_studio.queue.inbox import submit\n"
        "from dreamsound_studio.queue.store.store import Store\n"
        "assert sys.argv[1] == '--job'\n"
        "places = sorted(pathlib.Path(sys.argv[2]).iterdir())\n"
        f"store = Store(pathlib.Path({os.fspath(store.path)!r}))\n"
        "for place in places: submit(place, store, 'reaper')\n"
    )
    follower = Follower(folder, store, with_window=True)
    until(lambda: store.counts()["queued"] == 2, 30)
    for _ in range(2):
        make(store, claim(store, tmp_path), tmp_path)
    assert len(follower.plan()["items"]) == 2


def test_old_runs_are_cleared_away_but_none_that_waits(tmp_path):
    for number in range(MOST_KEPT + 5):
        place = tmp_path / f"{number:03d}"
        place.mkdir()
        if number:
            (place / APPLIED).touch()
            os.utime(place / APPLIED, (number, number))
    remove_old_runs(tmp_path)
    left = sorted(place.name for place in tmp_path.iterdir())
    assert len(left) == MOST_KEPT + 1
    assert left[0] == "000"
    assert left[1] == "005"
