"""The request of a job: JSON that programs add to the queue, and that a worker carries out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_studio.audio.cut import Cut
from dreamsound_studio.audio.span import parse_span
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.errors import QueueError
from dreamsound_studio.jobs.stamp import FileStamp, absolute_path
from dreamsound_studio.models.store.local import looks_like_path
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.queue.store.records import MOST_NAME, MOST_PRIORITY, NewJob
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.presets import find_preset, with_fields
from dreamsound_studio.recipe.recipe import Recipe, one_line
from dreamsound_studio.render.options import RenderOptions


class JobRequest(BaseModel):
    """A job's request; a job folder's ``job.json`` has this format.

    Paths are absolute; in a job folder they may also be relative to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Annotated[Literal[1], Field(description="version of this format")] = 1
    input: Annotated[str, Field(min_length=1, description="source sound")]
    out: Annotated[str, Field(min_length=1, description="output folder; created if missing")]
    preset: Annotated[str | None, Field(description="name or path of a preset")] = None
    recipe: Annotated[
        dict[str, Any], Field(description="recipe fields; they override the preset")
    ] = Field(default_factory=dict)
    options: Annotated[RenderOptions, Field(description="which renders to write, and how")] = Field(
        default_factory=RenderOptions
    )
    cut: Annotated[Cut | None, Field(description="pieces of the input that make up the sound")] = (
        None
    )
    span: Annotated[
        str | None,
        Field(description="START:END in seconds, of the cut if there is one; default: all"),
    ] = None
    from_render: Annotated[
        str | None, Field(description="earlier dream of the input to continue from")
    ] = None
    keep_every: Annotated[int, Field(ge=0, description="also write every Nth step's sound")] = 0
    values: Annotated[
        dict[str, str], Field(description="values of {catid}, {fxname}, ... in the renders' names")
    ] = Field(default_factory=dict)
    number: Annotated[int, Field(ge=1, description="value of {n} in the renders' names")] = 1
    trust: Annotated[bool, Field(description="allow a foreign SavedModel to run")] = False
    kind: Annotated[
        Literal["render", "preview"],
        Field(description="a preview goes before all renders, and interrupts a running one"),
    ] = "render"
    name: Annotated[str, Field(max_length=MOST_NAME, description="name shown in the queue")] = ""
    priority: Annotated[
        int, Field(ge=-MOST_PRIORITY, le=MOST_PRIORITY, description="higher goes first")
    ] = 0
    if_changed: Annotated[
        Literal["dream", "fail"],
        Field(description="what to do if the input has changed since the job was added"),
    ] = "dream"
    seen: Annotated[
        FileStamp | None, Field(description="state of the input when the job was added; automatic")
    ] = None

    @classmethod
    def make(cls, document: Any, what: str = "the job") -> JobRequest:
        """Make a request from plain JSON values.

        Raises
        ------
        QueueError
            The request is invalid, in one line. `settled` validates the recipe.
        """
        if not isinstance(document, dict):
            raise QueueError(f"{what}: not a JSON object")
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise QueueError(f"{what}: {one_line(error, cls)}") from error

    def settled(self, folder: Path) -> JobRequest:
        """Return the request with its preset resolved and every path absolute.

        Parameters
        ----------
        folder : pathlib.Path
            Base of relative paths.

        Returns
        -------
        JobRequest
            Independent of the folder and program that carries it out.

        Raises
        ------
        RecipeError
            The recipe, the preset, the span or the options make no sense, or the recipe names what
            no model has that it may mean.
        """
        recipe = recipe_from(self.recipe)
        values = dict(self.values)
        if self.preset is not None:
            preset = find_preset(self.preset).preset
            given = recipe.model_dump(exclude_unset=True, exclude={"schema_version"})
            recipe = with_fields(preset.recipe, False, given)
            values.setdefault("preset", preset.name)
        if self.span is not None:
            parse_span(self.span)
        options = RenderOptions.make(**self.options.model_dump(exclude_unset=True))
        recipe = absolute(recipe, folder)
        # Whatever is on this machine: the job may be carried out on another.
        check_names(recipe, *known_tables(recipe.model))
        source = absolute_path(self.input, folder)
        start = self.from_render
        return self.model_copy(
            update={
                "input": str(source),
                "out": str(absolute_path(self.out, folder)),
                "from_render": None if start is None else str(absolute_path(start, folder)),
                "preset": None,
                "recipe": recipe.as_dict(),
                "options": options,
                "values": values,
                "seen": self.seen or FileStamp.of(source),
            }
        )

    def as_job(self, origin: str, job_folder: Path | None = None) -> NewJob:
        """Return a settled request as a job for the store."""
        return NewJob(
            input=self.input,
            request=self.model_dump_json(),
            name=self.name,
            preset=self.values.get("preset", ""),
            kind=self.kind,
            origin=origin,
            job_folder=None if job_folder is None else str(job_folder),
            priority=self.priority,
        )


def absolute(recipe: Recipe, folder: Path) -> Recipe:
    """Return a recipe with absolute paths.

    Parameters
    ----------
    recipe : Recipe
        The files that it names, and its model where that is a path.
    folder : pathlib.Path
        Base of relative paths.
    """
    recipe = recipe.with_files(lambda path: absolute_path(path, folder))
    model = Path(recipe.model).expanduser()
    if not (looks_like_path(recipe.model) or (folder / model).exists()):
        return recipe
    return recipe.model_copy(update={"model": str(absolute_path(recipe.model, folder))})
