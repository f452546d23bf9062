"""What happens when memory runs out: the same work again, with half as many patches at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from dreamsound_studio.errors import MemoryLimitError, is_out_of_memory
from dreamsound_studio.processor import DEFAULT_BLOCK

#: Patches that go through the network at once where no recipe says how many.
FIRST_PATCHES: Final = DEFAULT_BLOCK
#: Why work failed that has no blocks to halve.
OUT_OF_MEMORY: Final = "out of memory: close other programs, or use a shorter part of the sound"

Made = TypeVar("Made")


def half_of(patches: int, error: Exception) -> int:
    """Return half as many patches.

    Parameters
    ----------
    patches : int
        How many went through the network at once when memory ran out.
    error : Exception
        What was raised then.

    Raises
    ------
    MemoryLimitError
        One patch cannot be halved.
    """
    if patches <= 1:
        raise MemoryLimitError(
            "out of memory, even with one patch at a time (block_patches 1): close other programs, "
            "or use a shorter part of the sound"
        ) from error
    return patches // 2


def halving_line(before: int, after: int) -> str:
    """Return the warning that a block was halved."""
    return f"out of memory: block_patches halved from {before} to {after}"


def in_smaller_blocks(
    work: Callable[[int], Made],
    on_warning: Callable[[str], None] | None = None,
    patches: int = FIRST_PATCHES,
) -> Made:
    """Do work; where memory runs out, start over with half as many patches at a time.

    Parameters
    ----------
    work : callable
        Called with the number of patches that may go through the network at once.
    on_warning : callable, optional
        Called with a line each time the number is halved.
    patches : int
        The first number.

    Returns
    -------
    object
        What `work` returns.

    Raises
    ------
    MemoryLimitError
        Memory runs out with a single patch.
    """
    while True:
        try:
            return work(patches)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            fewer = half_of(patches, error)
        # Outside the handler, whose traceback holds what the failed attempt allocated.
        if on_warning is not None:
            on_warning(halving_line(patches, fewer))
        patches = fewer
