"""Weights on this machine: what a path holds. No TensorFlow here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.errors import ModelError

#: How YAMNet's SavedModel is told from a foreign one: the name of its network's object.
YAMNET_MARK = b"_yamnet"
MUSICNN_NAMES = ("mtt-musicnn", "msd-musicnn", "mtt-vgg", "msd-vgg")


@dataclass(frozen=True)
class Weights:
    """Where a model's weights lie on this machine.

    Attributes
    ----------
    name : str
        The model's name in the catalog, of its plug-in, or of its folder.
    path : pathlib.Path or None
        A SavedModel folder, an ``.h5`` file, or a checkpoint folder; None for what has no weights
        of ours (a plug-in), or not yet.
    kind : str
        Which reader it needs: ``yamnet``, ``musicnn``, ``savedmodel`` or ``plugin``.
    """

    name: str
    path: Path | None
    kind: str = "yamnet"

    @property
    def place(self) -> Path:
        """Return the path, or raise `ModelError` where there is none."""
        if self.path is None:
            raise ModelError(f"{self.name} has no weights on this machine")
        return self.path


def weights_at(path: Path) -> Weights:
    """Return what weights a path holds.

    Parameters
    ----------
    path : pathlib.Path
        A SavedModel folder, an ``.h5`` file of YAMNet, or a checkpoint folder of musicnn, called
        as in its package (``MTT_musicnn``) or as in the catalog.

    Raises
    ------
    ModelError
        It is none of these.
    """
    if path.suffix == ".h5" and path.is_file():
        return Weights("yamnet", path, "yamnet")
    if (path / ".index").is_file():
        name = path.resolve().name.lower().replace("_", "-")
        if name not in MUSICNN_NAMES:
            raise ModelError(
                f"{path} is a checkpoint folder, but which network's? call it one of "
                f"{', '.join(MUSICNN_NAMES)}"
            )
        return Weights(name, path, "musicnn")
    graph = path / "saved_model.pb"
    if graph.is_file():
        yamnet = YAMNET_MARK in graph.read_bytes()
        return Weights("yamnet" if yamnet else path.resolve().name, path, kind_of(yamnet))
    raise ModelError(
        f"{path} is neither a SavedModel folder (with saved_model.pb), nor an .h5 file, nor a "
        "checkpoint folder of musicnn (with .index)"
    )


def kind_of(yamnet: bool) -> str:
    """Return the kind of a SavedModel folder."""
    return "yamnet" if yamnet else "savedmodel"
