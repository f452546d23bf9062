"""Work on blocks in several threads, in order, by one pool that all work shares.

numpy, scipy and TensorFlow release the interpreter's lock. The threads never start work of their
own in the pool, so that nothing in it waits for anything else in it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

from dreamsound_studio.cores import available_cores

#: Threads at the same time.
MOST_THREADS = 16

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_threads(
    make: Callable[[Given], Made], given: Iterable[Given], threads: int | None = None
) -> Generator[Made, None, None]:
    """Yield `make` of each item, in order, several at the same time.

    Parameters
    ----------
    make : callable
        Runs in the threads; it must not call `in_threads` itself.
    given : iterable
        Items, which are taken one by one in the caller's thread.
    threads : int, optional
        How many to use, as far as there are cores; at most ``threads + 1`` items are then under way
        or waiting to be yielded. With 1, `make` runs in the caller's thread. By default there is a
        thread for each core, and two items.

    Yields
    ------
    object
        In the order of the items. When the caller stops early, or `make` fails, what has not begun
        never begins, and what has is waited for: nothing runs on.
    """
    cores = min(available_cores(), MOST_THREADS)
    most = 2 * cores if threads is None else min(threads, cores)
    if cores == 1 or threads == 1:
        yield from map(make, given)
        return
    waiting: deque[Future[Made]] = deque()
    try:
        for item in given:
            waiting.append(_pool(cores).submit(make, item))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        wait([future for future in waiting if not future.cancel()])


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="block")


if hasattr(os, "register_at_fork"):
    # A forked process has none of the pool's threads.
    os.register_at_fork(after_in_child=_pool.cache_clear)
