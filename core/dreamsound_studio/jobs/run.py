"""Carry out a request: read, dream, write. Runs in a worker, or on a farm machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from dreamsound_studio.api import read_source
from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.control import Control
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.records import Snapshot
from dreamsound_studio.jobs.checkpoint import Checkpoints
from dreamsound_studio.jobs.dreaming import Dreaming, Line, Loaded
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.thread_warnings import collected
from dreamsound_studio.queue.worker.previews import StepPictures
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.files import FIELDS
from dreamsound_studio.recipe.recipe import Recipe

#: Of the steps' losses and scores, a result keeps so many.
MOST_CURVE = 500


class Teller(Line, Protocol):
    """Receives the progress of a dream."""

    def tell(self, news: dict[str, Any], at_once: bool = False) -> None:
        """Report changed progress values."""


@dataclass
class Carrying:
    """A request with everything needed to carry it out.

    Attributes
    ----------
    request : JobRequest
        The settled request.
    out : pathlib.Path
        Output folder of the renders.
    place_of : callable
        Maps a file's path in the request to its path on this machine.
    load : callable
        As in `Dreaming`.
    teller : Teller
        Receives progress and messages.
    control : Control
        Stops the dream.
    checkpoints : callable
        Maps the values that determine the dream, apart from files, to its checkpoints.
    on_checkpoint : callable
        Called with the folder of each new checkpoint.
    more : dict
        Further arguments of `Dreaming`.
    looks : StepPictures, optional
        Draws the dream after each step.
    """

    request: JobRequest
    out: Path
    place_of: Callable[[str], Path]
    load: Callable[[Recipe, bool], Loaded]
    teller: Teller
    control: Control
    checkpoints: Callable[[dict[str, Any]], Checkpoints]
    on_checkpoint: Callable[[Path], None]
    more: dict[str, Any]
    looks: StepPictures | None = None

    def dreaming(self, recipe: Recipe) -> Dreaming:
        """Return the settings shared by all dreams of the request."""
        request = self.request
        return Dreaming(
            recipe,
            lambda recipe: self._load(recipe),
            request.options,
            {},
            {"date": date.today().isoformat()} | request.values,
            [Path(path) for path in files_of(request)],
            keep_every=request.keep_every,
            places=self.place_of,
            **self.more,
        )

    def carry_out(self, warnings: list[str]) -> dict[str, Any]:
        """Carry out the request; return the report.

        Parameters
        ----------
        warnings : list of str
            Warnings are appended before the dream begins.

        Raises
        ------
        DreamSoundError
            The request fails or was cancelled.
        """
        began_s = time.monotonic()
        request = self.request
        recipe = recipe_from(request.recipe)
        self.teller.tell({"phase": "reading", "steps": recipe.steps}, True)
        dreaming = self.dreaming(recipe)
        with collected() as told:
            clip = read_source(self.place_of(request.input), request.span, request.cut)
            dreaming.targets = {name: self._read(getattr(recipe, name)) for name in FIELDS}
            start = self._read(request.from_render)
        warnings += told
        weights_sha256 = dreaming.model().weights_sha256
        checkpoints = self.checkpoints({"recipe": recipe.as_dict(), "weights": weights_sha256})
        snapshot, dreaming.recipe = self._resumed(checkpoints, recipe)

        def after_step(dreamer: Dreamer) -> None:
            if self.looks is not None:
                now = dreamer.snapshot()
                self.looks.draw(len(now.steps), now.sound, clip.sample_rate_hz)
            self._checkpoint(checkpoints, dreamer)

        dreaming.on_step = after_step
        through = dreaming.on_ready
        if through is not None:
            # What is saved once all is written is the final report.
            dreaming.on_ready = lambda made, report, record: through(
                made, _told(report, warnings, began_s), record
            )
        self.teller.tell({"phase": "dreaming"}, True)
        report, dream = dreaming.dream(
            clip,
            request.input,
            self.out,
            request.number,
            self.teller,
            self.control,
            start,
            snapshot,
        )
        dream.close()
        for sound in (clip, *dreaming.targets.values(), start):
            if sound is not None:
                sound.samples.close()
        return _told(report, warnings, began_s)

    def _load(self, recipe: Recipe) -> Loaded:
        self.teller.tell({"phase": "loading the model"}, True)
        loaded = self.load(recipe, self.request.trust)
        self.teller.tell({"device": loaded.device})
        return loaded

    def _read(self, path: str | None) -> Clip | None:
        return None if path is None else read_clip(self.place_of(path))

    def _checkpoint(self, checkpoints: Checkpoints, dreamer: Dreamer) -> None:
        problem = checkpoints.problem
        place = checkpoints.offer(dreamer)
        if place is not None:
            self.on_checkpoint(place)
        elif checkpoints.problem and checkpoints.problem != problem:
            self.teller.say(checkpoints.problem)

    def _resumed(self, checkpoints: Checkpoints, recipe: Recipe) -> tuple[Snapshot | None, Recipe]:
        """Return the snapshot to continue from, and the recipe to continue with."""
        found = checkpoints.newest()
        if found is None:
            return None, recipe
        snapshot, ran_by = found
        self.teller.tell({"step": len(snapshot.steps), "resumed": len(snapshot.steps)})
        self.teller.say(f"resumed after step {len(snapshot.steps)}")
        # After an out-of-memory error, the block size was halved on the way.
        block_patches = recipe_from(ran_by).block_patches
        return snapshot, recipe.model_copy(update={"block_patches": block_patches})


def files_of(request: JobRequest) -> list[str]:
    """Return the paths of all files in a request, the input first."""
    recipe = recipe_from(request.recipe)
    named = [request.input, request.from_render, *recipe.files()]
    return list(dict.fromkeys(path for path in named if path is not None))


def remove_files(paths: list[Path]) -> None:
    """Remove files, as far as possible."""
    for path in paths:
        with suppress(OSError):
            path.unlink()


def _told(report: dict[str, Any], warnings: list[str], began_s: float) -> dict[str, Any]:
    """Return a report in the queue's form: the renders hold the individual steps."""
    steps = report["steps"]
    every = max(-(-len(steps) // MOST_CURVE), 1)
    return report | {
        "steps": len(steps),
        "curve": [[step["step"], step["loss"], step["score"]] for step in steps[::every]],
        "warnings": warnings + report["warnings"],
        "seconds": round(time.monotonic() - began_s, 3),
    }
