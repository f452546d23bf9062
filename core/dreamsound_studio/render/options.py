"""Which renders a dream has, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_studio.audio.formats import FORMAT_BITS, Bits, FileFormat, check_bits
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.naming import DEFAULT_TEMPLATE, LATE, check_template, fields_in
from dreamsound_studio.wrong_values import advice

#: `gradient` and `hardcut` are brought to the source's level by at most this.
MOST_GAIN_DB = 40.0


@dataclass(frozen=True)
class RenderRow:
    """One render by name.

    Attributes
    ----------
    level : {"source", "dream"}
        Brought to the source's loudness, or given the dream's gain.
    make : str or None
        ``module:function``, imported when the render is asked for: from a `RawDream` to raw
        `Samples` ``[channels or 1, length]``. None for what needs no making: the dream itself, its
        gradient, and the difference, which is taken of what the dream and its source have become.
    most_gain_db : float or None
        It is raised to the source's level by at most this.
    """

    level: Literal["source", "dream"]
    make: str | None = None
    most_gain_db: float | None = None


#: Every render, by name.
RENDERS: dict[str, RenderRow] = {
    "dream": RenderRow("source"),
    "gradient": RenderRow("source", most_gain_db=MOST_GAIN_DB),
    "hardcut": RenderRow("source", "dreamsound_studio.render.mixer:hardcut", MOST_GAIN_DB),
    "filtered": RenderRow("dream", "dreamsound_studio.render.mixer:filtered"),
    "difference": RenderRow("dream"),
}
if TYPE_CHECKING:
    RenderName = str
else:
    RenderName = Literal[tuple(RENDERS)]
RENDER_NAMES: tuple[RenderName, ...] = tuple(RENDERS)
DEFAULT_RENDERS: tuple[RenderName, ...] = ("dream", "gradient", "hardcut")


class RenderOptions(BaseModel):
    """Which renders to write, and how.

    Attributes
    ----------
    renders : tuple of str
        Names from :data:`RENDER_NAMES`.
    level : {"match", "raw"}
        Match the source's loudness, or keep the loop's own float values.
    limit : {"on", "off"}
        Hold down peaks, by a few dB at most, where a render would otherwise come out softer than
        its source; or lower all of it until the peaks fit.
    format : {"wav", "aiff", "caf", "flac", "ogg", "opus", "mp3"}
        Container.
    bits : {"16", "24", "32f"} or None
        Sample format; None is the source's, at least 24, or the format's own if lossy.
    sidecar : bool
        Whether to also write the note to a file ``NAME.ENDING.json`` beside the render.
    overwrite : bool
        Whether to replace existing files.
    name : str
        Template of the files' names (see ``recipe.naming``).
    clash : {"refuse", "number", "skip"}
        What to do if a file exists: raise an error, number this input's renders, or skip the input
        (done by the caller).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    renders: tuple[RenderName, ...] = Field(default=DEFAULT_RENDERS, min_length=1)
    level: Literal["match", "raw"] = "match"
    limit: Literal["on", "off"] = "on"
    format: FileFormat = "wav"
    bits: Literal["16", "24", "32f"] | None = None
    overwrite: bool = False
    sidecar: bool = False
    name: str = DEFAULT_TEMPLATE
    clash: Literal["refuse", "number", "skip"] = "refuse"

    @classmethod
    def make(cls, **fields: object) -> RenderOptions:
        """Make options from text; raise `RecipeError` in one line if they are invalid."""
        try:
            options = cls.model_validate({k: v for k, v in fields.items() if v is not None})
        except ValidationError as error:
            problem = error.errors()[0]
            name = str(problem["loc"][0]) if problem["loc"] else "options"
            raise RecipeError(f"{name}: {advice(problem)}, not {problem['input']!r}") from error
        if options.level == "raw" and options.bits != "32f":
            raise RecipeError("level raw needs bits 32f, since its values can exceed full scale")
        check_template(options.name, several=len(options.renders) > 1)
        late_fields = [field for field in LATE if field in fields_in(options.name)]
        if options.clash == "skip" and late_fields:
            late = ", ".join(f"{{{field}}}" for field in late_fields)
            raise RecipeError(f"clash skip needs names known before the dream. Remove {late}.")
        if options.bits is not None:
            check_bits(options.format, options.bits)
        return options

    def bits_for(self, source_bits: Bits) -> Bits:
        """Return the bits of a source's renders: its own, at least 24, if the format allows."""
        if self.bits is not None:
            return self.bits
        if "32f" not in FORMAT_BITS.get(self.format, ()):
            return "24"
        return "32f" if source_bits == "32f" else "24"
