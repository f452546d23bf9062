"""The store between processes: a race for jobs, one that is killed, and any row of actions."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

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

from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.records import KINDS
from dreamsound_studio.queue.store.states import ACTIONS, MOVES
from dreamsound_studio.queue.store.store import Store

from .filling import job


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
