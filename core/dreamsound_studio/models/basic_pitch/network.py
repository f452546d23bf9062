"""basic-pitch, rebuilt so that every layer can be dreamed.

Source: spotify/basic-pitch 0.4.0 (Apache-2.0), ``basic_pitch/{models,nn,inference}.py`` and
``basic_pitch/layers/signal.py``. The weights are read from the package's SavedModel; neither it
nor the package is ever run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamsound_studio.models.basic_pitch import tables as table
from dreamsound_studio.models.basic_pitch.arrays import Arrays, read_arrays, weight_names
from dreamsound_studio.models.basic_pitch.cqt import (
    HOP_SAMPLES,
    SAMPLE_RATE_HZ,
    cqt_power,
    harmonic_shifts,
)
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.network import Model, SharedWeights, Tensor, arrays_sha256
from dreamsound_studio.models.weights import Weights

#: Samples of a patch: two seconds less a hop.
PATCH_SAMPLES = 2 * SAMPLE_RATE_HZ - HOP_SAMPLES
#: Frames by which published patches overlap; half of them lie before the sound.
OVERLAP_FRAMES = 30
#: Keeps the logarithm of silence finite.
LEAST_POWER = 1e-10
#: The default of Keras.
BATCH_NORM_EPSILON = 1e-3
#: Keeps the logit of a mean posterior of 0 or 1 finite.
NEAREST = 1e-7


class BasicPitch(Model):
    """The network of notes, onsets and pitch contours.

    Parameters
    ----------
    name : str
        Name in the catalog.
    arrays : dict
        Weights by the names of :func:`weight_names`.

    Notes
    -----
    A patch is a waveform: the network scales the level of each patch by its own range, so features
    of the whole sound cannot be cut into patches. A class is a key; its score is its posterior,
    averaged over the patch.
    """

    def __init__(self, name: str, arrays: Arrays) -> None:
        self.name = name
        self.graphs = {}
        self.table: NameTable = table.names()
        self.weights_sha256 = arrays_sha256(arrays, weight_names())
        self.sample_rate_hz = SAMPLE_RATE_HZ
        self.band_hz = (0.0, SAMPLE_RATE_HZ / 2)
        self.patch_frames = table.PATCH_FRAMES
        self.frame_hop_samples = HOP_SAMPLES
        self.patch_samples = PATCH_SAMPLES
        # Published: 36 164 samples, 141.3 frames; patches start on whole frames here.
        self.published_hop_frames = (PATCH_SAMPLES - OVERLAP_FRAMES * HOP_SAMPLES) // HOP_SAMPLES
        self.lead_samples = OVERLAP_FRAMES // 2 * HOP_SAMPLES
        # The published code drops the frames of a last patch that lie beyond the sound.
        self.pads_end = False
        self.patch_bytes = 12_000_000
        self._arrays = arrays
        self._shared = SharedWeights()

    def features(self, samples: Tensor) -> Tensor:
        """Return the samples ``[n]`` in rows of a hop, ``[frames, 256]``."""
        import tensorflow as tf

        count = -(-tf.shape(samples)[0] // HOP_SAMPLES)
        padded = tf.pad(samples, [[0, count * HOP_SAMPLES - tf.shape(samples)[0]]])
        return tf.reshape(padded, [count, HOP_SAMPLES])

    def activations(
        self, patches: Tensor, taps: Sequence[str], precision: str = "float32"
    ) -> dict[str, Tensor]:
        """Return activations by published name; see :meth:`Model.activations`."""
        import tensorflow as tf

        rows = tf.reshape(patches, [-1, table.PATCH_FRAMES * HOP_SAMPLES])
        levels = self._levels(rows[:, :PATCH_SAMPLES])
        found = self._network(self._stacked(levels))
        for part in ("contour", "note", "onset"):
            found[part] = tf.sigmoid(found[f"{part}/logits"])
        found["scores"] = tf.reduce_mean(found["note"], axis=1)
        found["logits"] = tf.math.log(found["scores"] + NEAREST) - tf.math.log(
            1 - found["scores"] + NEAREST
        )
        found["embeddings"] = tf.reduce_mean(found["contour"], axis=1)
        return {name: found[name] for name in ("embeddings", "logits", "scores", *taps)}

    def _levels(self, sounds: Tensor) -> Tensor:
        """Return the level in each bin of the transform, 0..1 in dB over each patch's range."""
        import tensorflow as tf

        level = tf.math.log(cqt_power(sounds) + LEAST_POWER)
        level -= tf.reduce_min(level, axis=[1, 2], keepdims=True)
        level = tf.math.divide_no_nan(level, tf.reduce_max(level, axis=[1, 2], keepdims=True))
        return self._normalised(level, "cqt/norm")

    def _stacked(self, levels: Tensor) -> Tensor:
        """Return half the frequency and seven harmonics as channels, ``[patches, 172, 264, 8]``."""
        import tensorflow as tf

        bins = levels.shape[2]
        channels = []
        for shift in harmonic_shifts():
            first, last = max(shift, 0), min(bins, table.CONTOUR_STEPS + shift)
            before = max(-shift, 0)
            after = table.CONTOUR_STEPS - before - (last - first)
            channels.append(tf.pad(levels[:, :, first:last], [[0, 0], [0, 0], [before, after]]))
        return tf.stack(channels, axis=3)

    def _network(self, x: Tensor) -> dict[str, Tensor]:
        import tensorflow as tf

        found: dict[str, Tensor] = {}
        conv = self._normalised(self._convolved(x, "contour/conv"), "contour/conv/norm")
        found["contour/conv"] = conv
        found["contour/conv/relu"] = tf.nn.relu(conv)
        contour = self._convolved(found["contour/conv/relu"], "contour")
        found["contour/logits"] = contour[..., 0]
        found["note/conv"] = self._convolved(tf.sigmoid(contour), "note/conv", steps=3)
        found["note/conv/relu"] = tf.nn.relu(found["note/conv"])
        note = self._convolved(found["note/conv/relu"], "note")
        found[table.NOTE_LOGITS] = note[..., 0]
        conv = self._normalised(self._convolved(x, "onset/conv", steps=3), "onset/conv/norm")
        found["onset/conv"] = conv
        found["onset/conv/relu"] = tf.nn.relu(conv)
        both = tf.concat([tf.sigmoid(note), found["onset/conv/relu"]], axis=3)
        found["onset/logits"] = self._convolved(both, "onset")[..., 0]
        return found

    def _convolved(self, x: Tensor, name: str, steps: int = 1) -> Tensor:
        import tensorflow as tf

        kernel, bias = (
            self._shared.tensor(f"{name}/{part}", self._arrays[f"{name}/{part}"], x.dtype)
            for part in ("kernel", "bias")
        )
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, [1, steps], "SAME"), bias)

    def _normalised(self, x: Tensor, name: str) -> Tensor:
        """Apply batch norm, after training a multiplication and addition."""
        import tensorflow as tf

        arrays = self._arrays
        variance = arrays[f"{name}/moving_variance"].astype(np.float64) + BATCH_NORM_EPSILON
        scale = arrays[f"{name}/gamma"] / np.sqrt(variance)
        shift = arrays[f"{name}/beta"] - arrays[f"{name}/moving_mean"] * scale
        return x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype)


def load_basic_pitch(weights: Weights) -> BasicPitch:
    """Build the network from the SavedModel of the package.

    Raises
    ------
    ModelError
        The weights cannot be read, or are not those of this network; see :func:`read_arrays`.
    """
    return BasicPitch(weights.name, read_arrays(weights))
