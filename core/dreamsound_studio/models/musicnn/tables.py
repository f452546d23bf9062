"""The layers and tags of the four musicnn networks. No TensorFlow here.

Source: jordipons/musicnn 0.1.0 (ISC), ``musicnn/{configuration,models}.py``; J. Pons and X. Serra,
"musicnn: pre-trained convolutional neural networks for music audio tagging", ISMIR 2019.
"""

from __future__ import annotations

from functools import cache

from dreamsound_studio.models.names import NameTable

PATCH_FRAMES, MEL_BANDS, TAGS = 187, 96, 50

#: Front end: name, kernel (frames, bands), filters. The first two detect timbre, padded in time
#: only; the others rhythm, padded in full.
FRONT = (
    ("f74", (7, 38), 204),
    ("f77", (7, 67), 204),
    ("s1", (128, 1), 51),
    ("s2", (64, 1), 51),
    ("s3", (32, 1), 51),
)
TIMBRAL, TEMPORAL = ("f74", "f77"), ("s1", "s2", "s3")
MID_FILTERS, MID_KERNEL_FRAMES = 64, 7
MID = ("cnn1", "cnn2", "cnn3")
PENULTIMATE = 200

VGG_FILTERS = 128
#: Pooling after each of the five convolutions: size and stride, frames x bands. The two networks
#: differ: the graph beside each checkpoint says so, while the package's ``models.py``, with its
#: single vgg, runs the second network with the first one's pooling.
VGG_POOLS = {
    "mtt-vgg": (
        ((4, 1), (2, 2)),
        ((2, 2), (2, 2)),
        ((2, 2), (2, 2)),
        ((2, 2), (2, 2)),
        ((4, 4), (4, 4)),
    ),
    "msd-vgg": (
        ((4, 1), (4, 1)),
        ((1, 4), (1, 4)),
        ((2, 2), (2, 2)),
        ((2, 2), (2, 2)),
        ((4, 4), (4, 4)),
    ),
}

_MTT = """guitar|classical|slow|techno|strings|drums|electronic|rock|fast|piano|ambient|beat|violin
vocal|synth|female|indian|opera|male|singing|vocals|no vocals|harpsichord|loud|quiet|flute|woman
male vocal|no vocal|pop|soft|sitar|solo|man|classic|choir|voice|new age|dance|male voice
female vocal|beats|harp|cello|no voice|weird|country|metal|female voice|choral"""
_MSD = """rock|pop|alternative|indie|electronic|female vocalists|dance|00s|alternative rock|jazz
beautiful|metal|chillout|male vocalists|classic rock|soul|indie rock|Mellow|electronica|80s|folk|90s
chill|instrumental|punk|oldies|blues|hard rock|ambient|acoustic|experimental|female vocalist|guitar
Hip-Hop|70s|party|country|easy listening|sexy|catchy|funk|electro|heavy metal|Progressive rock|60s
rnb|indie pop|sad|House|happy"""
#: Tags by training data: MagnaTagATune, and the Million Song Dataset.
TAG_NAMES = {
    "mtt": tuple(_MTT.replace("\n", "|").split("|")),
    "msd": tuple(_MSD.replace("\n", "|").split("|")),
}


@cache
def names(model: str) -> NameTable:
    """Return the names of a musicnn network's layers and classes.

    Parameters
    ----------
    model : str
        ``mtt-musicnn``, ``msd-musicnn``, ``mtt-vgg`` or ``msd-vgg``.
    """
    trained_on, _, kind = model.partition("-")
    vgg = kind == "vgg"
    layers = _vgg_layers(model) if vgg else _musicnn_layers()
    convolved = {name for name in layers if f"{name}/relu" in layers}
    before = {f"{name}/relu": name for name in convolved}
    before |= (
        {f"pool{n}": f"{n}CNN" for n in range(1, 6)}
        if vgg
        else {name.rpartition("/")[0]: name for name in convolved}
    )
    return NameTable(
        network=model,
        class_names=TAG_NAMES[trained_on],
        layers=layers,
        aliases={("pool5" if vgg else "penultimate"): "embeddings"},
        short_names={f"layer{n}": f"pool{n}" for n in range(1, 6)} if vgg else {},
        before_relu=before,
        guide_layer="pool3" if vgg else "cnn3",
        texture_layers=("pool1",) if vgg else ("timbral", "temporal"),
    )


def _musicnn_layers() -> dict[str, tuple[int, ...]]:
    layers: dict[str, tuple[int, ...]] = {}
    for name, (_, bands), filters in FRONT:
        for part in ("conv", "conv/relu"):
            layers[f"{name}/{part}"] = (PATCH_FRAMES, MEL_BANDS - bands + 1, filters)
        layers[name] = (PATCH_FRAMES, filters)
    widths = {name: filters for name, _, filters in FRONT}
    layers["timbral"] = (PATCH_FRAMES, sum(widths[name] for name in TIMBRAL))
    layers["temporal"] = (PATCH_FRAMES, sum(widths[name] for name in TEMPORAL))
    for name in MID:
        for part in ("/conv", "/conv/relu", ""):
            layers[f"{name}{part}"] = (PATCH_FRAMES, MID_FILTERS)
    pooled = sum(widths.values()) + len(MID) * MID_FILTERS
    layers |= {"max_pool": (pooled,), "mean_pool": (pooled,)}
    layers |= {"penultimate/dense": (PENULTIMATE,), "penultimate/dense/relu": (PENULTIMATE,)}
    return layers | {"penultimate": (PENULTIMATE,), "logits": (TAGS,), "scores": (TAGS,)}


def _vgg_layers(model: str) -> dict[str, tuple[int, ...]]:
    layers: dict[str, tuple[int, ...]] = {}
    frames, bands = PATCH_FRAMES, MEL_BANDS
    for number, (size, stride) in enumerate(VGG_POOLS[model], 1):
        for part in ("CNN", "CNN/relu"):
            layers[f"{number}{part}"] = (frames, bands, VGG_FILTERS)
        frames = (frames - size[0]) // stride[0] + 1
        bands = (bands - size[1]) // stride[1] + 1
        layers[f"pool{number}"] = (frames, bands, VGG_FILTERS)
    return layers | {"logits": (TAGS,), "scores": (TAGS,)}
