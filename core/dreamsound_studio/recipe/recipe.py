"""The recipe: everything that determines the sound of a dream. No TensorFlow here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.breakpoints import Breakpoints
from dreamsound_studio.recipe.files import Places, files_by_name, with_files
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.objective import is_objective
from dreamsound_studio.recipe.objective_text import parse_objective
from dreamsound_studio.wrong_values import advice

SCHEMA_VERSION = 1

if TYPE_CHECKING:
    MethodName = str
else:
    MethodName = Literal[tuple(METHODS)]
Combine = Literal["add", "replace"]
MaskFrom = Literal["none", "gradient", "input", "target"]
Carrier = Literal["gradient", "input", "target"]

#: Characters of an invalid value shown in messages.
MOST_SHOWN = 80
#: Fields that contain breakpoints.
AUTOMATED = (
    "strength_over_steps",
    "strength_over_time",
    "threshold_over_steps",
    "threshold_over_time",
    "morph",
)
#: The fields of ``--paper``: the formulas of the paper, taken literally.
PAPER_FIELDS: dict[str, Any] = {
    "strength_ref": "absolute",
    "normalise": "before",
    "follow_envelope": 0.0,
    "restore_level": False,
    "jitter": False,
    "at": "score",
}


class Recipe(BaseModel):
    """What to maximise, with which method, how strongly and how often.

    Every field is an option of ``dreamsound render`` with the same name. Fields that are None take
    the value of the method's row in ``dream.filter``.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, validate_default=False
    )

    schema_version: Annotated[Literal[1], Field(description="version of this format")] = 1
    model: Annotated[
        str,
        Field(
            description="auto, a model name, a handle on TF Hub or Kaggle, or the path of a "
            "SavedModel folder or .h5 file"
        ),
    ] = "auto"
    method: Annotated[
        MethodName,
        Field(
            description="what a step does: add the gradient to the sound (add), filter the sound "
            "by the gradient (filter), or add the gradient filtered by the sound (filter-add) or "
            "by another sound (target)"
        ),
    ] = "add"
    combine: Annotated[
        Combine | None, Field(description="how the result joins the sound; default: the method's")
    ] = None
    mask_from: Annotated[
        MaskFrom | None, Field(description="source of the filter; default: the method's")
    ] = None
    carrier: Annotated[
        Carrier | None, Field(description="sound through the filter; default: the method's")
    ] = None
    flip: Annotated[bool, Field(description="swap mask source and carrier")] = False
    target: Annotated[str | None, Field(description="sound file that provides the timbre")] = None
    target_b: Annotated[str | None, Field(description="sound file that the target morphs into")] = (
        None
    )
    morph: Annotated[
        str | None,
        Field(
            description="progress of the morph from target to target_b, 0..1: one number, or "
            "breakpoints over seconds such as '0:0, 5:1'; default: 0 to 1 over the sound"
        ),
    ] = None
    class_: Annotated[
        str | None,
        Field(
            alias="class",
            description="class to dream: first (the class heard most in the source), follow (in "
            "each step's sound), target (in the target), patch (in each patch), or a class by name "
            "or index; default: first, or target for the method target",
        ),
    ] = None
    objective: Annotated[
        str | None,
        Field(
            description="weighted sum of class:, layer:, channel:, unit:, direction: and guide: "
            "terms, such as 'class:Whistling - 0.5*layer:layer3'; in place of a class or layer"
        ),
    ] = None
    layer: Annotated[
        str | None,
        Field(description="layer whose energy to dream instead of a class; see dreamsound layers"),
    ] = None
    at: Annotated[
        Literal["logit", "score", "log"] | None,
        Field(description="where to read a class: before the sigmoid, after it, or its logarithm"),
    ] = None
    steps: Annotated[int, Field(ge=1, le=10_000, description="number of steps")] = 10
    strength: Annotated[
        float | None,
        Field(gt=0, le=100, description="amount added per step; see strength_ref"),
    ] = None
    strength_ref: Annotated[
        Literal["source", "absolute"],
        Field(description="whether strength is relative to the source's level, or absolute"),
    ] = "source"
    normalise: Annotated[
        Literal["after", "before"],
        Field(description="normalise the added sound: after the filter, or only before it"),
    ] = "after"
    follow_envelope: Annotated[
        float | None,
        Field(ge=0, le=1, description="how closely the added sound follows the source's envelope"),
    ] = None
    restore_level: Annotated[
        bool, Field(description="restore the level when a step replaces the sound")
    ] = True
    jitter: Annotated[
        bool, Field(description="shift the patch grid randomly in each step, with context")
    ] = True
    patch_hop: Annotated[
        float, Field(ge=0.125, le=1, description="distance between patches, as a share of a patch")
    ] = 0.5
    mask: Annotated[
        Literal["hard", "soft", "per-frame", "inverted", "local"] | None,
        Field(description="kind of filter: sets the fields below that are not given"),
    ] = None
    threshold_db: Annotated[
        float | None,
        Field(ge=-200, le=0, description="filter threshold, dB re. the mask source's maximum"),
    ] = None
    threshold_ref: Annotated[
        Literal["span", "frame", "local"] | None,
        Field(description="maximum of the whole span, of each frame, or around each bin"),
    ] = None
    knee_db: Annotated[
        float | None, Field(ge=0, le=120, description="width of the soft edge, dB; 0 is hard")
    ] = None
    invert_mask: Annotated[bool, Field(description="keep what the filter would remove")] = False
    fft_size: Annotated[int, Field(ge=16, le=65_536, description="STFT frame, samples")] = 2048
    hop_samples: Annotated[int, Field(ge=1, le=32_768, description="STFT hop, samples")] = 512
    channels: Annotated[
        Literal["linked", "independent", "mid-side"],
        Field(description="dream the mono mix, each channel, or mid and side"),
    ] = "linked"
    air: Annotated[
        Literal["keep", "mask", "drop", "octave"],
        Field(
            description="above the model's band: keep the source, apply the filter, none, or add "
            "the band below an octave higher"
        ),
    ] = "keep"
    start: Annotated[
        Literal["sound", "noise", "silence"],
        Field(description="starting point: the sound, noise at its level, or dither"),
    ] = "sound"
    octaves: Annotated[
        int,
        Field(
            ge=1,
            le=4,
            description="pitch octaves: the first steps hear the sound 4 or 2 times as fast, so "
            "that low pitches are shaped first; the last steps hear it as it is",
        ),
    ] = 1
    pull_to_source: Annotated[
        float, Field(ge=0, le=100, description="regulariser: pull towards the source")
    ] = 0.0
    damp_above: Annotated[
        float, Field(ge=0, le=100, description="regulariser: reduce energy above damp_above_hz")
    ] = 0.0
    damp_above_hz: Annotated[
        float, Field(gt=0, le=96_000, description="start of damp_above, Hz")
    ] = 6000.0
    smooth_time: Annotated[
        float, Field(ge=0, le=100, description="regulariser: smooth magnitudes over time")
    ] = 0.0
    smooth_frequency: Annotated[
        float, Field(ge=0, le=100, description="regulariser: smooth magnitudes over frequency")
    ] = 0.0
    masking: Annotated[
        Literal["none", "under", "over"],
        Field(description="keep the change under the source's masking threshold, or over it"),
    ] = "none"
    band_low_hz: Annotated[
        float | None, Field(gt=0, le=96_000, description="lowest frequency to change, Hz")
    ] = None
    band_high_hz: Annotated[
        float | None, Field(gt=0, le=96_000, description="highest frequency to change, Hz")
    ] = None
    fade_in_s: Annotated[
        float, Field(ge=0, le=3600, description="fade-in of the change at the span's start, s")
    ] = 0.0
    fade_out_s: Annotated[
        float, Field(ge=0, le=3600, description="fade-out of the change at the span's end, s")
    ] = 0.0
    strength_over_steps: Annotated[
        str | None, Field(description="strength factor by step, such as '1:2, 10:0.5'")
    ] = None
    strength_over_time: Annotated[
        str | None, Field(description="strength factor by second, such as '0:0, 2.5:1'")
    ] = None
    threshold_over_steps: Annotated[
        str | None, Field(description="dB added to threshold_db by step, such as '1:-20, 10:0'")
    ] = None
    threshold_over_time: Annotated[
        str | None, Field(description="dB added to threshold_db by second")
    ] = None
    wet: Annotated[
        float, Field(ge=0, le=1, description="mix of dream and source: 1 is dream only")
    ] = 1.0
    stop_score: Annotated[
        float | None, Field(gt=0, lt=1, description="stop when the class reaches this score")
    ] = None
    stop_plateau: Annotated[
        float | None,
        Field(
            gt=0,
            lt=1,
            description="stop when three steps raise the loss by less than this share of its range "
            "over all steps",
        ),
    ] = None
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="seed of all randomness")] = 0
    block_patches: Annotated[
        int, Field(ge=1, le=1024, description="number of patches per pass through the network")
    ] = 32
    precision: Annotated[
        Literal["float32", "bfloat16"], Field(description="arithmetic inside the network")
    ] = "float32"

    @field_validator("objective", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if is_objective(value) else value

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        if self.flip and (self.mask_from is not None or self.carrier is not None):
            raise ValueError("flip swaps mask_from and carrier. Use flip, or set these, not both.")
        if self.flip and self.method == "add" and self.mask_from is None:
            raise ValueError("flip: the method add has no filter, so there is nothing to swap")
        if self.fft_size % 2:
            raise ValueError(f"fft_size must be even, not {self.fft_size}")
        if self.hop_samples > self.fft_size // 2:
            raise ValueError(
                f"hop_samples {self.hop_samples} is more than half of fft_size {self.fft_size}. "
                "Use a smaller hop, so that frames overlap enough."
            )
        if self.band_low_hz and self.band_high_hz and self.band_low_hz >= self.band_high_hz:
            raise ValueError("band_low_hz must be below band_high_hz")
        if self.octaves > self.steps:
            raise ValueError(f"octaves: {self.steps} steps are too few for {self.octaves} octaves")
        if self.target_b is None and self.morph is not None:
            raise ValueError("morph needs a target_b. Name target_b, or remove morph.")
        if self.air == "octave" and self.hop_samples > self.fft_size // 4:
            raise ValueError("air octave needs hop_samples of at most a quarter of fft_size")
        for name in AUTOMATED:
            text = getattr(self, name)
            if text is not None:
                points = Breakpoints.parse(text, name)
                if name.startswith("strength") and points.lowest < 0:
                    raise ValueError(f"{name}: strength must be 0 or more, not {points.lowest:g}")
                if name == "morph" and not (points.lowest >= 0 and points.highest <= 1):
                    raise ValueError("morph: values must be 0 (the target) to 1 (target_b)")
        if self.layer is not None and (self.class_ is not None or self.at is not None):
            raise ValueError("layer and class (or at) are two objectives. Use one of them.")
        if self.objective is not None:
            short = [name for name in ("class_", "at", "layer") if getattr(self, name) is not None]
            if short:
                raise ValueError(
                    f"{short[0].rstrip('_')} is short for an objective. Use it, or objective, not "
                    "both."
                )
            parse_objective(self.objective)
        return self

    def octave_of(self, step: int) -> int:
        """Return the number of octaves by which a step (1, 2, ...) hears the sound higher."""
        return self.octaves - 1 - (step - 1) * self.octaves // self.steps

    @classmethod
    def make(cls, paper: bool = False, **fields: Any) -> Recipe:
        """Make a recipe; fields that are None keep their defaults.

        Parameters
        ----------
        paper : bool, optional
            Apply the paper's formulas literally (:data:`PAPER_FIELDS`); fields given by name win.
        **fields
            Fields of the recipe; ``class_`` or ``class``.

        Returns
        -------
        Recipe

        Raises
        ------
        RecipeError
            A field is unknown or out of range, or fields contradict each other; the message is a
            single line.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        if paper:
            literal = dict(PAPER_FIELDS)
            if given.get("layer") is not None or given.get("objective") is not None:
                del literal["at"]
            given = literal | given
        try:
            return cls(**given)
        except ValidationError as error:
            raise RecipeError(one_line(error, cls)) from None

    def files(self) -> tuple[str, ...]:
        """Return the path of every file that the recipe names, as it has them."""
        return tuple(self.files_by_name().values())

    def files_by_name(self) -> dict[str, str]:
        """Return these paths by what each is for; see ``recipe.files``."""
        return files_by_name(self)

    def with_files(self, places: Places) -> Recipe:
        """Return the recipe with other paths; `places` is a mapping, or a function of a path."""
        return with_files(self, places)

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as plain JSON values, by option name."""
        return self.model_dump(mode="json", by_alias=True)


def one_line(error: ValidationError, kind: type[BaseModel]) -> str:
    """Return the validation errors of a model of type `kind`, in one line."""
    import difflib

    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            known = [field.alias or key for key, field in kind.model_fields.items()]
            near = difflib.get_close_matches(name, known, 1)
            message = "unknown field" + (f"; did you mean {near[0]}?" if near else "")
        elif name:
            message = f"{advice(problem)}, not {_shown(problem['input'])}"
        lines.append(f"{name}: {message}" if name else message)
    return " ".join("; ".join(lines).split())


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}..."
