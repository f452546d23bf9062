"""The request of a job: JSON that programs add to the queue, and that a worker carries out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError

from dreamsound_studio.audio.span import parse_span
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.errors import QueueError, QueueInputError
from dreamsound_studio.files import expanded, is_there, unusable_text
from dreamsound_studio.jobs.consent import Outside, outside
from dreamsound_studio.jobs.judge import WORDS
from dreamsound_studio.jobs.path_text import PathText
from dreamsound_studio.jobs.spec import JobFields, JobSpec
from dreamsound_studio.jobs.stamp import FileStamp, absolute_path
from dreamsound_studio.jobs.trust import paths_of_models
from dreamsound_studio.models.store.local import looks_like_path
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.recipe.document import AnyRecipe
from dreamsound_studio.recipe.presets import SUFFIX, Preset, find_preset
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RenderOptions
from dreamsound_studio.wrong_values import one_line

#: A field of earlier versions: who writes a job cannot also trust its model.
GRANTS_NOTHING = "trust"


class JobRequest(JobFields):
    """A job's request; a job folder's ``job.json`` has this format.

    Paths are absolute; in a job folder they may also be relative to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Annotated[PathText, Field(description="source sound")]
    out: Annotated[PathText, Field(description="output folder; created if missing")]
    preset: Annotated[str | None, Field(description="name or path of a preset")] = None
    recipe: Annotated[
        AnyRecipe, Field(description="recipe fields; those given override the preset")
    ] = Field(default_factory=Recipe)

    @classmethod
    def make(cls, document: Any, what: str = "the job") -> JobRequest:
        """Make a request from plain JSON values; a field ``trust`` is ignored.

        Raises
        ------
        QueueError
            The request is invalid, in one line.
        RecipeError
            Its recipe is.
        """
        if not isinstance(document, dict):
            raise QueueError(f"{what}: not a JSON object")
        bad = unusable_text(document)
        if bad is not None:
            raise QueueInputError(
                f"{what}: {bad!a:.60} has a NUL or half a character in it. Remove it."
            )
        document = {name: value for name, value in document.items() if name != GRANTS_NOTHING}
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise QueueError(f"{what}: {one_line(error, cls)}") from error

    def to_json(self) -> str:
        """Return the request as ``job.json``: the fields that were given, and no others."""
        given = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        if self.cut is not None:
            given["cut"] = self.cut.as_dict()
        return json.dumps(given, indent=1)

    def with_preset(self) -> tuple[Recipe, Preset | None]:
        """Return the recipe on top of its preset's, and the preset, if any.

        Raises
        ------
        RecipeError
            The preset does not exist, or contradicts the recipe.
        """
        if self.preset is None:
            return self.recipe, None
        preset = find_preset(self.preset).preset
        return preset.recipe_with(self.recipe), preset

    def settled(self, folder: Path) -> JobSpec:
        """Return the job with its preset resolved and every path absolute.

        Parameters
        ----------
        folder : pathlib.Path
            Base of relative paths.

        Returns
        -------
        JobSpec
            Independent of the folder and program that carries it out.

        Raises
        ------
        RecipeError
            The recipe, preset, span or options are invalid, or the recipe names a class or layer
            that no model has.
        """
        values = dict(self.values)
        recipe, preset = self.with_preset()
        if preset is not None:
            values.setdefault("preset", preset.name)
        if self.span is not None:
            parse_span(self.span)
        recipe = absolute(recipe, folder)
        # Whatever is on this machine: the job may be carried out on another.
        check_names(recipe, *known_tables(recipe.model))
        source = absolute_path(self.input, folder)
        start = self.from_render
        fields = {name: getattr(self, name) for name in JobFields.model_fields}
        return JobSpec.model_construct(
            **fields
            | {
                "input": str(source),
                "out": str(absolute_path(self.out, folder)),
                "recipe": recipe,
                "from_render": None if start is None else str(absolute_path(start, folder)),
                "options": RenderOptions.make(**self.options.model_dump(exclude_unset=True)),
                "values": values,
                "judge": absolute_model(self.judge, folder),
                "seen": self.seen or FileStamp.of(source),
            }
        )


def outside_of_request(request: JobRequest, spec: JobSpec, folder: Path) -> Outside:
    """Return what a job folder's job would use outside the folders that it may use.

    Parameters
    ----------
    request, spec : JobRequest, JobSpec
        The job as it was written, and settled.
    folder : pathlib.Path
        The job folder.
    """
    preset = [request.preset] if request.preset and request.preset.endswith(SUFFIX) else []
    return outside(folder, [*spec.files(), *paths_of_models(spec), *preset], [spec.out])


def absolute(recipe: Recipe, folder: Path) -> Recipe:
    """Return a recipe with absolute paths.

    Parameters
    ----------
    recipe : Recipe
        Its files, and its model if that is a path, are made absolute.
    folder : pathlib.Path
        Base of relative paths.
    """
    recipe = recipe.with_files(lambda path: absolute_path(path, folder))
    model = absolute_model(recipe.model, folder)
    return recipe if model == recipe.model else recipe.model_copy(update={"model": model})


def absolute_model(model: str, folder: Path) -> str:
    """Return a model's absolute path, or its name.

    Parameters
    ----------
    model : str
        As for ``find_weights``, or one of `WORDS`.
    folder : pathlib.Path
        Base of relative paths.
    """
    is_path = looks_like_path(model) or is_there(folder / expanded(model))
    return str(absolute_path(model, folder)) if is_path and model not in WORDS else model
