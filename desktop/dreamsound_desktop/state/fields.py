"""Recipe fields as the engine defines them: kind, range, unit, default, description."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from dreamsound_studio.recipe.breakpoints import AUTOMATED
from dreamsound_studio.recipe.files import FIELDS
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.plan import in_effect
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.wrong_values import offered

Kind = Literal["number", "whole", "choice", "switch", "file", "points", "text"]

#: Units by suffix of the field name.
UNITS: Final = {"_db": "dB", "_hz": "Hz", "_s": "s", "_samples": "samples", "fft_size": "samples"}
#: Groups of the form, in order: title and fields. Fields with a view of their own (model, class,
#: layer, objective, method) are absent.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Dream": ("steps", "strength", "wet", "seed", "flip"),
    "Filter": (
        "mask", "threshold_db", "knee_db", "threshold_ref", "invert_mask", "fft_size",
        "hop_samples",
    ),
    "Sculpt": (
        "depth_db", "gain_grid", "rate_db", "pull", "bed", "bed_level_db", "bed_file",
    ),
    "Listening": (
        "listens", "listen_level_db", "listen_speed", "listen_tilt", "listen_noise_db",
        "listen_windows", "listen_eq_db", "natural",
    ),
    "Target": ("target", "target_b", "morph"),
    "Level": ("backtrack", "strength_ref", "normalise", "follow_envelope", "restore_level"),
    "Part": ("band_low_hz", "band_high_hz", "fade_in_s", "fade_out_s", "channels", "air"),
    "Movement": (
        "strength_over_steps", "strength_over_time", "threshold_over_steps", "threshold_over_time",
    ),
    "Character": (
        "start", "octaves", "masking", "pull_to_source", "smooth_time", "smooth_frequency",
        "damp_above", "damp_above_hz",
    ),
    "Stop": ("stop_score", "stop_plateau"),
    "Engine": (
        "at", "jitter", "patch_hop", "combine", "mask_from", "carrier", "block_patches",
        "precision",
    ),
}  # fmt: skip
#: Slider ranges for fields whose own range is far wider than useful, and whether the slider is
#: logarithmic.
SLIDERS: Final[dict[str, tuple[float, float, bool]]] = {
    "steps": (1, 500, True),
    "strength": (0.001, 1, True),
    "threshold_db": (-100, 0, False),
    "knee_db": (0, 48, False),
    "follow_envelope": (0, 1, False),
    "wet": (0, 1, False),
    "patch_hop": (0.125, 1, False),
    "pull_to_source": (0, 10, False),
    "smooth_time": (0, 10, False),
    "smooth_frequency": (0, 10, False),
    "damp_above": (0, 10, False),
    "octaves": (1, 4, False),
    "depth_db": (3, 60, False),
    "rate_db": (0.1, 5, True),
    "pull": (0, 0.1, False),
    "bed_level_db": (-60, 6, False),
    "listens": (1, 8, False),
    "listen_level_db": (0, 12, False),
    "listen_speed": (0, 0.5, False),
    "listen_noise_db": (-120, 0, False),
    "listen_eq_db": (0, 20, False),
    "natural": (0, 100, False),
}


@dataclass(frozen=True)
class Field:
    """A field of the recipe.

    Attributes
    ----------
    name : str
        Name in `Recipe`.
    kind : str
        Type of the value.
    tip : str
        Description in plain words.
    unit : str
        Unit of a number.
    lowest, highest : float
        Range of a number; may be infinite.
    choices : tuple of str
        Allowed values of a choice.
    optional : bool
        Whether it may be unset, which leaves it to the method or disables it.
    default : object
        Default value in `Recipe`.
    """

    name: str
    kind: Kind
    tip: str
    unit: str
    lowest: float
    highest: float
    choices: tuple[str, ...]
    optional: bool
    default: Any

    def effective(self, recipe: Recipe) -> Any:
        """Return the value in effect: the field's own, or its substitute when unset."""
        return in_effect(recipe, self.name)


def amount_of(method: str) -> Field:
    """Return the field that says how far a method goes: a filter's depth, or a step's strength."""
    return field_named("depth_db" if METHODS[method].combine == "learn" else "strength")


def field_named(name: str) -> Field:
    """Return a recipe field by name."""
    info = Recipe.model_fields[name]
    annotation, optional = _without_none(info.annotation)
    limits: list[Any] = list(info.metadata)
    lowest, highest = float("-inf"), float("inf")
    for limit in limits:
        if isinstance(limit, Ge | Gt):
            lowest = float(limit.ge if isinstance(limit, Ge) else limit.gt)  # type: ignore[arg-type]
        elif isinstance(limit, Le | Lt):
            highest = float(limit.le if isinstance(limit, Le) else limit.lt)  # type: ignore[arg-type]
    values = get_args(annotation) if get_origin(annotation) is Literal else ()
    choices = offered(map(str, values))
    unit = next((text for end, text in UNITS.items() if name.endswith(end)), "")
    return Field(
        name,
        _kind(name, annotation, choices),
        info.description or "",
        unit,
        lowest,
        highest,
        choices,
        optional,
        info.default,
    )


def _kind(name: str, annotation: Any, choices: tuple[str, ...]) -> Kind:
    if choices:
        return "choice"
    if name in AUTOMATED:
        return "points"
    if name in FIELDS:
        return "file"
    kinds: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number"}
    return kinds.get(annotation, "text")


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [one for one in get_args(annotation) if one is not type(None)]
        if len(inner) == 1:
            return inner[0], True
    return annotation, False
