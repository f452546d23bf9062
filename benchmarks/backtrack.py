"""Whether steps made again at half the strength end higher, for ``docs/defaults.md``.

Ten steps of `add` on every sound, toward classes and layers, with `backtrack` and without: the
objective before and after, and how often steps were halved.
"""

from __future__ import annotations

from sounds import test_sounds

from dreamsound_studio.api import dream, load_model
from dreamsound_studio.audio.clip import Clip

SECONDS = 4.0
AIMS = (
    {"class_": "first"},
    {"class_": "Bird"},
    {"layer": "layer3/pointwise_conv"},
    {"layer": "layer7/pointwise_conv"},
    {"layer": "layer12/pointwise_conv"},
)


def main() -> None:
    """Print the table."""
    model = load_model("yamnet")
    print("| toward | sound | before | without | with | halvings |\n|---|---|---|---|---|---|")
    for aim in AIMS:
        for name, clip in test_sounds().items():
            part = first_seconds(clip, SECONDS)
            plain, careful = (
                dream(part, model=model, backtrack=backtrack, **aim) for backtrack in (False, True)
            )
            halvings = sum(event.halvings for event in careful.steps)
            numbers = (plain.initial.loss, plain.final.loss, careful.final.loss)
            shown = " | ".join(f"{number:.3g}" for number in numbers)
            print(f"| {next(iter(aim.values()))} | {name} | {shown} | {halvings} |", flush=True)


def first_seconds(clip: Clip, seconds: float) -> Clip:
    """Return the start of a clip."""
    count = min(clip.samples.length, round(seconds * clip.sample_rate_hz))
    return Clip.from_array(clip.samples.read(0, count).copy(), clip.sample_rate_hz)


if __name__ == "__main__":
    main()
