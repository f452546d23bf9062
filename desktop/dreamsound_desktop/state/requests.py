"""Makes jobs from documents: previews, renders, variations. The engine defines what a job is."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.fields import amount_of
from dreamsound_desktop.state.preferences import Preferences
from dreamsound_desktop.state.selection import TimeSpan, preview_span
from dreamsound_desktop.state.takes import DreamTake, judged_text, score_of
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.queue.new_job import new_job
from dreamsound_studio.queue.store.records import Job, NewJob
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.precision import check_precision
from dreamsound_studio.recipe.presets import set_fields
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RENDER_NAMES


@dataclass(frozen=True)
class RequestedJob:
    """A new job and the take it will become.

    Attributes
    ----------
    job : NewJob
        For the store.
    take : DreamTake
        Without renders yet.
    """

    job: NewJob
    take: DreamTake


class JobFactory:
    """Makes jobs from documents.

    Parameters
    ----------
    preferences : Preferences
        Render folder and format.
    previews : pathlib.Path
        Folder for preview files.
    """

    def __init__(self, preferences: Preferences, previews: Path) -> None:
        self.preferences = preferences
        self.previews = previews

    def preview(
        self, document: Document, recipe: Recipe | None = None, name: str = "", group: str = ""
    ) -> RequestedJob:
        """Return a preview of the selection, or of a short part at the playhead.

        Raises
        ------
        DreamSoundError
            The recipe is invalid.
        """
        recipe = recipe or document.recipe
        span = self.preview_span(document)
        out = self.previews / uuid.uuid4().hex[:12]
        options = {"renders": RENDER_NAMES, "level": "match", "format": "wav"}
        return self._asked(document, recipe, span, out, options, "preview", name, group)

    def preview_span(self, document: Document) -> TimeSpan:
        """Return what a preview dreams."""
        return preview_span(
            document.selection,
            document.playhead_s,
            document.seconds,
            self.preferences.preview_seconds,
        )

    def render(
        self, document: Document, parent: DreamTake | None = None, name: str = "", group: str = ""
    ) -> RequestedJob:
        """Return a render of the selection, or of the whole sound.

        Parameters
        ----------
        document : Document
            What to render.
        parent : DreamTake, optional
            DreamTake to continue from; dreams its part again.
        name, group : str, optional
            Of the new take.

        Raises
        ------
        DreamSoundError
            The recipe is invalid.
        """
        preferences = self.preferences
        options: dict[str, Any] = {
            "renders": preferences.renders,
            "format": preferences.format,
            "bits": preferences.bits,
            "name": preferences.name,
            "clash": "number",
        }
        span = document.selection if parent is None else parent.span
        out = preferences.render_folder_of(document.path)
        return self._asked(
            document, document.recipe, span, out, options, "render", name, group, parent
        )

    def variations(
        self, document: Document, seeds: Sequence[int], amounts: Sequence[float]
    ) -> list[RequestedJob]:
        """Return a preview for each combination of seed and amount, ordered by seed.

        The amount is the depth of a filter that is learned, and the strength of other methods.
        """
        amount = amount_of(document.recipe.method)
        group = uuid.uuid4().hex[:8]
        asked = []
        for seed, value in itertools.product(seeds, amounts):
            fields = document.recipe.given() | {"method": document.recipe.method}
            recipe = Recipe.make(**(fields | {"seed": seed, amount.name: value}))
            asked.append(self.preview(document, recipe, f"seed {seed}, {value:g}", group))
        for number, one in enumerate(asked):
            one.take.number += number
        return asked

    def _asked(
        self,
        document: Document,
        recipe: Recipe,
        span: TimeSpan | None,
        out: Path,
        options: dict[str, Any],
        kind: str,
        name: str,
        group: str,
        parent: DreamTake | None = None,
    ) -> RequestedJob:
        Plan.of(recipe)  # report invalid recipes now, not in the worker
        check_precision(recipe)
        request = JobRequest.make(
            {
                "input": str(document.path),
                "out": str(out),
                "recipe": recipe,
                "options": {name: value for name, value in options.items() if value is not None},
                "span": None if span is None else span.text(),
                "from_render": None if parent is None else parent.renders.get("dream"),
                "keep_every": document.keep_every if kind == "render" else 0,
                "values": {"preset": document.preset} if document.preset else {},
                "kind": kind,
                "name": f"{document.name}: {name}" if name else document.name,
            }
        ).settled(document.path.parent)
        take = _new_take(document, recipe, span, kind, name)
        take.group = group
        take.parent = None if parent is None else parent.number
        return RequestedJob(new_job(request, "desktop"), take)


def _new_take(
    document: Document, recipe: Recipe, span: TimeSpan | None, kind: str, name: str
) -> DreamTake:
    covered = TimeSpan(0.0, document.seconds) if span is None else span
    number = document.takes.next_number()
    return DreamTake(
        number=number,
        name=document.takes.free_name(
            name or document.preset or aim_of(recipe) or f"DreamTake {number}"
        ),
        kind=kind,
        start_s=covered.start_s,
        stop_s=min(covered.stop_s, document.seconds),
        recipe=set_fields(recipe),
    )


def jobs_of_files(
    files: Iterable[tuple[Path, Path]],
    recipe: Recipe,
    preset: str,
    preferences: Preferences,
    first: int = 1,
) -> list[NewJob]:
    """Return a render for each of many files.

    Parameters
    ----------
    files : iterable of (pathlib.Path, pathlib.Path)
        A sound, and its path relative to the dropped folder.
    recipe, preset : Recipe, str
        Used for all files.
    preferences : Preferences
        Render folder and format.
    first : int, optional
        First number for file names.
    """
    options = {
        "renders": preferences.renders,
        "format": preferences.format,
        "bits": preferences.bits,
        "name": preferences.name,
        "clash": "number",
    }
    jobs = []
    for number, (path, below) in enumerate(files, first):
        request = JobRequest.make(
            {
                "input": str(path),
                "out": str(_folder_of(path, below, preferences)),
                "recipe": recipe,
                "options": {name: value for name, value in options.items() if value is not None},
                "values": {"preset": preset} if preset else {},
                "number": number,
            }
        ).settled(path.parent)
        jobs.append(new_job(request, "desktop"))
    return jobs


def _folder_of(path: Path, below: Path, preferences: Preferences) -> Path:
    """Return the render folder of a file, mirroring the dropped folder tree."""
    if preferences.render_folder:
        return preferences.render_folder_of(path) / below.parent
    tree = path.parents[len(below.parts) - 1]
    return tree / "dreams" / below.parent


def finished(take: DreamTake, job: Job) -> DreamTake:
    """Return a take with the results of its job."""
    result = job.result
    before, after = result.get("initial"), result.get("final")
    return take.model_copy(
        update={
            "renders": dict(result.get("renders") or {}),
            "class_name": "" if after is None else after["class"],
            "score_before": score_of(before),
            "score_after": score_of(after),
            "judged": judged_text(result.get("judged")),
            "warnings": [str(line) for line in result.get("warnings") or []],
            "job": job.id,
        }
    )


def aim_of(recipe: Recipe) -> str:
    """Return the recipe's aim in a word; empty if the sound decides."""
    return recipe.class_ or recipe.objective or recipe.layer or ""
