"""YAMNet's layer and class tables. No TensorFlow here.

Source: tensorflow/models, ``research/audioset/yamnet/{params,yamnet}.py`` and its class map
(Apache-2.0); Gemmeke et al., *Audio Set*, ICASSP 2017, for the classes.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from dreamsound_studio.models.names import NameTable

#: ``(stride, filters)`` of layers 1 to 14; layer 1 is a 3 x 3 convolution, the others separable.
LAYERS: tuple[tuple[int, int], ...] = (
    (2, 32), (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512),
    (1, 512), (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024),
)  # fmt: skip
CLASSES = 521
PATCH_FRAMES, MEL_BANDS = 96, 64
EMBEDDING_SIZE = 1024

#: Alternative names of the last three layers. Keras numbers unnamed layers, so releases differ.
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


@cache
def class_names() -> tuple[str, ...]:
    """Return the 521 class names, by index."""
    text = files("dreamsound_studio.models.yamnet").joinpath("classes.csv").read_text("utf-8")
    return tuple(row["display_name"] for row in csv.DictReader(text.splitlines()))


@cache
def names() -> NameTable:
    """Return the names of YAMNet's layers and classes.

    ``layerN`` alone stands for the last activation of that layer.
    """
    layers = layer_table()
    short = {f"layer{n}": f"layer{n}/pointwise_conv/relu" for n in range(2, len(LAYERS) + 1)}
    relus = (name for name in layers if name.endswith("/relu"))
    return NameTable(
        network="YAMNet",
        class_names=class_names(),
        layers=layers,
        aliases=ALIASES,
        short_names=short | {"layer1": "layer1/relu"},
        before_relu={
            name: "layer1/conv/bn" if name == "layer1/relu" else name.removesuffix("relu") + "bn"
            for name in relus
        },
        silence_classes=(class_names().index("Silence"),),
        guide_layer="layer14/pointwise_conv/relu",
        texture_layers=("layer3/pointwise_conv/relu",),
    )
