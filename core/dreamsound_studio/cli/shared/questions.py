"""Questions on the terminal, to the person who sits there."""

from __future__ import annotations

import sys
from functools import cache


def agreed(question: str) -> bool:
    """Ask a question that only a person may answer, once; without a terminal, the answer is no.

    Parameters
    ----------
    question : str
        One line; `` [y/N] `` is added.
    """
    return sys.stdin.isatty() and sys.stderr.isatty() and _answer(question)


@cache
def _answer(question: str) -> bool:
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
