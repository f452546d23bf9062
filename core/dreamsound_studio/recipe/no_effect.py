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
#: What a method that puts the filtered sound in the sound's place does without: it adds nothing.
OF_STEPS = (
    "strength",
    "strength_ref",
    "normalise",
    "follow_envelope",
    "strength_over_steps",
    "strength_over_time",
)
#: What a method does without that learns no filter.
OF_LEARNED_FILTERS = (
    "gain_grid",
    "depth_db",
    "rate_db",
    "pull",
    "bed",
    "bed_file",
    "bed_level_db",
)
#: The fields by what a method does with what it makes. A mask always counts in the hard cut.
UNUSED = {
    "add": OF_LEARNED_FILTERS,
    "replace": OF_STEPS + OF_LEARNED_FILTERS,
    "learn": OF_STEPS_AND_MASKS,
}


def without_effect(recipe: Recipe) -> tuple[str, ...]:
    """Return the fields that differ from their defaults and that the recipe's method does not use.

    Parameters
    ----------
    recipe : Recipe
        As it was given: a plan sets every field, and asks for none.
    """
    if isinstance(recipe, Plan):
        return ()
    unused = UNUSED[Plan.of(recipe).combine]
    fields = Recipe.model_fields
    return tuple(name for name in unused if getattr(recipe, name) != fields[name].default)
