"""The plan of a dream: a recipe in which nothing is left open, and its objective as terms."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from dreamsound_studio.dsp.mask import MASK_KINDS
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.processor import DEFAULT_BLOCK
from dreamsound_studio.recipe.default_method import row_of
from dreamsound_studio.recipe.fields import Bed, Carrier, Combine, MaskFrom
from dreamsound_studio.recipe.first_strengths import first_strength
from dreamsound_studio.recipe.method_table import METHODS, MethodRow
from dreamsound_studio.recipe.morph import Morph
from dreamsound_studio.recipe.objective import Atom, Class, Layer, Objective, Texture
from dreamsound_studio.recipe.objective_text import parse_objective
from dreamsound_studio.recipe.recipe import Recipe

#: Fields whose default is the method's.
FILLED = tuple(
    field.name
    for field in dataclasses.fields(MethodRow)
    if field.name not in ("combine", "mask_from", "carrier")
)
#: Where a class is read by default: the paper's score saturates; the logit does not.
DEFAULT_AT = "logit"


class Plan(Recipe):
    """A recipe with every open field filled from its method, and without `flip` and `mask`.

    What carries out a dream takes a plan: none of the fields below can be None in it. Make one with
    :meth:`of`.
    """

    combine: Combine
    mask_from: MaskFrom
    carrier: Carrier
    strength: float
    threshold_db: float
    threshold_ref: Literal["span", "frame", "local"]
    knee_db: float
    follow_envelope: float
    steps: int
    air: Literal["keep", "mask", "drop", "octave"]
    patch_hop: float
    listens: int
    listen_level_db: float
    listen_speed: float
    listen_tilt: float
    listen_noise_db: float
    listen_windows: bool
    listen_eq_db: float
    natural: float
    gain_grid: str
    depth_db: float
    rate_db: float
    pull: float
    bed: Bed
    bed_level_db: float
    fft_size: int
    block_patches: int

    @classmethod
    def of(cls, recipe: Recipe, table: NameTable | None = None) -> Plan:
        """Fill a recipe.

        Parameters
        ----------
        recipe : Recipe
            The user's recipe; valid, so it is not validated again.
        table : NameTable, optional
            The layers of the model that hears it; by default those of the recipe's model here.

        Returns
        -------
        Plan
            It means the same.

        Raises
        ------
        RecipeError
            The three choices do not form a method, or a target is missing or unused.
        """
        if isinstance(recipe, Plan):
            return recipe
        values = {name: getattr(recipe, name) for name in Recipe.model_fields}
        return cls.model_construct(**values | _choices(recipe) | _numbers(recipe, table))


def terms_of(recipe: Recipe) -> Objective:
    """Return the recipe's objective as terms; `class`, `at` and `layer` are short forms.

    Parameters
    ----------
    recipe : Recipe
        Its `objective`, or its `class_`, `at` and `layer`, are read; without any, the method
        `sculpt` takes the texture of its target.
    """
    if recipe.objective is not None:
        return parse_objective(recipe.objective)
    if recipe.layer is not None:
        return Objective(((1.0, Layer(recipe.layer)),))
    if takes_texture(recipe):
        textures = [Texture(path) for path in (recipe.target, recipe.target_b) if path is not None]
        return _between(recipe, *textures)
    name = _class_of(recipe)
    if name == "target" and recipe.target_b is not None:
        return _between(recipe, *(Class(end, recipe.at) for end in ("@target", "@target_b")))
    if name in ("first", "follow", "target", "patch"):
        name = f"@{name}"
    return Objective(((1.0, Class(name, recipe.at)),))


def terms_by_model(recipe: Recipe) -> dict[str, Objective]:
    """Return the terms of a recipe's objective by the model that hears them."""
    return terms_of(recipe).by_model(recipe.model)


def other_models(recipe: Recipe) -> tuple[str, ...]:
    """Return the models that a recipe's objective names beside the recipe's own."""
    return tuple(name for name in terms_by_model(recipe) if name != recipe.model)


def in_effect(recipe: Recipe, name: str, table: NameTable | None = None) -> Any:
    """Return a field's value, or what stands in for it where the recipe leaves it open.

    Parameters
    ----------
    recipe : Recipe
        The user's recipe.
    name : str
        A field.
    table : NameTable, optional
        As for :meth:`Plan.of`.

    Returns
    -------
    object
        The recipe's value, its mask's, that of its objective, or its method's; None where a field
        is off unless it is given.
    """
    value = getattr(recipe, name)
    if value is None and recipe.mask is not None:
        value = getattr(MASK_KINDS[recipe.mask], name, None)
    if value is not None:
        return value
    if name == "strength":
        return _first_strength(recipe, table)
    if name == "block_patches":
        return DEFAULT_BLOCK
    if name == "listen_speed" and _keeps_pitch(recipe):
        return 0.0
    if name == "natural" and not _climbs_logits(recipe):
        return 0.0
    if name == "band_high_hz" and recipe.band_low_hz is not None:
        return None
    return getattr(row_of(recipe), name, None)


