"""What a search for weights, or a download, reports, asks and checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.models.weights import Weights


def _say_nothing(*_: object) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Watch:
    """Callbacks of a download: messages, progress, questions and checks.

    Attributes
    ----------
    check : callable
        Called with the new weights before they are moved into place; may raise `ModelError`.
        :func:`dream.verify.verify_weights` is the check of the commands and of the worker.
    note : callable
        Called with each message.
    progress : callable
        Called with the bytes so far, and the total or None.
    may_run : callable
        Called with the folder of a foreign SavedModel; returns whether it may run.
    accepts : callable
        Called with a licence that asks for more than most; returns whether it is accepted.
    """

    check: Callable[[Weights], object]
    note: Callable[[str], object] = _say_nothing
    progress: Callable[[int, int | None], object] = _say_nothing
    may_run: Callable[[Path], bool] = lambda _folder: False
    accepts: Callable[[str], bool] = lambda _terms: False
