"""Memory of the process: how much it has and can get, and giving back what it no longer uses."""

from __future__ import annotations

import ctypes
import gc
import sys


def resident_bytes() -> int:
    """Return the physical memory of this process in bytes."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def free_bytes() -> int:
    """Return how much physical memory this process can still get, in bytes."""
    import psutil

    return int(psutil.virtual_memory().available)


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
