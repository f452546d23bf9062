"""Fields that a recipe sets and that its method does not use."""

from __future__ import annotations

from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe

#: What a method that learns its filter does without: a step to add, and a mask to cut with.
OF_STEPS_AND_MASKS = (
    "strength",
    "strength_ref",
    "normalise",
    "mask",
    "threshold_db",
    "threshold_ref",
    "knee_db",
    "invert_mask",
    "threshold_over_steps",
    "threshold_over_time",
)


def without_effect(recipe: Recipe) -> tuple[str, ...]:
    """Return the fields that differ from their defaults and that the recipe's method does not use.

    Parameters
    ----------
    recipe : Recipe
        As it was given: a plan sets every field, and asks for none.
    """
    if isinstance(recipe, Plan) or Plan.of(recipe).combine != "learn":
        return ()
    fields = Recipe.model_fields
    return tuple(
        name for name in OF_STEPS_AND_MASKS if getattr(recipe, name) != fields[name].default
    )
