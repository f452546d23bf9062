"""The store: what is done to jobs, by several processes, and what can be wrong with the file."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

import dreamsound_studio.queue.store.records as records
from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.records import KINDS, NewJob
from dreamsound_studio.queue.store.schema import DamagedQueueError, ForeignFileError
from dreamsound_studio.queue.store.states import ACTIONS, MOVES, OVER, STATES, LostJobError
from dreamsound_studio.queue.store.store import Store, open_store
from dreamsound_studio.queue.worker.liveness import Observer


def job(name: str = "a", **more: Any) -> NewJob:
    return NewJob(input=f"/sounds/{name}.wav", **more)


def names(store: Store) -> list[str]:
    """The queue as it will be claimed."""
    return [one.name.removesuffix(".wav") for one in store.jobs("queued")]


def worker(store: Store, name: str = "w") -> str:
    store.register_worker(name, store.folder / f"{name}.lock")
    return name


def test_jobs_come_out_as_they_went_in_and_in_their_order(store: Store) -> None:
    new = job("bird", request='{"a": 1}', preset="Bones", origin="reaper", priority=2)
    (number,) = store.add([new])
    got = store.job(number)
    assert (got.input, got.request, got.preset, got.origin) == (
        "/sounds/bird.wav",
        '{"a": 1}',
        "Bones",
        "reaper",
    )
    assert (got.name, got.state, got.priority, got.attempts) == ("bird.wav", "queued", 2, 0)
    store.add([job("late"), job("preview", kind="preview"), job("first", priority=9)])
    me = worker(store)
    claimed = [store.claim(me) for _ in range(5)]
    assert [one and one.name for one in claimed] == [
        "preview.wav",
        "first.wav",
        "bird.wav",
        "late.wav",
        None,
    ]


def test_a_job_can_be_moved_anywhere(store: Store) -> None:
    a, b, c, d = store.add([job(name) for name in "abcd"])
    store.move(d, before=b)
    assert names(store) == ["a", "d", "b", "c"]
    store.move(c, to="top")
    store.move(a, to="bottom")
    assert names(store) == ["c", "d", "b", "a"]
    store.set_priority(a, 5)
    assert names(store) == ["a", "c", "d", "b"]
    for _ in range(120):  # more than the numbers between two neighbours have room for
        store.move(b, before=d)
        store.move(d, before=b)
    assert names(store) == ["a", "c", "d", "b"]
    with pytest.raises(QueueError, match=r"job 99"):
        store.move(a, before=99)


def test_paused_holds_renders_back_and_not_previews(store: Store) -> None:
    store.add([job("render"), job("preview", kind="preview")])
    me = worker(store)
    store.pause()
    assert store.paused
    assert store.is_waited_for()
    first = store.claim(me)
    assert first is not None
    assert first.kind == "preview"
    assert store.claim(me) is None
    assert not store.is_waited_for()
    store.resume()
    assert store.claim(me) is not None


def test_what_has_changed_is_listed_since_a_number(store: Store) -> None:
    a, b = store.add([job("a"), job("b")])
    number = store.number()
    assert store.changes(number) == (number, [], [])
    store.set_priority(b, 3)
    changes = store.changes(number)
    assert [one.id for one in changes.jobs] == [b]
    store.cancel(a)
    store.remove(a)
    assert store.changes(changes.number).removed == [a]
    assert [one.id for one in store.changes(0).jobs] == [b]
    began = time.monotonic()
    assert store.watch(store.number(), timeout_s=0.2).jobs == []
    assert time.monotonic() - began >= 0.2


def test_a_job_folder_is_added_once(store: Store) -> None:
    first = store.add([job("a", job_folder="/folders/1")])
    assert store.add([job("a", job_folder="/folders/1"), job("b", job_folder="/folders/2")]) == [
        first[0],
        first[0] + 1,
    ]
    assert store.counts()["queued"] == 2


def test_waiting_ends_when_the_last_is_over_or_the_time_is(store: Store) -> None:
    a, b = store.add([job("a"), job("b")])
    store.cancel(a)
    assert [one.is_over for one in store.wait([a, b], timeout_s=0.1)] == [True, False]
    store.cancel(b)
    assert all(one.is_over for one in store.wait([a, b]))


@pytest.mark.parametrize(
    "new",
    [
        NewJob(input=""),
        NewJob(input="a\0b"),
        NewJob(input="x" * 40_000),
        NewJob(input="a", request="[]"),
        NewJob(input="a", request="{"),
        NewJob(input="a", request='{"a": NaN}'),
        NewJob(input="a", kind="other"),
        NewJob(input="a", origin="other"),
        NewJob(input="a", priority=10**9),
    ],
)
def test_what_cannot_be_a_job_is_refused_and_none_of_its_row_is_added(
    store: Store, new: NewJob
) -> None:
    with pytest.raises(QueueError) as caught:
        store.add([job("good"), new])
    assert "\n" not in str(caught.value)
    assert store.counts()["queued"] == 0


def test_every_action_is_refused_in_every_other_state(store: Store) -> None:
    me = worker(store)
    act = {
        "cancel": store.cancel,
        "finish": store.finish,
        "retry": store.retry,
        "report as done": lambda number: store.done(number, me, {}),
        "report as failed": lambda number: store.failed(number, me, "why"),
        "report as cancelled": lambda number: store.cancelled(number, me),
        "give back": lambda number: store.give_back(number, me),
    }
    ways = {
        "queued": [],
        "running": ["claim"],
        "cancelling": ["claim", "cancel"],
        "done": ["claim", "report as done"],
        "failed": ["claim", "report as failed"],
        "cancelled": ["cancel"],
    }
    for state in STATES:
        for action, do in act.items():
            (number,) = store.add([job()])
            for step in ways[state]:
                if step == "claim":
                    store.claim(me)
                else:
                    act[step](number)
            assert store.job(number).state == state
            if state in ACTIONS[action]:
                assert do(number).state == ACTIONS[action][state]
            else:
                with pytest.raises(QueueError):
                    do(number)
                assert store.job(number).state == state
            for one in store.jobs():  # nothing is left for the next round
                if one.state == "queued":
                    store.cancel(one.id)
                elif not one.is_over:
                    store.failed(one.id, me, "")
                store.remove(one.id)


def test_a_job_that_killed_two_workers_is_failed(store: Store) -> None:
    (number,) = store.add([job()])
    for round_ in (1, 2):
        worker(store, f"w{round_}")
        assert store.claim(f"w{round_}") is not None
        (back,) = store.recover(lambda _: False)
    assert (back.state, back.crashes, back.attempts) == ("failed", 2, 2)
    assert "died twice" in (back.error or "")
    assert store.retry(number).crashes == 0


def test_a_worker_that_was_taken_for_dead_can_change_nothing(store: Store) -> None:
    (number,) = store.add([job()])
    worker(store, "slow")
    store.claim("slow")
    store.recover(lambda _: False)
    worker(store, "next")
    store.claim("next")
    assert not store.report_progress(number, "slow", {"step": 1})
    assert not store.beat("slow")
    for act in (
        lambda: store.done(number, "slow", {}),
        lambda: store.failed(number, "slow", ""),
        lambda: store.give_back(number, "slow"),
        lambda: store.set_checkpoint(number, "slow", "/c"),
        lambda: store.set_ready(number, "slow", {}),
    ):
        with pytest.raises(LostJobError):
            act()
    with pytest.raises(QueueError, match="not registered"):
        store.claim("slow")


def test_a_render_that_waits_for_a_preview_did_not_kill_their_worker(store: Store) -> None:
    render, preview = store.add([job("render"), job("preview", kind="preview")])
    worker(store)
    store.claim("w", ("render",))
    store.claim("w", ("preview",))
    store.recover(lambda _: False)
    assert (store.job(render).crashes, store.job(preview).crashes) == (0, 1)


def test_a_clock_that_jumps_back_changes_nothing_but_what_is_shown(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(2_000_000_000, 0, -100_000))
    monkeypatch.setattr(records.time, "time", lambda: next(clock))
    numbers = store.add([job(name) for name in "abc"])
    with Observed(store) as me:
        observer = Observer()
        ended = []
        for _ in numbers:
            claimed = store.claim(me)
            assert claimed is not None
            assert store.recover(observer) == []  # its worker lives, whatever the time
            ended.append(store.done(claimed.id, me, {}))
    assert [one.id for one in ended] == numbers
    assert [one.id for one in store.jobs("done")] == numbers[::-1]
    assert ended[0].added > (ended[0].ended or "")


class Observed:
    """A worker that holds its lock."""

    def __init__(self, store: Store) -> None:
        from dreamsound_studio.locks import WorkerLock

        self._store = store
        self._lock = WorkerLock(store.folder / "observed.lock")

    def __enter__(self) -> str:
        assert self._lock.acquire()
        self._store.register_worker("observed", self._lock.path)
        return "observed"

    def __exit__(self, *_: object) -> None:
        self._lock.release()


# -- the file -------------------------------------------------------------------------------


def test_a_locked_file_is_reported_in_one_line(queue_path: Path) -> None:
    Store(queue_path).add([job()])
    other = sqlite3.connect(queue_path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(QueueError, match="Another program has been writing") as caught:
            Store(queue_path, busy_timeout_s=0.1).add([job()])
        assert "\n" not in str(caught.value)
    finally:
        other.close()
    assert Store(queue_path).counts()["queued"] == 1


def test_a_newer_file_is_left_alone(queue_path: Path) -> None:
    store = Store(queue_path)
    store.add([job()])
    store.close()
    other = sqlite3.connect(queue_path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(QueueError, match="newer DreamSound"):
        open_store(queue_path)
    assert [path.name for path in queue_path.parent.glob("*damaged*")] == []


def test_a_file_of_another_program_is_left_alone(queue_path: Path) -> None:
    queue_path.parent.mkdir()
    other = sqlite3.connect(queue_path)
    other.execute("CREATE TABLE recipes (cake TEXT)")
    other.commit()
    other.close()
    before = queue_path.read_bytes()
    with pytest.raises(ForeignFileError, match="another program"):
        open_store(queue_path)
    assert queue_path.read_bytes() == before


@pytest.mark.parametrize("where", ["head", "middle", "all"])
def test_a_damaged_file_is_kept_aside_and_reported(queue_path: Path, where: str) -> None:
    store = Store(queue_path)
    store.add([job(str(number), request='{"x": "' + "y" * 500 + '"}') for number in range(300)])
    store.close()
    content = bytearray(queue_path.read_bytes())
    span = {"head": (0, 60), "middle": (8192, len(content) - 8192), "all": (0, len(content))}[where]
    content[slice(*span)] = os.urandom(span[1] - span[0])
    queue_path.write_bytes(bytes(content))
    with pytest.raises(DamagedQueueError):
        Store(queue_path).check()
    opened, notes = open_store(queue_path)
    assert opened.counts()["queued"] == 0
    opened.add([job()])
    (note,) = notes
    assert "kept as queue.sqlite.damaged-1" in note
    assert "\n" not in note
    kept = queue_path.with_name("queue.sqlite.damaged-1")
    assert kept.read_bytes() == bytes(content)
    assert open_store(queue_path)[1] == []
    result = subprocess.run(
        [sys.executable, "-m", "dreamsound_studio", "queue", "list"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a.wav" in result.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount to make a small disk with")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True
    )
    if made.returncode:
        pytest.skip("no small disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_loses_nothing(small_disk: Path) -> None:
    store = Store(small_disk / "queue.sqlite")
    first = store.add([job("kept")])
    large = job("large", request='{"x": "' + "y" * 100_000 + '"}')

    def fill() -> None:
        while True:
            store.add([large])

    with pytest.raises(QueueError, match="The disk is full") as caught:
        fill()
    assert "\n" not in str(caught.value)
    count = store.counts()["queued"]
    assert count > 1
    assert store.job(first[0]).name == "kept.wav"
    store.close()
    again = Store(small_disk / "queue.sqlite")
    again.check()
    assert again.counts()["queued"] == count
    again.close()


def test_a_read_only_file_is_reported_in_one_line(small_disk: Path) -> None:
    store = Store(small_disk / "queue.sqlite")
    store.add([job()])
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(QueueError) as caught:
        Store(small_disk / "queue.sqlite").add([job()])
    assert "\n" not in str(caught.value)
    assert "queue.sqlite" in str(caught.value)


# -- several processes ----------------------------------------------------------------------


def _claim_all(path: str, name: str, folder: str, both: Any) -> None:
    with Store(path) as store:
        store.register_worker(name, Path(folder) / f"{name}.lock")
        both.wait(60)  # a race begins when all are there
        is_first = True
        while (claimed := store.claim(name)) is not None:
            if is_first:
                both.wait(60)  # on a busy machine, one could otherwise be done before the other
                is_first = False
            # Fails if anybody has had this job before.
            (Path(folder) / f"{claimed.id}").touch(exist_ok=False)
            store.report_progress(claimed.id, name, {"step": 1})
            store.done(claimed.id, name, {"by": name})


def test_two_workers_race_for_500_jobs_and_each_is_done_once(
    store: Store, queue_path: Path, tmp_path: Path
) -> None:
    numbers = store.add([job(str(number)) for number in range(500)])
    done = tmp_path / "done"
    done.mkdir()
    context = multiprocessing.get_context("spawn")
    both = context.Barrier(2)
    racers = [
        context.Process(target=_claim_all, args=(str(queue_path), name, str(done), both))
        for name in ("one", "two")
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
        assert racer.exitcode == 0
    assert sorted(int(path.name) for path in done.iterdir()) == numbers
    assert store.counts()["done"] == 500
    by = {one.result["by"] for one in store.jobs("done", limit=500)}
    assert by == {"one", "two"}


def _add_for_ever(path: str, ready: str) -> None:
    with Store(path) as store:
        while True:
            store.add([job(str(number)) for number in range(50)])
            Path(ready).touch()


def test_a_process_that_is_killed_while_it_adds_adds_all_or_nothing(
    store: Store, queue_path: Path, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    for round_ in range(3):
        ready = tmp_path / f"ready{round_}"
        adder = context.Process(
            target=_add_for_ever, args=(str(queue_path), str(ready)), daemon=True
        )
        adder.start()
        while not ready.exists():
            assert adder.is_alive()
            time.sleep(0.001)
        time.sleep(0.01 * round_)
        os.kill(adder.pid or 0, signal.SIGKILL)
        adder.join()
        store.check()
        assert store.counts()["queued"] % 50 == 0
        assert store.counts()["queued"] > 0
    store.add([job()])


def _serve(path: str, pipe: Connection) -> None:
    """Do to a store what is asked for."""
    with Store(path) as store:
        while (asked := pipe.recv()) is not None:
            method, arguments = asked
            try:
                pipe.send(("returned", getattr(store, method)(*arguments)))
            except QueueError as error:
                pipe.send(("refused", str(error)))


class Processes:
    """Two processes that have the same queue open."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dreamsound-tests-"))
        context = multiprocessing.get_context("spawn")
        self._pipes = []
        self._processes = []
        for _ in range(2):
            mine, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(str(self.folder / "queue.sqlite"), theirs), daemon=True
            )
            process.start()
            self._pipes.append(mine)
            self._processes.append(process)

    def ask(self, which: int, method: str, *arguments: Any) -> tuple[str, Any]:
        self._pipes[which].send((method, arguments))
        answer: tuple[str, Any] = self._pipes[which].recv()
        return answer

    def close(self) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            process.join()
        shutil.rmtree(self.folder)


