"""A settled job: what it does is the same whoever carries it out, and from where."""

from __future__ import annotations

import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dreamsound_studio.audio.cut import Cut
from dreamsound_studio.jobs.limits import MOST_NAME, MOST_PRIORITY
from dreamsound_studio.jobs.path_text import shown_name
from dreamsound_studio.jobs.stamp import FileStamp
from dreamsound_studio.recipe.document import AnyRecipe
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RenderOptions


class JobFields(BaseModel):
    """The fields that a request and a settled job share."""

    model_config = ConfigDict(frozen=True)

    schema_version: Annotated[Literal[1], Field(description="version of this format")] = 1
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
    judge: Annotated[
        str,
        Field(
            min_length=1,
            description="second model that hears source and dream: a name or a path, none, or auto",
        ),
    ] = "auto"
    kind: Annotated[
        Literal["render", "preview"],
        Field(description="a preview goes before all renders, and interrupts a running one"),
    ] = "render"
    name: Annotated[
        str,
        BeforeValidator(shown_name),
        Field(max_length=MOST_NAME, description="name shown in the queue"),
    ] = ""
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


class JobSpec(JobFields):
    """A recipe applied to one sound, with its renders.

    Attributes
    ----------
    input : str
        Path of the sound; absolute in the queue.
    out : str
        Folder of the renders.
    recipe : Recipe
        The recipe, its preset resolved.
    """

    input: str = ""
    out: str = ""
    recipe: AnyRecipe = Field(default_factory=Recipe)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a settled job; its recipe is validated once, here."""
        # Not pydantic's own parser: it refuses file names that are not UTF-8.
        return cls.model_validate(json.loads(text))

    def to_json(self) -> str:
        """Return the job as JSON, as :meth:`from_json` reads it."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), separators=(",", ":"))

    def files(self) -> list[str]:
        """Return the paths of all files that the job reads, the input first, each once."""
        named = [self.input, self.from_render, *self.recipe.files()]
        return list(dict.fromkeys(path for path in named if path))
