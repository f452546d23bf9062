"""Memory of the process: how much it has and can get, and giving back what it no longer uses."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


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

    return max(0, min([int(psutil.virtual_memory().available), *_free_in_groups(root)]))


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
    cached: str


#: https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/memory.html
_VERSION_1 = _Controller(
    "sys/fs/cgroup/memory",
    ("memory.limit_in_bytes",),
    "memory.usage_in_bytes",
    "total_inactive_file",
)
_VERSION_2 = _Controller(
    "sys/fs/cgroup", ("memory.max", "memory.high"), "memory.current", "inactive_file"
)


def _free_in_groups(root: Path) -> Iterator[int]:
    """Yield what each limit of the process's control groups, and of those above them, leaves."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        controller = _VERSION_1 if controllers else _VERSION_2
        group = PurePosixPath(path.lstrip("/"))
        # In a container the group may be known by its path outside: its own folder is the top.
        for place in (group, *group.parents):
            yield from _free_in_group(root / controller.folder / place, controller)


def _free_in_group(folder: Path, controller: _Controller) -> Iterator[int]:
    used = _text(folder / controller.used).strip()
    if not used.isdigit():
        return
    stat = dict(line.split() for line in _text(folder / "memory.stat").splitlines())
    taken = int(used) - int(stat.get(controller.cached, 0))
    for name in controller.limits:
        limit = _text(folder / name).strip()
        if limit.isdigit():  # "max" is none
            yield int(limit) - taken


def _text(path: Path) -> str:
    """Return the content of a file of the system; nothing if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
