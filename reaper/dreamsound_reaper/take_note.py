"""What a take says of how it was made: ``P_EXT:DreamSound``, one line of JSON in the project."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_reaper.spans import UnfitError
from dreamsound_studio.audio.cut import Cut


class TakeNote(BaseModel):
    """What made a take.

    Attributes
    ----------
    render : str
        Which render it is.
    base : str
        Name of the take that was dreamed first.
    generation : int
        1 for a dream of a sound, 2 for a dream that went on from it, and so on.
    input, cut : str, Cut or None
        The file that was dreamed, and what of it.
    preset, recipe : str or None, dict
        By which.
    model, weights_sha256, engine : str
        The network, and the version of DreamSound.
    class_name, scores : str, list of float
        What was heard, before and after.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    render: str = "dream"
    base: str = ""
    generation: int = Field(default=1, ge=1)
    input: str = Field(min_length=1)
    cut: Cut | None = None
    preset: str | None = None
    recipe: dict[str, Any] = Field(default_factory=dict)
    model: str = ""
    weights_sha256: str = ""
    engine: str = ""
    class_name: str = ""
    scores: list[float] = Field(default_factory=list)

    def as_text(self) -> str:
        """Return it as one line."""
        told = self.model_dump(mode="json", exclude={"cut"})
        if self.cut is not None:
            told["cut"] = self.cut.as_dict()
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str) -> TakeNote | None:
        """Return what a take says of itself; None where it says nothing.

        Raises
        ------
        UnfitError
            It says something that makes no sense.
        """
        if not text.strip():
            return None
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise UnfitError("says something of how it was made that makes no sense") from error
