"""The store: what users and workers do to jobs, and what is refused."""

from __future__ import annotations

import time

import pytest

import dreamsound_studio.queue.store.records as records
from dreamsound_studio.errors import QueueError
from dreamsound_studio.queue.store.records import NewJob
from dreamsound_studio.queue.store.states import ACTIONS, MOVES, OVER, STATES, LostJobError
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.liveness import Observer

from .filling import job, names, worker


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


def test_states_that_are_over_are_left_only_by_a_retry() -> None:
    assert {(before, after) for before, after in MOVES if before in OVER} == {
        ("failed", "queued"),
        ("cancelled", "queued"),
    }
