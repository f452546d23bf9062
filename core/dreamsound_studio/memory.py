"""Memory of the process: how much it has and can get, and giving back what it no longer uses."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple


def resident_bytes() -> int:
    """Return the physical memory of this process in bytes."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def free_bytes(root: Path = Path("/")) -> int:
    """Return how much physical memory this process can still get, in bytes.

    Parameters
    ----------
    root : pathlib.Path, optional
        The folder that holds ``proc`` and ``sys``.

    Returns
    -------
    int
        What the machine has available, or less where a control group limits the process, as in a
        container. Cached files that the system can drop at once count as free.
    """
    import psutil

    of_groups = [group.limit - group.taken for group in _groups(root)]
    return max(0, min([int(psutil.virtual_memory().available), *of_groups]))


def most_bytes(root: Path = Path("/")) -> int:
    """Return how much physical memory this process could have at most, in bytes.

    Parameters
    ----------
    root : pathlib.Path, optional
        As in :func:`free_bytes`.

    Returns
    -------
    int
        The machine's memory, or less where a control group limits the process.
    """
    import psutil

    limits = [group.limit for group in _groups(root)]
    return min([int(psutil.virtual_memory().total), *limits])


def kills_for_memory(root: Path = Path("/")) -> int | None:
    """Return how many processes Linux has killed since it started because memory ran out.

    Parameters
    ----------
    root : pathlib.Path, optional
        As in :func:`free_bytes`.

    Returns
    -------
    int or None
        Of the whole machine, whichever limit was reached; None on systems that do not count.
    """
    for line in _text(root / "proc/vmstat").splitlines():
        name, _, count = line.partition(" ")
        if name == "oom_kill" and count.isdigit():
            return int(count)
    return None


def free_unused() -> None:
    """Free what nothing refers to any more, and return unused memory to the system.

    A graph of TensorFlow refers to itself, so that only Python's collector frees it; and glibc
    keeps freed memory for each thread that has ever allocated any. It takes about 0.2 s.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


@dataclass(frozen=True)
class _Controller:
    """The files by which a version of Linux's control groups states memory."""

    folder: str
    limits: tuple[str, ...]
    used: str
    #: In its statistics: what the system can drop at once, and what it drops if it has to.
    cached: str
    recently_used: str


#: https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/memory.html
_VERSION_1 = _Controller(
    "sys/fs/cgroup/memory",
    ("memory.limit_in_bytes",),
    "memory.usage_in_bytes",
    "total_inactive_file",
    "total_active_file",
)
_VERSION_2 = _Controller(
    "sys/fs/cgroup",
    ("memory.max", "memory.high"),
    "memory.current",
    "inactive_file",
    "active_file",
)


class _Limited(NamedTuple):
    """A limit of a control group, and what counts against it, in bytes."""

    limit: int
    taken: int


def _groups(root: Path) -> Iterator[_Limited]:
    """Yield the limits of the process's control groups, and of those above them."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        controller = _VERSION_1 if controllers else _VERSION_2
        group = PurePosixPath(path.lstrip("/"))
        # In a container the group may be known by its path outside: its own folder is the top.
        for place in (group, *group.parents):
            yield from _limits_of(root / controller.folder / place, controller)


def _limits_of(folder: Path, controller: _Controller) -> Iterator[_Limited]:
    used = _text(folder / controller.used).strip()
    if not used.isdigit():
        return
    stat = dict(line.split() for line in _text(folder / "memory.stat").splitlines())
    # Half, as the kernel reckons for `MemAvailable`: programs that run are among the files.
    droppable = (
        int(stat.get(controller.cached, 0)) + int(stat.get(controller.recently_used, 0)) // 2
    )
    for name in controller.limits:
        limit = _text(folder / name).strip()
        if limit.isdigit():  # "max" is none
            yield _Limited(int(limit), int(used) - droppable)


def _text(path: Path) -> str:
    """Return the content of a file of the system; nothing if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
