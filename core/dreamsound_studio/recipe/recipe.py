"""The recipe: everything that decides what a dream sounds like. No TensorFlow here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.breakpoints import Breakpoints
from dreamsound_studio.recipe.files import Places, files_by_name, with_files
from dreamsound_studio.recipe.objective_text import parse_objective

SCHEMA_VERSION = 1

MethodName = Literal["add", "filter", "filter-add", "target"]
Combine = Literal["add", "replace"]
MaskFrom = Literal["none", "gradient", "input", "target"]
Carrier = Literal["gradient", "input", "target"]

#: Of a value that is wrong, so much is shown.
MOST_SHOWN = 80
#: Fields that hold breakpoints.
AUTOMATED = (
    "strength_over_steps",
    "strength_over_time",
    "threshold_over_steps",
    "threshold_over_time",
    "morph",
)
#: What ``--paper`` sets: the formulas of the paper, taken literally.
PAPER_FIELDS: dict[str, Any] = {
    "strength_ref": "absolute",
    "normalise": "before",
    "follow_envelope": 0.0,
    "restore_level": False,
    "jitter": False,
    "at": "score",
}


class Recipe(BaseModel):
    """What to maximise, by which method, how hard and how often.

    Every field is an option of ``dreamsound render`` by the same name. Fields that are None take
    what the method's row in ``dream.filter`` says.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, validate_default=False
    )

    schema_version: Annotated[Literal[1], Field(description="version of this format")] = 1
    model: Annotated[
        str, Field(description="auto, a model's name, or the path of a SavedModel folder or .h5")
    ] = "auto"
    method: Annotated[MethodName, Field(description="activation maximisation function")] = "add"
    combine: Annotated[
        Combine | None, Field(description="how the result meets the sound; default the method's")
    ] = None
    mask_from: Annotated[
        MaskFrom | None, Field(description="where the filter comes from; default the method's")
    ] = None
    carrier: Annotated[
        Carrier | None, Field(description="what goes through the filter; default the method's")
    ] = None
    flip: Annotated[bool, Field(description="swap mask source and carrier")] = False
    target: Annotated[str | None, Field(description="sound file that lends its timbre")] = None
    target_b: Annotated[
        str | None, Field(description="sound file that the target turns into, see morph")
    ] = None
    morph: Annotated[
        str | None,
        Field(
            description="how far the target has turned into target_b, 0..1: one number, or "
            "breakpoints over seconds such as '0:0, 5:1'; default from 0 to 1 over the sound"
        ),
    ] = None
    class_: Annotated[
        str | None,
        Field(
            alias="class",
            description="what to dream of: first (the class heard most in the source), follow "
            "(each step's), target (the target's), patch (each patch its own), or a class by name "
            "or index; default first, or target for the method target",
        ),
    ] = None
    objective: Annotated[
        str | None,
        Field(
            description="a weighted sum of class:, layer:, channel:, unit:, direction: and guide: "
            "terms, such as 'class:Whistling - 0.5*layer:layer3'; instead of class, at and layer"
        ),
    ] = None
    layer: Annotated[
        str | None,
        Field(description="dream of a layer's energy instead of a class; see dreamsound layers"),
    ] = None
    at: Annotated[
        Literal["logit", "score", "log"] | None,
        Field(description="where a class is read: before the sigmoid, after it, or its logarithm"),
    ] = None
    steps: Annotated[int, Field(ge=1, le=10_000, description="passes over the sound")] = 10
    strength: Annotated[
        float | None,
        Field(gt=0, le=100, description="how much a step adds, re. strength_ref"),
    ] = None
    strength_ref: Annotated[
        Literal["source", "absolute"],
        Field(description="strength is relative to the source's level, or absolute"),
    ] = "source"
    normalise: Annotated[
        Literal["after", "before"],
        Field(description="unit level of what is added: after the filter, or before it only"),
    ] = "after"
    follow_envelope: Annotated[
        float | None,
        Field(ge=0, le=1, description="how far what is added follows the source's envelope"),
    ] = None
    restore_level: Annotated[
        bool, Field(description="keep the level when a step replaces the sound")
    ] = True
    jitter: Annotated[
        bool, Field(description="shift the patch grid at random each step, with context")
    ] = True
    patch_hop: Annotated[
        float, Field(ge=0.125, le=1, description="distance of patches, as a share of a patch")
    ] = 0.5
    mask: Annotated[
        Literal["hard", "soft", "per-frame", "inverted", "local"] | None,
        Field(description="kind of filter: values for the fields below that are not given"),
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
        float | None, Field(ge=0, le=120, description="width of the filter's soft edge; 0 is hard")
    ] = None
    invert_mask: Annotated[bool, Field(description="keep what the filter would drop")] = False
    fft_size: Annotated[int, Field(ge=16, le=65_536, description="STFT frame, samples")] = 2048
    hop_samples: Annotated[int, Field(ge=1, le=32_768, description="STFT hop, samples")] = 512
    channels: Annotated[
        Literal["linked", "independent", "mid-side"],
        Field(description="dream the mono mix, each channel, or mid and side"),
    ] = "linked"
    air: Annotated[
        Literal["keep", "mask", "drop", "octave"],
        Field(
            description="above the model's band: keep the source's, let the filter decide, none, "
            "or what is added below an octave higher"
        ),
    ] = "keep"
    start: Annotated[
        Literal["sound", "noise", "silence"],
        Field(description="what is dreamed from: the sound, noise at its level, or dither"),
    ] = "sound"
    octaves: Annotated[
        int,
        Field(
            ge=1,
            le=4,
            description="pitch octaves: the first steps hear the sound 4 or 2 times as fast, so "
            "that low pitches are shaped first, the last as it is",
        ),
    ] = 1
    pull_to_source: Annotated[
        float, Field(ge=0, le=100, description="regulariser: pull back towards the source")
    ] = 0.0
    damp_above: Annotated[
        float, Field(ge=0, le=100, description="regulariser: less energy above damp_above_hz")
    ] = 0.0
    damp_above_hz: Annotated[
        float, Field(gt=0, le=96_000, description="where damp_above begins, Hz")
    ] = 6000.0
    smooth_time: Annotated[
        float, Field(ge=0, le=100, description="regulariser: magnitudes change less over time")
    ] = 0.0
    smooth_frequency: Annotated[
        float, Field(ge=0, le=100, description="regulariser: magnitudes change less over frequency")
    ] = 0.0
    masking: Annotated[
        Literal["none", "under", "over"],
        Field(description="keep what is added under what the source masks, or over it"),
    ] = "none"
    band_low_hz: Annotated[
        float | None, Field(gt=0, le=96_000, description="change nothing below, Hz")
    ] = None
    band_high_hz: Annotated[
        float | None, Field(gt=0, le=96_000, description="change nothing above, Hz")
    ] = None
    fade_in_s: Annotated[
        float, Field(ge=0, le=3600, description="the change fades in at the span's start, seconds")
    ] = 0.0
    fade_out_s: Annotated[
        float, Field(ge=0, le=3600, description="the change fades out at the span's end, seconds")
    ] = 0.0
    strength_over_steps: Annotated[
        str | None, Field(description="factor of strength by step, such as '1:2, 10:0.5'")
    ] = None
    strength_over_time: Annotated[
        str | None, Field(description="factor of strength by second, such as '0:0, 2.5:1'")
    ] = None
    threshold_over_steps: Annotated[
        str | None, Field(description="dB added to threshold_db by step, such as '1:-20, 10:0'")
    ] = None
    threshold_over_time: Annotated[
        str | None, Field(description="dB added to threshold_db by second")
    ] = None
    wet: Annotated[
        float, Field(ge=0, le=1, description="dream over source in the dream: 1 is all dream")
    ] = 1.0
    stop_score: Annotated[
        float | None, Field(gt=0, lt=1, description="stop when the class's score reaches this")
    ] = None
    stop_plateau: Annotated[
        float | None,
        Field(
            gt=0,
            lt=1,
            description="stop when three steps raise the loss by less than this "
            "share of what all have",
        ),
    ] = None
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="seed of all that is random")] = 0
    block_patches: Annotated[
        int, Field(ge=1, le=1024, description="patches that go through the network at once")
    ] = 32
    precision: Annotated[
        Literal["float32", "bfloat16"], Field(description="arithmetic inside the network")
    ] = "float32"

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        if self.flip and (self.mask_from is not None or self.carrier is not None):
            raise ValueError("flip swaps mask_from and carrier: give it, or them, not both")
        if self.flip and self.method == "add" and self.mask_from is None:
            raise ValueError("flip: the method add has no filter to swap anything with")
        if self.fft_size % 2:
            raise ValueError(f"fft_size must be even, not {self.fft_size}")
        if self.hop_samples > self.fft_size // 2:
            raise ValueError(
                f"hop_samples {self.hop_samples} is over half of fft_size {self.fft_size}: "
                "frames would not overlap enough to be put together again"
            )
        if self.band_low_hz and self.band_high_hz and self.band_low_hz >= self.band_high_hz:
            raise ValueError("band_low_hz has to be under band_high_hz")
        if self.octaves > self.steps:
            raise ValueError(f"octaves: {self.steps} steps are too few for {self.octaves} octaves")
        if self.target_b is None and self.morph is not None:
            raise ValueError("morph needs a target_b to turn into")
        if self.air == "octave" and self.hop_samples > self.fft_size // 4:
            raise ValueError("air octave needs hop_samples of at most a quarter of fft_size")
        for name in AUTOMATED:
            text = getattr(self, name)
            if text is not None:
                points = Breakpoints.parse(text, name)
                if name.startswith("strength") and points.lowest < 0:
                    raise ValueError(f"{name}: a strength is 0 or more, not {points.lowest:g}")
                if name == "morph" and not (points.lowest >= 0 and points.highest <= 1):
                    raise ValueError("morph: from 0 (the target) to 1 (target_b)")
        if self.layer is not None and (self.class_ is not None or self.at is not None):
            raise ValueError("layer and class (or at) are two objectives: give one")
        if self.objective is not None:
            short = [name for name in ("class_", "at", "layer") if getattr(self, name) is not None]
            if short:
                raise ValueError(
                    f"{short[0].rstrip('_')} is a short form of an objective: give it, or "
                    "objective, not both"
                )
            parse_objective(self.objective)
        return self

    def octave_of(self, step: int) -> int:
        """Return how many octaves higher a step (1, 2, ...) hears the sound."""
        return self.octaves - 1 - (step - 1) * self.octaves // self.steps

    @classmethod
    def make(cls, paper: bool = False, **fields: Any) -> Recipe:
        """Make a recipe; fields that are None are left at their defaults.

        Parameters
        ----------
        paper : bool, optional
            Take the paper's formulas literally (:data:`PAPER_FIELDS`); fields given by name win.
        **fields
            Any field of the recipe; ``class_`` or ``class``.

        Returns
        -------
        Recipe

        Raises
        ------
        RecipeError
            An unknown field, a value out of range, or fields that contradict each other, in one
            line.
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
            raise RecipeError(one_line(error, cls)) from error

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
        """Return the recipe as plain JSON values, by the names of the options."""
        return self.model_dump(mode="json", by_alias=True)


def one_line(error: ValidationError, kind: type[BaseModel]) -> str:
    """Return what pydantic found wrong with a model of `kind`, in one line."""
    import difflib

    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            known = [field.alias or key for key, field in kind.model_fields.items()]
            near = difflib.get_close_matches(name, known, 1)
            message = "no such field" + (f"; did you mean {near[0]}?" if near else "")
        elif name:
            message = f"{message[0].lower()}{message[1:]}, not {_shown(problem['input'])}"
        lines.append(f"{name}: {message}" if name else message)
    return " ".join("; ".join(lines).split())


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}..."
