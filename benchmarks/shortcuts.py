"""Measures what two shortcuts cost: precision fast, and patches without overlap.

``python benchmarks/shortcuts.py`` prints a table. For each sound it correlates the first step's
gradient with that of the default recipe and shows the class score after ten steps. The row with
another seed shows the default's own spread, since the seed shifts the patch grid. Where the
processor has no bfloat16, TensorFlow computes the same more slowly: the times then mean nothing.
"""

from __future__ import annotations

import statistics

import numpy as np
from sounds import test_sounds

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.runtime import import_tensorflow
from dreamsound_studio.recipe import precision
from dreamsound_studio.recipe.recipe import Recipe

VARIANTS: dict[str, dict[str, object]] = {
    "default": {},
    "default, another seed": {"seed": 1},
    "patch_hop 1": {"patch_hop": 1.0},
    "precision fast": {"precision": "fast"},
}


def first_gradient(clip: Clip, model: Model, fields: dict[str, object]) -> np.ndarray:
    """Return the gradient of the first step, ``[channels, samples]``."""
    dreamer = Dreamer(clip, Recipe.make(method="add", steps=1, **fields), model)
    list(dreamer.steps())
    return dreamer.result().gradient.array().copy()


def after_ten(clip: Clip, model: Model, fields: dict[str, object]) -> tuple[float, float]:
    """Return the score after ten steps, and the median seconds of a step."""
    dreamer = Dreamer(clip, Recipe.make(method="add", **fields), model)
    seconds = [event.seconds for event in dreamer.steps()]
    return dreamer.result().final.score, statistics.median(seconds)


def main() -> None:
    """Print the table."""
    import_tensorflow()
    precision.multiplies_bfloat16 = lambda: True
    from dreamsound_studio.api import load_model

    model = load_model()
    print("| sound | variant | correlation with the default's g | score after | x its time |")
    print("|---|---|---|---|---|")
    for name, clip in test_sounds().items():
        reference = first_gradient(clip, model, {})
        usual = after_ten(clip, model, {})[1]
        for variant, fields in VARIANTS.items():
            gradient = first_gradient(clip, model, fields)
            score, seconds = after_ten(clip, model, fields)
            alike = np.corrcoef(np.ravel(gradient), np.ravel(reference))[0, 1]
            print(
                f"| {name} | {variant} | {alike:.3f} | {score:.3f} | {seconds / usual:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
