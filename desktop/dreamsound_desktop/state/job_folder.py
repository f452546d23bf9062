"""A job folder, or a folder of job folders (one per item), with one recipe for all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from dreamsound_studio.audio.span import parse_span
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.errors import DreamSoundError, QueueError
from dreamsound_studio.files import write_atomic
from dreamsound_studio.jobs.consent import Outside
from dreamsound_studio.jobs.request import JobRequest, absolute, outside_of_request
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.queue.inbox import JOB, STATUS, read_job
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.plan import Plan, takes_texture
from dreamsound_studio.recipe.precision import check_precision
from dreamsound_studio.recipe.presets import Preset, find_preset, set_fields
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import DEFAULT_RENDERS

#: Length of a preview; shorter items are previewed whole.
PREVIEW_S: Final = 2.0
#: Folder of the preview file, inside the first item's folder.
PREVIEW: Final = "preview"
#: Recipe fields that define what to dream of.
AIM: Final = ("class_", "layer", "objective", "at")


def job_folders(folder: Path) -> list[Path]:
    """Return the job folders in a folder: itself, or its items' folders sorted by name.

    Raises
    ------
    QueueError
        The folder contains no job.
    """
    if (folder / JOB).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{JOB}")) if folder.is_dir() else []
    if not found:
        raise QueueError(f"no {JOB} in {folder} or its subfolders. Choose a job folder")
    return found


class JobFolder:
    """The jobs of a folder, which share one recipe.

    Leaves everything else in a ``job.json`` unchanged: input, cut, span, options, names.

    Parameters
    ----------
    folder : pathlib.Path
        A job folder (see ``docs/queue.md``), or a folder of job folders.

    Attributes
    ----------
    folders : list of pathlib.Path
        One per item.
    own : Recipe
        The recipe of the first job.
    recipe, preset : Recipe, str
        The current recipe, and the name of its preset.
    renders : tuple of str
        The renders to make.
    problem : str
        Why the job's own recipe or preset is invalid; the default recipe replaces it.

    Raises
    ------
    QueueError
        The folder contains no job.
    """

    def __init__(self, folder: Path) -> None:
        self.folders = [one.resolve() for one in job_folders(folder)]
        self._documents: list[dict[str, Any]] = [dict(read_job(one)) for one in self.folders]
        self.problem = ""
        try:
            self.own, self.own_preset = _given(self._documents[0], self.folders[0])
        except DreamSoundError as error:
            self.own, self.own_preset, self.problem = Recipe(), "", str(error)
        self.recipe, self.preset = self.own, self.own_preset
        options = self._documents[0].get("options") or {}
        self.renders = self.own_renders = tuple(options.get("renders") or DEFAULT_RENDERS)

    def name(self, place: int) -> str:
        """Return an item's name."""
        document = self._documents[place]
        return str(document.get("name") or Path(document["input"]).name)

    def set_field(self, name: str, value: Any) -> None:
        """Change a recipe field; raises `RecipeError` if the value is invalid."""
        fields = self.recipe.given()
        self.recipe = Recipe.make(**(fields | {name: value}))

    def set_class(self, text: str) -> None:
        """Set the class to dream of; an empty text means the class heard most."""
        fields = {name: value for name, value in self.recipe.given().items() if name not in AIM}
        self.recipe = Recipe.make(**fields, class_=text or None)

    def set_target(self, path: str | None) -> None:
        """Set or clear the target sound; adapts the method."""
        fields = self.recipe.given()
        needs = "target" in (METHODS[self.recipe.method].mask_from, self.recipe.mask_from)
        toward = self.recipe.model_copy(update={"target": path})
        if path and not needs and not takes_texture(toward):
            fields["method"] = "target"
        elif not path and needs:
            kept = self.own.given().get("method") if self.own.target is None else None
            fields |= {"method": kept, "target_b": None, "mask_from": None, "carrier": None}
        self.recipe = Recipe.make(**(fields | {"target": path or None}))

    def use(self, preset: Preset | None) -> None:
        """Use a preset's recipe; None restores the job's own."""
        if preset is None:
            self.recipe, self.preset = self.own, self.own_preset
        else:
            self.recipe, self.preset = preset.recipe, preset.name

    def preview(self) -> JobSpec:
        """Return a job that previews the beginning of the first item.

        Raises
        ------
        DreamSoundError
            The job is invalid.
        """
        Plan.of(self.recipe)
        check_precision(self.recipe)
        request = JobRequest.make(self._document(0), str(self.folders[0] / JOB))
        start, stop = parse_span(request.span) if request.span else (0.0, None)
        stop = start + PREVIEW_S if stop is None else min(start + PREVIEW_S, stop)
        options = request.options.model_copy(
            update={"overwrite": True, "renders": ("dream",), "format": "wav", "bits": None}
        )
        changed = {"kind": "preview", "out": PREVIEW, "span": f"{start}:{stop}", "options": options}
        return request.model_copy(update=changed).settled(self.folders[0])

    def outside(self, place: int) -> Outside:
        """Return what an item's job would use outside its folder, as it is now.

        Raises
        ------
        DreamSoundError
            The job is invalid.
        """
        folder = self.folders[place]
        request = JobRequest.make(self._document(place), str(folder / JOB))
        return outside_of_request(request, request.settled(folder), folder)

    def write(self, place: int) -> Path:
        """Write the current choices into an item's ``job.json``; return its folder.

        Without changes, each item keeps its own recipe.

        Raises
        ------
        DreamSoundError
            The recipe is invalid, or the file cannot be written.
        """
        folder = self.folders[place]
        is_own = (self.recipe, self.preset) == (self.own, self.own_preset)
        if is_own and self.renders == self.own_renders:
            return folder
        Plan.of(self.recipe)
        check_precision(self.recipe)
        check_names(self.recipe, *known_tables(self.recipe.model))
        write_atomic(folder / JOB, json.dumps(self._document(place), indent=1))
        return folder

    def submitted(self) -> dict[int, int]:
        """Return the jobs already submitted: job ID and item index."""
        found = {}
        for place, folder in enumerate(self.folders):
            try:
                found[int(json.loads((folder / STATUS).read_text("utf-8"))["job"])] = place
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found

    def _document(self, place: int) -> dict[str, Any]:
        document = dict(self._documents[place])
        if self.renders != self.own_renders:
            options = dict(document.get("options") or {})
            document["options"] = options | {"renders": list(self.renders)}
        if (self.recipe, self.preset) == (self.own, self.own_preset):
            return document
        # Write every field, so that the preset need not be looked up again.
        document |= {"recipe": set_fields(self.recipe), "preset": None}
        if self.preset:
            document["values"] = dict(document.get("values") or {}) | {"preset": self.preset}
        return document


def _given(document: dict[str, Any], folder: Path) -> tuple[Recipe, str]:
    """Return a job's own recipe and the name of its preset."""
    recipe = recipe_from(document.get("recipe") or {})
    name = str(document.get("preset") or "")
    if name:
        preset = find_preset(name).preset
        name, recipe = preset.name, preset.recipe_with(recipe)
    return absolute(recipe, folder), name
