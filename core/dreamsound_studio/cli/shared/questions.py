"""Questions on the terminal, to the person who sits there."""

from __future__ import annotations

import sys
from functools import cache


@cache
def agreed(question: str) -> bool:
    """Ask a question that only a person may answer, once; without a terminal, the answer is no.

    Parameters
    ----------
    question : str
        One line; `` [y/N] `` is added.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
