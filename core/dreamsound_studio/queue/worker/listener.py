"""A worker listens to sounds for other programs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from dreamsound_studio.audio.source import read_source
from dreamsound_studio.control import Control
from dreamsound_studio.dream.listen import listen
from dreamsound_studio.jobs.models import Loaded
from dreamsound_studio.jobs.thread_warnings import collected
from dreamsound_studio.models.store.local import probable_weights
from dreamsound_studio.queue import hearings
from dreamsound_studio.queue.hearings import Answer, Asked, Request
from dreamsound_studio.recipe.recipe import Recipe


class Listener:
    """Answers the requests of `queue.hearings`.

    Parameters
    ----------
    folder : pathlib.Path
        The queue's.
    load : callable
        Loads a recipe's model.
    """

    def __init__(self, folder: Path, load: Callable[[Recipe], Loaded]) -> None:
        self._folder = folder
        self._load = load
        self._leaving = threading.Event()

    def take(self) -> Asked | None:
        """Take a request, if there is one."""
        return hearings.take(self._folder)

    def leave(self) -> None:
        """Decline what is being heard, at the next block."""
        self._leaving.set()

    def answer(self, asked: Asked) -> None:
        """Listen to what was asked; decline what cannot be heard, so that who asked meets why."""

        def look() -> None:
            if self._leaving.is_set() or not asked.is_wanted:
                control.cancel()

        control = Control(on_block=look)
        try:
            with control.in_charge(), collected():
                asked.answer(self._heard(asked.request))
        except Exception:  # noqa: BLE001 - who asked will listen, and meet it too
            asked.decline()

    def _heard(self, request: Request) -> Answer:
        weights = probable_weights(request.model)
        if weights is None or str(weights.path) != request.weights:
            raise LookupError(f"{request.model}: not the weights of who asked")
        notes: list[str] = []
        loaded = self._load(Recipe(model=request.model))
        clip = read_source(request.path, request.span)
        with closing(clip.samples):
            hearing = listen(clip, loaded.model, notes.append)
        model = loaded.model
        return Answer(
            hearing, model.name, model.weights_sha256, loaded.device, (*loaded.notes, *notes)
        )
