"""Whether steps made again at half the strength end higher, for ``docs/defaults.md``.

Ten steps from a strength of 0.05, toward classes and layers, with `backtrack` and without: the
objective before and after, how often steps were halved, and the strength of the last step.
"""

from __future__ import annotations

from sounds import short_sounds

from dreamsound_studio.api import load_model
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.recipe.recipe import Recipe

SOUNDS = ("drums", "speech", "whistle")
SECONDS, RATE_HZ = 2.0, 16_000
STRENGTH = 0.05
AIMS = (
    ("add", {"class_": "first"}),
    ("add", {"class_": "Bird"}),
    ("add", {"layer": "layer3/pointwise_conv"}),
    ("add", {"layer": "layer7/pointwise_conv"}),
    ("add", {"layer": "layer12/pointwise_conv"}),
    ("filter-add", {"class_": "first"}),
    ("filter-add", {"class_": "Bird"}),
    ("filter-add", {"layer": "layer7/pointwise_conv"}),
)


def main() -> None:
    """Print the table."""
    model = load_model("yamnet")
    clips = short_sounds(SECONDS, RATE_HZ)
    print("| method | toward | sound | before | without | with | halved | last strength |")
    print("|---" * 8 + "|")
    for method, aim in AIMS:
        for sound in SOUNDS:
            ends, halved, left = [], 0, STRENGTH
            for backtrack in (False, True):
                recipe = Recipe.make(method=method, strength=STRENGTH, backtrack=backtrack, **aim)
                dreamer = Dreamer(clips[sound], recipe, model)
                for event in dreamer.steps():
                    halved, left = halved + event.halvings, event.strength or 0.0
                made = dreamer.result()
                ends.append(made.final.loss)
            shown = " | ".join(f"{number:.3g}" for number in (made.initial.loss, *ends))
            toward = next(iter(aim.values()))
            print(
                f"| `{method}` | {toward} | {sound} | {shown} | {halved} | {left:g} |", flush=True
            )


if __name__ == "__main__":
    main()