PROCESSES: list[Processes] = []
Which = st.integers(0, 1)


class QueueMachine(RuleBasedStateMachine):
    """The queue, through two processes, beside a model of it: a state for each job."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self._processes = PROCESSES[0]
        for one in self._ask(0, "jobs"):  # of the machine before
            if one.state == "queued":
                self._ask(0, "cancel", one.id)
            elif not one.is_over:
                self._ask(0, "failed", one.id, one.worker, "")
        self._ask(0, "clear_finished")
        self._ask(0, "resume")
        self.round = self._ask(0, "number")
        self.states: dict[int, str] = {}
        self.workers: dict[int, str] = {}
        self.kinds: dict[int, str] = {}
        self.paused = False
        self.seen = self.round
        for which in (0, 1):
            self._ask(which, "register_worker", self._name(which), f"/locks/{which}")

    def _name(self, which: int) -> str:
        return f"w{which}-{self.round}"

    def _ask(self, which: int, method: str, *arguments: Any) -> Any:
        answer, value = self._processes.ask(which, method, *arguments)
        assert answer == "returned", value
        return value

    def _act(self, which: int, action: str, number: int, method: str, *more: Any) -> None:
        """Do what `ACTIONS` has, and see that it goes as the model says."""
        before = self.states[number]
        answer, value = self._processes.ask(which, method, number, *more)
        target = ACTIONS[action].get(before)
        mine = not more or self.workers.get(number) == more[0]
        if target is None or not mine:
            assert answer == "refused", (action, before, value)
            return
        assert answer == "returned", value
        assert value.state == target
        assert (before, target) in MOVES or before == target
        self.states[number] = target
        if target == "queued":
            self.workers.pop(number, None)

    @rule(target=jobs, which=Which, kind=st.sampled_from(KINDS), count=st.integers(1, 3))
    def add(self, which: int, kind: str, count: int) -> Any:
        numbers = self._ask(which, "add", [job(kind=kind) for _ in range(count)])
        self.states |= dict.fromkeys(numbers, "queued")
        self.kinds |= dict.fromkeys(numbers, kind)
        return multiple(*numbers)

    @rule(which=Which)
    def claim(self, which: int) -> None:
        claimed = self._ask(which, "claim", self._name(which))
        waiting = [
            number
            for number, state in self.states.items()
            if state == "queued" and (self.kinds[number] == "preview" or not self.paused)
        ]
        if not waiting:
            assert claimed is None
            return
        assert claimed.id in waiting
        previews = [number for number in waiting if self.kinds[number] == "preview"]
        assert claimed.kind == ("preview" if previews else "render")
        self.states[claimed.id] = "running"
        self.workers[claimed.id] = self._name(which)

    @rule(which=Which, number=jobs)
    def cancel(self, which: int, number: int) -> None:
        self._act(which, "cancel", number, "cancel")

    @rule(which=Which, number=jobs)
    def finish(self, which: int, number: int) -> None:
        self._act(which, "finish", number, "finish")

    @rule(which=Which, number=jobs)
    def retry(self, which: int, number: int) -> None:
        self._act(which, "retry", number, "retry")

    @rule(which=Which, number=jobs)
    def done(self, which: int, number: int) -> None:
        self._act(which, "report as done", number, "done", self._name(which), {})

    @rule(which=Which, number=jobs)
    def failed(self, which: int, number: int) -> None:
        self._act(which, "report as failed", number, "failed", self._name(which), "why")

    @rule(which=Which, number=jobs)
    def cancelled(self, which: int, number: int) -> None:
        self._act(which, "report as cancelled", number, "cancelled", self._name(which))

    @rule(which=Which, number=jobs)
    def give_back(self, which: int, number: int) -> None:
        self._act(which, "give back", number, "give_back", self._name(which))

    @rule(which=Which, number=jobs, top=st.booleans())
    def move(self, which: int, number: int, top: bool) -> None:
        answer, _ = self._processes.ask(which, "set_priority", number, 5 if top else -5)
        assert answer == "returned"

    @rule(which=Which, number=consumes(jobs))
    def remove(self, which: int, number: int) -> None:
        answer, _ = self._processes.ask(which, "remove", number)
        held = self.states[number] in ("running", "cancelling")
        assert answer == ("refused" if held else "returned")
        if not held:
            del self.states[number]

    @rule(which=Which, pause=st.booleans())
    def pause(self, which: int, pause: bool) -> None:
        self._ask(which, "pause" if pause else "resume")
        self.paused = pause

    @invariant()
    def both_see_the_same(self) -> None:
        for which in (0, 1):
            seen = {one.id: one.state for one in self._ask(which, "jobs")}
            assert seen == self.states
        changes = self._ask(0, "changes", self.seen)
        assert changes.number >= self.seen
        assert {one.id for one in changes.jobs} <= set(self.states)
        self.seen = changes.number

    def teardown(self) -> None:
        for which in (0, 1):
            self._ask(which, "unregister_worker", self._name(which))


# A job that was consumed but not removed is still known to the model: it is only not acted upon.
def test_no_row_of_actions_in_two_processes_leads_astray() -> None:
    PROCESSES.append(Processes())
    try:
        run_state_machine_as_test(
            QueueMachine,
            settings=settings(
                max_examples=40,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        PROCESSES.pop().close()


def test_states_that_are_over_are_left_only_by_a_retry() -> None:
    assert {(before, after) for before, after in MOVES if before in OVER} == {
        ("failed", "queued"),
        ("cancelled", "queued"),
    }


def test_a_queue_that_two_make_together_is_nobody_elses(tmp_path: Path) -> None:
    """Its tables may be there a moment before it says whose they are."""
    problems: list[Exception] = []

    def use(path: Path) -> None:
        try:
            with Store(path) as store:
                store.add([NewJob(input="a.wav")])
        except Exception as error:  # noqa: BLE001 - reported below
            problems.append(error)

    for number in range(150):
        path = tmp_path / f"{number}.sqlite"
        both = [threading.Thread(target=use, args=(path,)) for _ in range(3)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        with Store(path) as store:
            assert store.counts()["queued"] + len(problems) == 3
    assert problems == []
