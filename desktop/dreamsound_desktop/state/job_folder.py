"""A job folder, or a folder that holds one for each item: what is chosen for all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from dreamsound_studio.audio.span import parse_span
from dreamsound_studio.dream.filter import METHODS, filled
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.errors import DreamSoundError, QueueError
from dreamsound_studio.jobs.request import JobRequest, absolute
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.pictures.html import write_whole
from dreamsound_studio.queue.inbox import JOB, STATUS, read_job
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.presets import Preset, find_preset, set_fields, with_fields
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.write import DEFAULT_RENDERS

#: A preview is as long as this, or as the item where that is shorter.
PREVIEW_S: Final = 2.0
#: Folder of the preview's file, in the first item's folder.
PREVIEW: Final = "preview"
#: What of a recipe says what is dreamed of.
AIM: Final = ("class_", "layer", "objective", "at")


def job_folders(folder: Path) -> list[Path]:
    """Return the job folders in a folder: itself, or those of its items in the order of names.

    Raises
    ------
    QueueError
        There is none.
    """
    if (folder / JOB).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{JOB}")) if folder.is_dir() else []
    if not found:
        raise QueueError(f"{folder} is no job folder: it holds no {JOB}, nor do folders in it")
    return found


class JobFolder:
    """The jobs of a folder, to be given one recipe.

    Whatever else a ``job.json`` holds stays as it is: input, cut, span, options, names.

    Parameters
    ----------
    folder : pathlib.Path
        A job folder (see ``docs/queue.md``), or one that holds job folders.

    Attributes
    ----------
    folders : list of pathlib.Path
        One for each item.
    own : Recipe
        What the first job came with.
    recipe, preset : Recipe, str
        What is chosen now; the preset that it came from, by name.
    renders : tuple of str
        Which renders are made.
    problem : str
        Why the job's own recipe or preset could not be taken; the default stands in its place.

    Raises
    ------
    QueueError
        It is no job folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folders = [one.resolve() for one in job_folders(folder)]
        self._documents = [read_job(one) for one in self.folders]
        self.problem = ""
        try:
            self.own, self.own_preset = _given(self._documents[0], self.folders[0])
        except DreamSoundError as error:
            self.own, self.own_preset, self.problem = Recipe(), "", str(error)
        self.recipe, self.preset = self.own, self.own_preset
        options = self._documents[0].get("options") or {}
        self.renders = self.own_renders = tuple(options.get("renders") or DEFAULT_RENDERS)

    def name(self, place: int) -> str:
        """Return what an item is called."""
        document = self._documents[place]
        return str(document.get("name") or Path(document["input"]).name)

    def set_field(self, name: str, value: Any) -> None:
        """Change a field; raises `RecipeError` where that makes no sense."""
        fields = self.recipe.model_dump(exclude_defaults=True, exclude={"schema_version"})
        self.recipe = Recipe.make(**(fields | {name: value}))

    def set_class(self, text: str) -> None:
        """Dream of a class, or, where there is no text, of what is heard most."""
        fields = self.recipe.model_dump(exclude_defaults=True, exclude={"schema_version", *AIM})
        self.recipe = Recipe.make(**fields, class_=text or None)

    def set_target(self, path: str | None) -> None:
        """Take another sound as the target, or none; the method follows."""
        fields = self.recipe.model_dump(exclude_defaults=True, exclude={"schema_version"})
        needs = "target" in (METHODS[self.recipe.method].mask_from, self.recipe.mask_from)
        if path and not needs:
            fields["method"] = "target"
        elif not path and needs:
            kept = self.own.method if self.own.target is None else "add"
            fields |= {"method": kept, "target_b": None, "mask_from": None, "carrier": None}
        self.recipe = Recipe.make(**(fields | {"target": path or None}))

    def use(self, preset: Preset | None) -> None:
        """Take the recipe of a preset; None is what the job came with."""
        if preset is None:
            self.recipe, self.preset = self.own, self.own_preset
        else:
            self.recipe, self.preset = preset.recipe, preset.name

    def preview(self) -> JobRequest:
        """Return a job that dreams a little of the first item at once.

        Raises
        ------
        DreamSoundError
            It makes no sense.
        """
        filled(self.recipe)
        request = JobRequest.make(self._document(0), str(self.folders[0] / JOB))
        start, stop = parse_span(request.span) if request.span else (0.0, None)
        stop = start + PREVIEW_S if stop is None else min(start + PREVIEW_S, stop)
        options = request.options.model_copy(
            update={"overwrite": True, "renders": ("dream",), "format": "wav", "bits": None}
        )
        changed = {"kind": "preview", "out": PREVIEW, "span": f"{start}:{stop}", "options": options}
        return request.model_copy(update=changed).settled(self.folders[0])

    def write(self, place: int) -> Path:
        """Write what is chosen into an item's ``job.json``; return its folder.

        Where nothing was chosen, each item keeps the recipe that it came with.

        Raises
        ------
        DreamSoundError
            The recipe makes no sense, or it cannot be written.
        """
        folder = self.folders[place]
        is_own = (self.recipe, self.preset) == (self.own, self.own_preset)
        if is_own and self.renders == self.own_renders:
            return folder
        filled(self.recipe)
        check_names(self.recipe, *known_tables(self.recipe.model))
        write_whole(folder / JOB, json.dumps(self._document(place), indent=1))
        return folder

    def submitted(self) -> dict[int, int]:
        """Return the jobs that were submitted before: number in the queue, and place."""
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
        # Every field is told: nothing of the preset has to be looked up again.
        document |= {"recipe": set_fields(self.recipe), "preset": None}
        if self.preset:
            document["values"] = dict(document.get("values") or {}) | {"preset": self.preset}
        return document


def _given(document: dict[str, Any], folder: Path) -> tuple[Recipe, str]:
    """Return the recipe that a job came with, and the name of its preset."""
    recipe = recipe_from(document.get("recipe") or {})
    name = str(document.get("preset") or "")
    if name:
        preset = find_preset(name).preset
        given = recipe.model_dump(exclude_unset=True, exclude={"schema_version"})
        name, recipe = preset.name, with_fields(preset.recipe, False, given)
    return absolute(recipe, folder), name
