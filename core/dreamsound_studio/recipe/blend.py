"""Compare two recipes, and interpolate between them."""

from __future__ import annotations

from typing import Any

from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.plan import in_effect
from dreamsound_studio.recipe.recipe import Recipe

#: Fields that only make sense together: a blend takes them all from the nearer recipe.
GROUPS = (
    ("class_", "at", "layer", "objective"),
    ("method", "combine", "mask_from", "carrier", "flip", "target", "target_b", "morph"),
    ("fft_size", "hop_samples"),
    ("mask", "threshold_ref", "invert_mask"),
    ("model",),
)
#: Numbers that are labels, not amounts: half way between two seeds means nothing.
NO_SIZES = ("seed", "schema_version", "block_patches")


def difference(a: Recipe, b: Recipe) -> dict[str, tuple[Any, Any]]:
    """Return the fields that differ between two recipes, by option name."""
    first, second = a.as_dict(), b.as_dict()
    return {name: (first[name], second[name]) for name in first if first[name] != second[name]}


def blend(a: Recipe, b: Recipe, share: float) -> Recipe:
    """Interpolate between two recipes.

    Parameters
    ----------
    a, b : Recipe
        The ends.
    share : float
        0 is a, 1 is b.

    Returns
    -------
    Recipe
        Numbers are interpolated and whole numbers rounded. All other fields come from the nearer
        recipe; fields that only make sense together are taken together.

    Raises
    ------
    RecipeError
        The result is an invalid recipe.
    """
    nearer = a if share < 0.5 else b
    if share in (0, 1):
        return nearer
    fields = {name: getattr(nearer, name) for name in Recipe.model_fields}
    together = {name for group in GROUPS for name in group}
    for name in Recipe.model_fields:
        if name in together or name in NO_SIZES:
            continue
        if name == "strength" and a.strength is None and b.strength is None:
            continue  # It goes with the objective, which comes whole from the nearer recipe.
        ends = [_number(recipe, name) for recipe in (a, b)]
        if ends[0] == ends[1] or any(end is None for end in ends):
            continue
        value = (1 - share) * ends[0] + share * ends[1]
        whole = all(isinstance(end, int) for end in ends)
        fields[name] = round(value) if whole else value
    steps = METHODS[fields["method"]].steps if fields["steps"] is None else fields["steps"]
    fields["octaves"] = min(fields["octaves"], steps)
    low, high = fields["band_low_hz"], fields["band_high_hz"]
    if low is not None and high is not None and low >= high:
        fields |= {"band_low_hz": nearer.band_low_hz, "band_high_hz": nearer.band_high_hz}
    return Recipe.make(**fields)


def _number(recipe: Recipe, name: str) -> Any:
    """Return a field's number, or what stands in for it if unset; None if it is not numeric."""
    value = in_effect(recipe, name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
