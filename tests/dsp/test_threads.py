"""Work in threads: in order, bounded, and nothing runs on after a stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from dreamsound_studio.dsp import threads
from dreamsound_studio.dsp.threads import in_threads


@pytest.fixture(autouse=True)
def _four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "available_cores", lambda: 4)


def test_results_come_in_order_however_long_each_takes() -> None:
    def make(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(in_threads(make, range(40))) == [n * n for n in range(40)]


def test_several_run_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=10)
    assert list(in_threads(lambda n: together.wait() >= 0 and n, range(8), 4)) == list(range(8))


def test_items_are_taken_by_the_caller_and_only_when_there_is_room() -> None:
    here, taken, out = threading.get_ident(), [], 0

    def given() -> Iterator[int]:
        for number in range(20):
            assert threading.get_ident() == here
            taken.append(number)
            yield number

    for _ in in_threads(lambda n: n, given(), 2):
        out += 1
        assert len(taken) - out <= 2
    assert out == 20


def test_one_thread_is_that_of_the_caller() -> None:
    found = list(in_threads(lambda _: threading.get_ident(), range(3), 1))
    assert found == [threading.get_ident()] * 3


def test_after_a_stop_nothing_runs_on() -> None:
    begun, ended = [], []

    def make(number: int) -> int:
        begun.append(number)
        time.sleep(0.02)
        ended.append(number)
        return number

    with closing(in_threads(make, range(100))) as results:
        assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert sorted(begun) == sorted(ended)
    count = len(begun)
    time.sleep(0.1)
    assert len(begun) == count < 20


def test_a_failure_is_raised_in_its_place_and_ends_the_others() -> None:
    ended = []

    def make(number: int) -> int:
        if number == 5:
            raise MemoryError
        time.sleep(0.01)
        ended.append(number)
        return number

    results = in_threads(make, range(100))
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(MemoryError):
        next(results)
    count = len(ended)
    time.sleep(0.05)
    assert len(ended) == count < 20


def test_one_pool_serves_all() -> None:
    names = {name for _ in range(5) for name in in_threads(_name, range(16))}
    assert len(names) <= 4


def _name(_: int) -> str:
    time.sleep(0.001)
    return threading.current_thread().name
