"""EfficientAT's front end, and its network as DreamSound hears through it.

References
----------
F. Schmid, K. Koutini, G. Widmer, "Efficient large-scale audio tagging via transformer-to-CNN
knowledge distillation", ICASSP 2023; front end of ``models/preprocess.py``, in evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from dreamsound_efficientat.graph import OnnxGraph
from dreamsound_studio.errors import ModelError
from dreamsound_studio.files import sha256_of
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.network import Model, Tensor

RATE_HZ, FFT_SIZE, WINDOW, HOP = 32_000, 1024, 800, 320
PREEMPHASIS, TOP_HZ = 0.97, 15_000.0


def mel_matrix(bands: int) -> np.ndarray:
    """Return Kaldi's triangles in mel, ``[FFT bins, bands]``: peak 1, no bin at the top."""

    def mel(hz: np.ndarray | float) -> np.ndarray:
        return 1127 * np.log1p(np.asarray(hz) / 700)

    edges = np.linspace(0, mel(TOP_HZ), bands + 2)
    bins = mel(np.arange(FFT_SIZE // 2) * RATE_HZ / FFT_SIZE)[:, None]
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle))
    return np.pad(np.maximum(0, triangles), ((0, 1), (0, 0))).astype(np.float32)


class EfficientAT(Model):
    """A network of EfficientAT from its ONNX graph.

    Parameters
    ----------
    path : pathlib.Path
        The graph: of mel spectrograms ``[batch, 1, bands, frames]``, to logits and features.
    table : NameTable
        Its classes.
    """

    def __init__(self, path: Path, table: NameTable) -> None:
        self.name = "efficientat"
        self.weights_sha256 = sha256_of(path)
        self.graphs = {}
        self.table = table
        self._graph = OnnxGraph(path)
        _, _, bands, frames = self._graph.input_shape
        logits, classes = self._graph.output_units[0], len(table.class_names)
        if logits != classes:
            raise ModelError(f"{path}: {logits} logits, but {classes} classes")
        self._mel = mel_matrix(bands)
        self.sample_rate_hz, self.band_hz = RATE_HZ, (0.0, TOP_HZ)
        self.frame_hop_samples, self.patch_frames = HOP, frames
        self.published_hop_frames = -(-frames // 2)
        # The pre-emphasis takes one sample more than the transform.
        self.patch_samples = (frames - 1) * HOP + FFT_SIZE + 1
        self.lead_samples = FFT_SIZE // 2

    def features(self, samples: Tensor) -> Tensor:
        """Return the log-mel spectrogram ``[frames, bands]`` of samples ``[n]``."""
        emphasised = samples[1:] - PREEMPHASIS * samples[:-1]
        frames = tf.signal.frame(emphasised, FFT_SIZE, HOP)
        side = (FFT_SIZE - WINDOW) // 2
        window = np.pad(np.hanning(WINDOW), side).astype(np.float32)
        spectrum = tf.signal.rfft(frames * window)
        power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
        return (tf.math.log(power @ self._mel + 1e-5) + 4.5) / 5

    def activations(
        self, patches: Tensor, taps: Sequence[str], precision: str = "float32"
    ) -> dict[str, Tensor]:
        """Return logits, scores and embeddings of patches ``[patches, frames, bands]``."""
        mel = tf.transpose(patches, [0, 2, 1])[:, None]
        logits, features = self._graph.run(mel)
        logits = tf.reshape(logits, [-1, len(self.table.class_names)])
        features = tf.reshape(features, [-1, self.table.layers["embeddings"][0]])
        return {"logits": logits, "scores": tf.sigmoid(logits), "embeddings": features}
