"""Fields of a recipe that contradict each other, each of them valid on its own."""

from __future__ import annotations

from dreamsound_studio.files import unusable_text
from dreamsound_studio.recipe.breakpoints import AUTOMATED, Breakpoints
from dreamsound_studio.recipe.default_method import row_of, step_count_of
from dreamsound_studio.recipe.fields import RecipeFields
from dreamsound_studio.recipe.gain_grids import parse_grids
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.objective_text import parse_objective


def check_consistent(recipe: RecipeFields) -> None:
    """Raise for fields that contradict each other.

    Raises
    ------
    ValueError
        What contradicts what, and what to use instead; pydantic reports it.
    RecipeError
        Breakpoints or the objective are invalid.
    """
    _check_texts(recipe)
    _check_filter(recipe)
    _check_learned(recipe)
    _check_change(recipe)
    _check_curves(recipe)
    _check_objective(recipe)


def _check_texts(recipe: RecipeFields) -> None:
    bad = unusable_text(dict(recipe))
    if bad is not None:
        raise ValueError(f"{bad!a:.60} has a NUL or half a character in it. Remove it.")
    for name, value in recipe:
        if isinstance(value, str) and not value.strip():
            raise ValueError(f"{name.rstrip('_')} is empty. Give it a value, or leave it out.")


def _check_filter(recipe: RecipeFields) -> None:
    if recipe.flip and (recipe.mask_from is not None or recipe.carrier is not None):
        raise ValueError("flip swaps mask_from and carrier. Use flip, or set these, not both.")
    if recipe.flip and recipe.method == "add" and recipe.mask_from is None:
        raise ValueError("flip: the method add has no filter, so there is nothing to swap")
    fft_size = _fft_size(recipe)
    if fft_size % 2:
        raise ValueError(f"fft_size must be even, not {fft_size}")
    if recipe.hop_samples > fft_size // 2:
        raise ValueError(
            f"hop_samples {recipe.hop_samples} is more than half of fft_size {fft_size}. "
            "Use a smaller hop, so that frames overlap enough."
        )


def _fft_size(recipe: RecipeFields) -> int:
    return recipe.fft_size or row_of(recipe).fft_size


def _check_learned(recipe: RecipeFields) -> None:
    if recipe.gain_grid is not None:
        parse_grids(recipe.gain_grid)
    if recipe.method != "sculpt":
        if recipe.combine == "learn":
            raise ValueError(f"combine learn is the method sculpt. Use it, not {recipe.method}.")
        return
    row = METHODS["sculpt"]
    for name in ("combine", "mask_from", "carrier"):
        value = getattr(recipe, name)
        if value not in (None, getattr(row, name)):
            raise ValueError(
                f"{name} {value}: the method sculpt learns its filter. Remove {name}, or use "
                "another method."
            )
    if recipe.flip:
        raise ValueError("flip: the method sculpt learns its filter, so there is nothing to swap")


def _check_change(recipe: RecipeFields) -> None:
    if recipe.band_low_hz and recipe.band_high_hz and recipe.band_low_hz >= recipe.band_high_hz:
        raise ValueError("band_low_hz must be below band_high_hz")
    if recipe.octaves > step_count_of(recipe):
        raise ValueError(
            f"octaves: {step_count_of(recipe)} steps are too few for {recipe.octaves} octaves"
        )
    if recipe.target_b is None and recipe.morph is not None:
        raise ValueError("morph needs a target_b. Name target_b, or remove morph.")
    is_added = recipe.method != "sculpt"
    if is_added and recipe.air == "octave" and recipe.hop_samples > _fft_size(recipe) // 4:
        raise ValueError("air octave needs hop_samples of at most a quarter of fft_size")


def _check_curves(recipe: RecipeFields) -> None:
    for name in AUTOMATED:
        text = getattr(recipe, name)
        if text is not None:
            points = Breakpoints.parse(text, name)
            if name.startswith("strength") and points.lowest < 0:
                raise ValueError(f"{name}: strength must be 0 or more, not {points.lowest:g}")
            if name == "morph" and not (points.lowest >= 0 and points.highest <= 1):
                raise ValueError("morph: values must be 0 (the target) to 1 (target_b)")


def _check_objective(recipe: RecipeFields) -> None:
    if recipe.layer is not None and (recipe.class_ is not None or recipe.at is not None):
        raise ValueError("layer and class (or at) are two objectives. Use one of them.")
    if recipe.objective is not None:
        short = [name for name in ("class_", "at", "layer") if getattr(recipe, name) is not None]
        if short:
            raise ValueError(
                f"{short[0].rstrip('_')} is short for an objective. Use it, or objective, not both."
            )
        atoms = parse_objective(recipe.objective).atoms
        if recipe.octaves > 1 and any(atom.keeps_pitch for atom in atoms):
            raise ValueError("octaves: notes are heard at their own pitch only. Use octaves 1.")
