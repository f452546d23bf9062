"""A take's record of its origin: ``P_EXT:DreamSound``, one line of JSON in the project."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from dreamsound_reaper.pieces import UnfitError
from dreamsound_studio.audio.cut import Cut
from dreamsound_studio.jobs.path_text import PathText


class TakeNote(BaseModel):
    """Origin of a take.

    Attributes
    ----------
    render : str
        Render name.
    base : str
        Name of the original take.
    generation : int
        1 for a dream of a sound, 2 for a dream that continues it, and so on.
    input, cut : str, Cut or None
        The dreamed file, and the part of it.
    preset, recipe : str or None, dict
        Settings of the dream.
    model, weights_sha256, engine : str
        The network, and the DreamSound version.
    class_name, scores : str, list of float
        The class, and its scores before and after.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    render: str = "dream"
    base: str = ""
    generation: int = Field(default=1, ge=1)
    input: PathText
    cut: Cut | None = None
    preset: str | None = None
    recipe: dict[str, JsonValue] = Field(default_factory=dict)
    model: str = ""
    weights_sha256: str = ""
    engine: str = ""
    class_name: str = ""
    scores: list[float] = Field(default_factory=list)

    def as_text(self) -> str:
        """Return the record as one line."""
        values = self.model_dump(mode="json", exclude={"cut"})
        if self.cut is not None:
            values["cut"] = self.cut.as_dict()
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str) -> TakeNote | None:
        """Parse a take's record; return None if it has none.

        Raises
        ------
        UnfitError
            The record is invalid.
        """
        if not text.strip():
            return None
        try:
            return cls.model_validate(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise UnfitError("has an invalid DreamSound record") from error
