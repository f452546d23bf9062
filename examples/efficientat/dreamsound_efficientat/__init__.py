"""EfficientAT's networks as a model of DreamSound Studio: the plug-in. No TensorFlow here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.savedmodel.labels import read_classes

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model

VARIABLE = "DREAMSOUND_EFFICIENTAT"
GRAPH_FILE, CLASSES_FILE = "efficientat.onnx", "class_labels_indices.csv"


class Plugin:
    """What the entry point ``efficientat`` of the group ``dreamsound.models`` names."""

    network = "EfficientAT, 527 AudioSet classes, from ONNX"
    licence = "MIT"

    @property
    def table(self) -> NameTable:
        """Return the classes, by index, and the outputs as layers."""
        from dreamsound_efficientat.graph import OnnxGraph

        names = read_classes(_file(CLASSES_FILE))
        _, features = OnnxGraph(_file(GRAPH_FILE)).output_units
        layers = {"scores": (len(names),), "embeddings": (features,)}
        return NameTable("EfficientAT", names, layers, guide_layer="embeddings")

    def load(self) -> Model:
        """Return the network."""
        from dreamsound_efficientat.network import EfficientAT

        return EfficientAT(_file(GRAPH_FILE), self.table)


def _file(name: str) -> Path:
    folder = os.environ.get(VARIABLE)
    if not folder:
        raise ModelError(f"efficientat: set {VARIABLE} to the folder of {name}")
    if not (Path(folder) / name).is_file():
        raise ModelError(f"efficientat: {folder} has no {name}: see the plug-in's README")
    return Path(folder) / name


plugin = Plugin()
