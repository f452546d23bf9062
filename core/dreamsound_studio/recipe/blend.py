"""Between two recipes: what differs, and what lies in the middle."""

from __future__ import annotations

from typing import Any

from dreamsound_studio.dream.filter import METHODS
from dreamsound_studio.recipe.recipe import Recipe

#: Fields that mean something only together: a blend takes them all from the nearer recipe.
GROUPS = (
    ("class_", "at", "layer", "objective"),
    ("method", "combine", "mask_from", "carrier", "flip", "target", "target_b", "morph"),
    ("fft_size", "hop_samples"),
    ("mask", "threshold_ref", "invert_mask"),
    ("model",),
)
#: Numbers that are names rather than sizes: half way between two seeds there is nothing.
NO_SIZES = ("seed", "schema_version", "block_patches")


def difference(a: Recipe, b: Recipe) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which two recipes differ, by the names of the options."""
    first, second = a.as_dict(), b.as_dict()
    return {name: (first[name], second[name]) for name in first if first[name] != second[name]}


def blend(a: Recipe, b: Recipe, share: float) -> Recipe:
    """Return a recipe between two.

    Parameters
    ----------
    a, b : Recipe
        The ends.
    share : float
        0 is a, 1 is b.

    Returns
    -------
    Recipe
        Numbers are interpolated, whole ones rounded; of everything else the nearer choice is kept,
        and what means something only together is taken together.

    Raises
    ------
    RecipeError
        What came out makes no sense.
    """
    nearer = a if share < 0.5 else b
    if share in (0, 1):
        return nearer
    fields = {name: getattr(nearer, name) for name in Recipe.model_fields}
    together = {name for group in GROUPS for name in group}
    for name in Recipe.model_fields:
        if name in together or name in NO_SIZES:
            continue
        ends = [_number(recipe, name) for recipe in (a, b)]
        if ends[0] == ends[1] or any(end is None for end in ends):
            continue
        value = (1 - share) * ends[0] + share * ends[1]
        whole = all(isinstance(end, int) for end in ends)
        fields[name] = round(value) if whole else value
    fields["octaves"] = min(fields["octaves"], fields["steps"])
    low, high = fields["band_low_hz"], fields["band_high_hz"]
    if low is not None and high is not None and low >= high:
        fields |= {"band_low_hz": nearer.band_low_hz, "band_high_hz": nearer.band_high_hz}
    return Recipe.make(**fields)


def _number(recipe: Recipe, name: str) -> Any:
    """Return a field's number, its method's where it is open; None for what is no number."""
    value = getattr(recipe, name)
    if value is None:
        value = getattr(METHODS[recipe.method], name, None)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
