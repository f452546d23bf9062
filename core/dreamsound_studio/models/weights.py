"""Identify the weights at a path. No TensorFlow here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.errors import ModelError, UnknownModelError

#: Distinguishes YAMNet's SavedModel from foreign ones: the name of its network's object.
YAMNET_MARK = b"_yamnet"
#: The same for basic-pitch: the name of one of its layers.
BASIC_PITCH_MARK = b"contours-reduced"
#: The description of a foreign SavedModel, in its folder.
CARD_FILE = "dreamsound-model.json"
MUSICNN_NAMES = ("mtt-musicnn", "msd-musicnn", "mtt-vgg", "msd-vgg")


@dataclass(frozen=True)
class Weights:
    """The location of a model's weights.

    Attributes
    ----------
    name : str
        The model's name in the catalog, of its plug-in, or of its folder.
    path : pathlib.Path or None
        A SavedModel folder, an ``.h5`` file, or a checkpoint folder; None for a model without
        weights of our own (a plug-in), or not downloaded yet.
    kind : str
        Its loader: ``yamnet``, ``musicnn``, ``basic-pitch``, ``savedmodel`` or ``plugin``.
    """

    name: str
    path: Path | None
    kind: str = "yamnet"

    @property
    def place(self) -> Path:
        """Return the path, or raise `ModelError` if there is none."""
        if self.path is None:
            raise ModelError(f"No weights of {self.name} on this machine")
        return self.path


def weights_at(path: Path) -> Weights:
    """Return the weights at a path.

    Parameters
    ----------
    path : pathlib.Path
        A SavedModel folder, an ``.h5`` file of YAMNet, or a checkpoint folder of musicnn, named
        as in its package (``MTT_musicnn``) or as in the catalog.

    Raises
    ------
    ModelError
        The path is none of these.
    """
    if path.suffix == ".h5" and path.is_file():
        return Weights("yamnet", path, "yamnet")
    if (path / ".index").is_file():
        name = path.resolve().name.lower().replace("_", "-")
        if name not in MUSICNN_NAMES:
            raise ModelError(
                f"{path}: checkpoint of an unknown network. Rename the folder to one of "
                f"{', '.join(MUSICNN_NAMES)}."
            )
        return Weights(name, path, "musicnn")
    if (path / "saved_model.pb").is_file():
        kind = kind_in(path)
        return Weights(path.resolve().name if kind == "savedmodel" else kind, path, kind)
    raise (ModelError if path.exists() else UnknownModelError)(
        f"{path}: not a SavedModel folder (with saved_model.pb), .h5 file or musicnn checkpoint "
        "folder (with .index)"
    )


def kind_in(folder: Path) -> str:
    """Return the kind of a SavedModel folder.

    One with a card is foreign, also if it holds a network known here, as a retrained YAMNet does;
    and so is one that cannot be read.
    """
    if (folder / CARD_FILE).is_file():
        return "savedmodel"
    try:
        return kind_of((folder / "saved_model.pb").read_bytes())
    except OSError:
        return "savedmodel"


def kind_of(graph: bytes) -> str:
    """Return the kind of a SavedModel folder by its graph, the contents of ``saved_model.pb``."""
    if YAMNET_MARK in graph:
        return "yamnet"
    return "basic-pitch" if BASIC_PITCH_MARK in graph else "savedmodel"
