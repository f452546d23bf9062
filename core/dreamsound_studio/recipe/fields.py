"""The fields of a recipe, each an option of the command line: types, ranges and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.objective import is_objective

if TYPE_CHECKING:
    MethodName = str
else:
    MethodName = Literal[tuple(METHODS)]
Combine = Literal["add", "replace", "learn"]
MaskFrom = Literal["none", "gradient", "input", "target"]
Carrier = Literal["gradient", "input", "target"]
Bed = Literal["none", "noise", "pink", "clicks", "glides", "chirps", "tones", "voices", "mixed"]
#: Version of the format. Recipes of version 1 that name no method mean ``add``.
SCHEMA_VERSION: Literal[2] = 2


class RecipeFields(BaseModel):
    """The fields of a `Recipe`, which adds what holds between them."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, validate_default=False
    )

    schema_version: Annotated[Literal[2], Field(description="version of this format")] = (
        SCHEMA_VERSION
    )
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
            "by the gradient (filter), add the gradient filtered by the sound (filter-add) or by "
            "another sound (target), or learn a filter of the sound (sculpt); default: sculpt "
            "toward classes, notes and textures; add toward layers, units, guides and directions, "
            "and where a field is set that sculpt does not use (strength, mask and the like)"
        ),
    ] = None  # type: ignore[assignment]  # `Recipe` puts the default in.
    combine: Annotated[
        Combine | None, Field(description="how the result joins the sound; default: the method's")
    ] = None
    mask_from: Annotated[
        MaskFrom | None, Field(description="source of the filter; default: the method's")
    ] = None
    carrier: Annotated[
        Carrier | None, Field(description="sound that passes the filter; default: the method's")
    ] = None
    flip: Annotated[bool, Field(description="swap mask source and carrier")] = False
    target: Annotated[
        str | None,
        Field(description="sound file that provides the timbre, or the texture with sculpt"),
    ] = None
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
            description="weighted sum of class:, layer:, channel:, unit:, direction:, guide:, "
            "texture:, note:, chord: and melody: terms, such as 'class:Whistling - "
            "0.5*layer:layer3'; in place of a class or layer"
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
    steps: Annotated[int | None, Field(ge=1, le=10_000, description="number of steps")] = None
    strength: Annotated[
        float | None,
        Field(
            gt=0,
            le=100,
            description="amount added per step; see strength_ref (sculpt uses rate_db); "
            "default: by method and objective",
        ),
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
        Field(
            ge=0,
            le=1,
            description="how closely the added sound (sculpt: the bed) follows the source's "
            "envelope",
        ),
    ] = None
    restore_level: Annotated[
        bool, Field(description="restore the level when a step replaces or filters the sound")
    ] = True
    jitter: Annotated[
        bool, Field(description="shift the patch grid randomly in each step, with context")
    ] = True
    patch_hop: Annotated[
        float | None,
        Field(ge=0.125, le=1, description="distance between patches, as a share of a patch"),
    ] = None
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
    fft_size: Annotated[int | None, Field(ge=16, le=65_536, description="STFT frame, samples")] = (
        None
    )
    hop_samples: Annotated[int, Field(ge=1, le=32_768, description="STFT hop, samples")] = 512
    channels: Annotated[
        Literal["linked", "independent", "mid-side"],
        Field(description="dream the mono mix, each channel, or mid and side"),
    ] = "linked"
    air: Annotated[
        Literal["keep", "mask", "drop", "octave"] | None,
        Field(
            description="range above the model's band: leave the source (keep), filter it "
            "(mask), remove the addition or the range (drop), or extend from the octave below "
            "(octave)"
        ),
    ] = None
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
    backtrack: Annotated[
        bool,
        Field(description="if a step lowers the objective, repeat it at half the strength"),
    ] = True
    listens: Annotated[
        int | None,
        Field(
            ge=1,
            le=64,
            description="listenings averaged in each step, each varied by the listen fields",
        ),
    ] = None
    listen_level_db: Annotated[
        float | None,
        Field(ge=0, le=40, description="random variation of the level (standard deviation), dB"),
    ] = None
    listen_speed: Annotated[
        float | None,
        Field(
            ge=0,
            le=0.5,
            description="largest change of speed and pitch, as a share: 0.125 is 12.5 % slower "
            "or faster",
        ),
    ] = None
    listen_tilt: Annotated[
        float | None,
        Field(ge=0, lt=1, description="largest spectral tilt, darker or brighter: 0 is none"),
    ] = None
    listen_noise_db: Annotated[
        float | None,
        Field(
            ge=-120,
            le=0,
            description="level of the loudest added noise re. the sound, dB; -120 adds none",
        ),
    ] = None
    listen_windows: Annotated[
        bool | None,
        Field(
            description="hear each listening through the network's own analysis window, half of "
            "it or twice as much, at random"
        ),
    ] = None
    listen_eq_db: Annotated[
        float | None,
        Field(
            ge=0,
            le=40,
            description="random colouring by a curve over the network's bands (standard "
            "deviation), dB",
        ),
    ] = None
    natural: Annotated[
        float | None,
        Field(
            ge=0,
            le=1000,
            description="how strongly the network's activations are held to the statistics of the "
            "sounds it was trained on; 0 is off",
        ),
    ] = None
    gain_grid: Annotated[
        str | None,
        Field(
            description="resolution of the filter, as BANDSxTIME, such as '96x32ms'; binsxTIME "
            "has one gain per STFT bin; grids joined by + add up"
        ),
    ] = None
    depth_db: Annotated[
        float | None, Field(gt=0, le=120, description="maximum cut and boost of the filter, dB")
    ] = None
    rate_db: Annotated[
        float | None, Field(gt=0, le=20, description="approximate step size of the gains, dB")
    ] = None
    pull: Annotated[
        float | None,
        Field(
            ge=0, le=10, description="how strongly gains are pulled back to 0 dB, per dB of gain"
        ),
    ] = None
    bed: Annotated[
        Bed | None,
        Field(
            description="sound under the source, shaped by the filter too: none, noise with the "
            "source's spectrum, pink noise, clicks, gliding tones, chirps, held tones, or "
            "wandering voices; mixed is pink noise, and clicks, glides, chirps and voices "
            "together, each of the two with its own filter"
        ),
    ] = None
    bed_file: Annotated[
        str | None, Field(description="sound file to use as the bed; replaces bed")
    ] = None
    bed_level_db: Annotated[
        float | None, Field(ge=-80, le=20, description="level of the bed, dB re. the source")
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
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="seed for all randomness")] = 0
    block_patches: Annotated[
        int | None,
        Field(
            ge=1,
            le=1024,
            description="most patches per pass through the network; a processor takes "
            "half as many in each of its threads; default: what was measured to be fastest on "
            "this machine, or 32 (256 on a GPU)",
        ),
    ] = None
    precision: Annotated[
        Literal["float32", "fast", "bfloat16"],
        Field(
            description="arithmetic of the network: float32, or fast, whose matrix products are "
            "in bfloat16, where the processor has AVX512_BF16 or AMX_BF16"
        ),
    ] = "float32"

    @field_validator("objective", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if is_objective(value) else value

    @field_validator("class_", mode="before")
    @classmethod
    def _as_index(cls, value: Any) -> Any:
        return str(value) if type(value) is int else value
