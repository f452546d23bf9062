"""What is known of published networks, by the shape of their SavedModels and their assets."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamsound_studio.models.savedmodel.functions import Function

#: Files beside a model that may state its sample rate, and most of one that is read.
STATING = (".json", ".yaml", ".yml", ".toml", ".txt", ".cfg", ".ini", ".md")
MOST_STATING_BYTES = 2**18
#: How a file states a sample rate.
_RATE = re.compile(
    r"\b(?:sample_?rate|sampling_?rate|sample_?rate_hz|sr|fs)\b[\"']?\s*[:=]\s*[\"']?(\d{4,6})\b",
    re.IGNORECASE,
)
#: Attributes of a SavedModel that may state it.
RATE_ATTRIBUTES = ("sample_rate", "sample_rate_hz", "sampling_rate", "sr")
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 1000, 384_000


@dataclass(frozen=True)
class Profile:
    """A published network.

    Attributes
    ----------
    name : str
        Its name.
    sample_rate_hz : int
        Its rate.
    samples : int
        The length that it takes.
    functions : tuple of str
        Functions that it has.
    outputs : tuple of str
        Outputs that one of its functions has.
    assets : tuple of str
        Files of which at least one is in its ``assets``; empty for any.
    output, embeddings : str
        Its scores and its embeddings, as in a card.
    is_logits : bool
        Whether its scores have not passed a sigmoid.
    labels : str or None
        Its table of classes, if several fit.
    licence : str
        Licence of its weights.
    terms : str or None
        What the licence asks, if it has to be accepted first.
    """

    name: str
    sample_rate_hz: int
    samples: int
    functions: tuple[str, ...]
    outputs: tuple[str, ...]
    output: str
    embeddings: str
    is_logits: bool
    licence: str
    assets: tuple[str, ...] = ()
    labels: str | None = None
    terms: str | None = None


#: From the code that serves them: google-research/perch-hoplite
#: (``perch_hoplite/zoo/taxonomy_model_tf.py``), and birdnet-team/birdnet
#: (``acoustic/models/v2_4/pb.py``).
PROFILES = (
    Profile(
        name="Perch 2",
        sample_rate_hz=32_000,
        samples=160_000,
        functions=("serving_default",),
        outputs=("label", "embedding", "spatial_embedding", "spectrogram"),
        output="serving_default:label",
        embeddings="serving_default:embedding",
        is_logits=True,
        licence="Apache-2.0",
        labels="labels.csv",
    ),
    Profile(
        name="Perch 1",
        sample_rate_hz=32_000,
        samples=160_000,
        functions=("infer_tf",),
        outputs=(),  # a pair in the first versions, names in later ones
        output="infer_tf:output_0",
        embeddings="infer_tf:output_1",
        is_logits=True,
        licence="Apache-2.0",
        assets=("label.csv",),
        labels="label.csv",
    ),
    Profile(
        name="BirdNET 2.4",
        sample_rate_hz=48_000,
        samples=144_000,
        functions=("basic", "embeddings"),
        outputs=("scores",),
        output="basic:scores",
        embeddings="embeddings:embeddings",
        is_logits=True,
        licence="CC BY-NC-SA 4.0",
        terms="credit its makers (K. Lisa Yang Center for Conservation Bioacoustics, Cornell, and "
        "Chemnitz University of Technology), no commercial use, and what is adapted from it under "
        "the same licence",
    ),
)


def profile_of(
    functions: Sequence[Function], outputs: Collection[str], folder: Path
) -> Profile | None:
    """Return the published network that a SavedModel is, or None.

    Parameters
    ----------
    functions : sequence of Function
        Its functions.
    outputs : collection of str
        The names of all their outputs.
    folder : pathlib.Path
        The SavedModel.
    """
    names = {function.name for function in functions}
    lengths = {function.samples for function in functions}
    for profile in PROFILES:
        in_place = not profile.assets or any(
            (folder / "assets" / name).is_file() for name in profile.assets
        )
        if (
            in_place
            and lengths == {profile.samples}
            and names.issuperset(profile.functions)
            and set(outputs).issuperset(profile.outputs)
        ):
            return profile
    return None


def stated_rates(folder: Path, loaded: Any = None) -> dict[int, str]:
    """Return the sample rates that a SavedModel's files and variables state, with where.

    Parameters
    ----------
    folder : pathlib.Path
        The SavedModel.
    loaded : object, optional
        The same, loaded.
    """
    found: dict[int, str] = {}
    for place in (folder / "assets", folder / "assets.extra", folder):
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            if file.suffix.lower() in STATING and file.is_file():
                with file.open("rb") as opened:
                    text = opened.read(MOST_STATING_BYTES).decode("utf-8", "replace")
                for rate in _RATE.findall(text):
                    found.setdefault(int(rate), str(file.relative_to(folder)))
    for name in RATE_ATTRIBUTES:
        try:
            found.setdefault(int(getattr(loaded, name)), name)
        except Exception:  # noqa: BLE001 - a stranger's attribute can be anything
            continue
    return {hz: at for hz, at in found.items() if LOWEST_RATE_HZ <= hz <= HIGHEST_RATE_HZ}


def conditions(profile: Profile) -> str | None:
    """Return the licence that has to be accepted before a network is used, in one line."""
    if profile.terms is None:
        return None
    return f"{profile.name} is under {profile.licence}: {profile.terms}"
