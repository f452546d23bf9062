"""YAMNet's layer and class tables. No TensorFlow here.

Source: tensorflow/models, ``research/audioset/yamnet/{params,yamnet}.py`` and its class map
(Apache-2.0); Gemmeke et al., *Audio Set*, ICASSP 2017, for the classes.
"""

from __future__ import annotations

import csv
import difflib
from functools import cache
from importlib.resources import files

from dreamsound.errors import RecipeError

#: ``(stride, filters)`` of layers 1 to 14; layer 1 is a 3 x 3 convolution, the others separable.
LAYERS: tuple[tuple[int, int], ...] = (
    (2, 32), (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512),
    (1, 512), (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024),
)  # fmt: skip
CLASSES = 521
PATCH_FRAMES, MEL_BANDS = 96, 64
EMBEDDING_SIZE = 1024

#: Other names of the last three layers. Keras numbers unnamed layers, so releases differ.
ALIASES = {
    "global_average_pooling2d": "embeddings",
    "dense": "logits",
    "activation": "scores",
}


@cache
def layer_table() -> dict[str, tuple[int, ...]]:
    """Return every published layer name with its output shape for one patch, in network order.

    Returns
    -------
    dict
        Name to ``(frames, bands, channels)``, or ``(units,)`` for the last three.
    """
    table: dict[str, tuple[int, ...]] = {}
    height, width, channels = PATCH_FRAMES, MEL_BANDS, 1
    for number, (stride, filters) in enumerate(LAYERS, 1):
        height, width = -(-height // stride), -(-width // stride)
        parts = (
            [("conv", filters)]
            if number == 1
            else [
                ("depthwise_conv", channels),
                ("pointwise_conv", filters),
            ]
        )
        for part, depth in parts:
            base = f"layer{number}/{part}"
            # Layer 1's activation is published as layer1/relu, beside its layer1/conv/bn.
            relu = "layer1/relu" if number == 1 else f"{base}/relu"
            for name in (base, f"{base}/bn", relu):
                table[name] = (height, width, depth)
        channels = filters
    table["global_average_pooling2d"] = (EMBEDDING_SIZE,)
    table["dense"] = (CLASSES,)
    table["activation"] = (CLASSES,)
    return table


def resolve_layer(name: str) -> str:
    """Return the published name that `name` means.

    Parameters
    ----------
    name : str
        A published layer name, ``layerN`` for the last activation of that layer, or
        ``embeddings``, ``logits``, ``scores``.

    Raises
    ------
    RecipeError
        There is no such layer; the nearest names are suggested.
    """
    table = layer_table()
    if name in table:
        return name
    for published, alias in ALIASES.items():
        if name == alias:
            return published
    short = {f"layer{n}": f"layer{n}/pointwise_conv/relu" for n in range(2, len(LAYERS) + 1)}
    short["layer1"] = "layer1/relu"
    if name in short:
        return short[name]
    known = [*table, *ALIASES.values(), *short]
    near = difflib.get_close_matches(name, known, 3, 0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "see dreamsound layers"
    raise RecipeError(f"YAMNet has no layer {name!r}; {hint}")


@cache
def class_names() -> tuple[str, ...]:
    """Return the 521 class names, by index."""
    text = files("dreamsound.models").joinpath("yamnet_classes.csv").read_text("utf-8")
    return tuple(row["display_name"] for row in csv.DictReader(text.splitlines()))


def find_class(text: str, names: tuple[str, ...]) -> int:
    """Return the index of the class that `text` names.

    Parameters
    ----------
    text : str
        An index, or a name in any case.
    names : tuple of str
        The model's class names.

    Raises
    ------
    RecipeError
        There is no such class; the nearest names are suggested.
    """
    if text.isdigit():
        if int(text) < len(names):
            return int(text)
        raise RecipeError(f"class {text}: the model has classes 0 to {len(names) - 1}")
    folded = [name.casefold() for name in names]
    wanted = text.strip().casefold()
    if wanted in folded:
        return folded.index(wanted)
    inside = [name for name in names if wanted and wanted in name.casefold()][:4]
    near = inside or [
        names[folded.index(match)] for match in difflib.get_close_matches(wanted, folded, 4, 0.5)
    ]
    hint = f"did you mean {' | '.join(near)}?" if near else "see dreamsound classes"
    raise RecipeError(f"the model has no class {text!r}; {hint}")
