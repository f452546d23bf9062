"""Which arithmetic a dream can run by on this machine. No TensorFlow here."""

from __future__ import annotations

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.processor import multiplies_bfloat16
from dreamsound_studio.recipe.recipe import Recipe

#: What stands in for the precision `bfloat16` of earlier recipes.
INSTEAD = (
    "precision bfloat16 no longer exists: this dream uses float32, which is faster and more exact"
)


def check_precision(recipe: Recipe) -> None:
    """Raise `RecipeError` for a precision that this machine's processor does not have.

    Parameters
    ----------
    recipe : Recipe
        Its `precision` is read.
    """
    if recipe.precision == "fast" and not multiplies_bfloat16():
        raise RecipeError(
            "precision fast needs a processor with AVX512_BF16 or AMX_BF16, and this one reports "
            "neither. Use precision float32."
        )