def takes_texture(recipe: Recipe) -> bool:
    """Return whether the texture of the target is what is maximised."""
    aims = (recipe.class_, recipe.at, recipe.layer, recipe.objective)
    return recipe.method == "sculpt" and recipe.target is not None and not any(aims)


def _between(recipe: Recipe, first: Atom, *second: Atom) -> Objective:
    """Return the first of two ends, or what lies between them in a morph.

    The masks change over time; the objective is a single number, and takes their middle.
    """
    share = Morph.of(recipe).middle if second else 0.0
    weighed = ((1 - share, first), *((share, end) for end in second))
    return Objective(tuple((weight, end) for weight, end in weighed if weight > 0))


def _class_of(recipe: Recipe) -> str:
    return recipe.class_ or ("target" if recipe.method == "target" else "first")


def _choices(recipe: Recipe) -> dict[str, Any]:
    """Return the method's three choices, checked, and the class where one is maximised."""
    row = METHODS[recipe.method]
    mask_from: str = recipe.mask_from or row.mask_from
    carrier: str = recipe.carrier or row.carrier
    if recipe.flip:
        mask_from, carrier = carrier, mask_from
    if mask_from == "none" and carrier == "input" and row.combine != "learn":
        raise RecipeError("carrier input without a mask has no effect. Set mask_from.")
    _check_target(recipe, uses_target="target" in (mask_from, carrier))
    values: dict[str, Any] = {
        "mask_from": mask_from,
        "carrier": carrier,
        "combine": recipe.combine or row.combine,
        "flip": False,
    }
    if recipe.precision == "bfloat16":
        values["precision"] = "float32"  # see recipe.precision
    if recipe.layer is None and recipe.objective is None and not takes_texture(recipe):
        values |= {"at": recipe.at or DEFAULT_AT, "class_": _class_of(recipe)}
    return values


def _check_target(recipe: Recipe, uses_target: bool) -> None:
    if uses_target and recipe.target is None:
        raise RecipeError(f"The method {recipe.method} needs a target. Name a sound file.")
    wants_class = terms_of(recipe).chooses("target")
    if wants_class and recipe.target is None:
        raise RecipeError("class target needs a target. Name a sound file.")
    if recipe.target_b is not None and recipe.target is None:
        raise RecipeError("target_b needs a target to morph from. Name target too.")
    if recipe.target is not None and not (uses_target or wants_class or takes_texture(recipe)):
        if recipe.method == "sculpt":
            raise RecipeError(
                "The method sculpt takes the texture of a target, or its class. Remove the class, "
                "layer or objective, use class target, or remove the target."
            )
        raise RecipeError(
            f"The method {recipe.method} does not use a target. Use the method target or class "
            "target, or remove the target."
        )


def _numbers(recipe: Recipe, table: NameTable | None) -> dict[str, Any]:
    """Return what a method has defaults for: the recipe's values, its mask's, or the method's."""
    values = {name: in_effect(recipe, name, table) for name in (*FILLED, "block_patches")}
    if recipe.mask is not None:
        kind = MASK_KINDS[recipe.mask]
        values |= {"mask": None, "invert_mask": recipe.invert_mask or kind.invert_mask}
    return values


def _first_strength(recipe: Recipe, table: NameTable | None) -> float:
    """Return the strength of the first step, where the recipe gives none."""
    if (recipe.strength_ref, recipe.normalise) != ("source", "after"):
        # As in the paper: the strength is not relative to the sound's level.
        return METHODS[recipe.method].strength
    tables = {} if table is None else {recipe.model: table}
    return first_strength(recipe.method, terms_by_model(recipe), tables)


def _keeps_pitch(recipe: Recipe) -> bool:
    """Return whether the objective means pitches, which another speed would change."""
    return any(atom.keeps_pitch for atom in terms_of(recipe).atoms)


def _climbs_logits(recipe: Recipe) -> bool:
    """Return whether the objective is made of classes, read where the weight of `natural` fits."""
    return all(
        isinstance(atom, Class) and (atom.at or DEFAULT_AT) == "logit"
        for atom in terms_of(recipe).atoms
    )
