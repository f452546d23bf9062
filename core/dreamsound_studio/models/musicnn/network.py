"""The four musicnn networks, rebuilt so that every layer can be dreamed.

Source: jordipons/musicnn 0.1.0 (ISC), ``musicnn/{configuration,models,extractor}.py``. The weights
are read from the package's checkpoints; the package itself is never imported.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dreamsound_studio.models.musicnn import tables as table
from dreamsound_studio.models.musicnn.arrays import Arrays, read_arrays, weight_names
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.network import Model, Tensor, arrays_sha256
from dreamsound_studio.models.weights import Weights

SAMPLE_RATE_HZ = 16_000
FFT_SIZE, FRAME_HOP = 512, 256
#: Factor of the power in a mel band before log10(power + 1).
COMPRESSION = 10_000.0
#: The default of ``tf.layers.batch_normalization``.
BATCH_NORM_EPSILON = 1e-3


class MusicNetwork(Model):
    """The front end shared by all four networks.

    Parameters
    ----------
    name : str
        Name in the catalog.
    arrays : dict
        Weights by the names of :func:`weight_names`.
    """

    def __init__(self, name: str, arrays: Arrays) -> None:
        self.name = name
        self.graphs = {}
        self.table: NameTable = table.names(name)
        self.weights_sha256 = arrays_sha256(arrays, weight_names(name))
        self.sample_rate_hz = SAMPLE_RATE_HZ
        self.band_hz = (0.0, SAMPLE_RATE_HZ / 2)
        self.patch_frames = self.published_hop_frames = table.PATCH_FRAMES
        self.frame_hop_samples = FRAME_HOP
        self.patch_samples = (table.PATCH_FRAMES - 1) * FRAME_HOP + FFT_SIZE
        # Frames are centred: half of the first one lies before the sound.
        self.lead_samples = FFT_SIZE // 2
        # The package skips an incomplete last patch, and so any short sound.
        self.pads_end = False
        self._arrays = arrays
        self._mel = mel_weights()

    def features(self, samples: Tensor) -> Tensor:
        """Return the compressed mel spectrogram ``[frames, 96]`` of samples ``[n]`` at 16 kHz.

        Notes
        -----
        ``log10(10000 |STFT|^2 M + 1)``: periodic Hann of 512 samples, hop 256; M of 96 triangles on
        Slaney's mel scale from 0 to 8000 Hz, each of unit area. The published code rounds the power
        to float16 on the way, which has no gradient and is left out.
        """
        import tensorflow as tf

        count = (tf.shape(samples)[0] - FFT_SIZE) // FRAME_HOP + 1
        # `tf.slice`: the gradient of Python's slices is slow.
        inner = tf.slice(samples, [0], [(count + 1) * FRAME_HOP])
        rows = tf.reshape(inner, [count + 1, FRAME_HOP])
        halves = [tf.slice(rows, [j, 0], [count, FRAME_HOP]) for j in range(2)]
        frames = tf.concat(halves, axis=1) * tf.signal.hann_window(FFT_SIZE)
        spectrum = tf.signal.rfft(frames)
        power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
        mel = power @ self._mel
        return tf.math.log1p(COMPRESSION * mel) * np.float32(1 / np.log(10))

    def activations(
        self, patches: Tensor, taps: Sequence[str], precision: str = "float32"
    ) -> dict[str, Tensor]:
        """Return activations by published name; see :meth:`Model.activations`."""
        import tensorflow as tf

        found = self._network(patches[..., None])
        found["scores"] = tf.sigmoid(found["logits"])
        aliases = {alias: found[name] for name, alias in self.table.aliases.items()}
        wanted = {name: found[name] for name in taps if name in found}
        always = {name: found[name] for name in ("embeddings", "logits", "scores") if name in found}
        return aliases | always | wanted

    def _network(self, x: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError

    def _normalised(self, x: Tensor, number: int) -> Tensor:
        """Apply batch norm `number`, after training a multiplication and addition."""
        import tensorflow as tf

        name = "batch_normalization" + (f"_{number}" if number else "")
        arrays = self._arrays
        variance = arrays[f"{name}/moving_variance"].astype(np.float64) + BATCH_NORM_EPSILON
        scale = arrays[f"{name}/gamma"] / np.sqrt(variance)
        shift = arrays[f"{name}/beta"] - arrays[f"{name}/moving_mean"] * scale
        return x * tf.cast(scale, tf.float32) + tf.cast(shift, tf.float32)

    def _convolved(self, x: Tensor, name: str, padding: str) -> Tensor:
        import tensorflow as tf

        kernel = tf.cast(self._arrays[f"{name}/kernel"], x.dtype)
        bias = tf.cast(self._arrays[f"{name}/bias"], x.dtype)
        return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, padding), bias)

    def _dense(self, x: Tensor, name: str) -> Tensor:
        import tensorflow as tf

        kernel = tf.cast(self._arrays[f"{name}/kernel"], x.dtype)
        return x @ kernel + tf.cast(self._arrays[f"{name}/bias"], x.dtype)


class MusicNN(MusicNetwork):
    """musicnn: kernels shaped after timbre and rhythm, then three layers over time."""

    patch_bytes = 65_000_000

    def _network(self, x: Tensor) -> dict[str, Tensor]:
        import tensorflow as tf

        found: dict[str, Tensor] = {}
        x = self._normalised(x, 0)
        in_time = tf.pad(x, [[0, 0], [3, 3], [0, 0], [0, 0]])
        for number, (name, _, _) in enumerate(table.FRONT):
            kernel = "conv2d" + (f"_{number}" if number else "")
            timbral = name in table.TIMBRAL
            conv = self._convolved(
                in_time if timbral else x, kernel, "VALID" if timbral else "SAME"
            )
            found[f"{name}/conv"] = conv
            found[f"{name}/conv/relu"] = tf.nn.relu(conv)
            normal = self._normalised(found[f"{name}/conv/relu"], number + 1)
            found[name] = tf.reduce_max(normal, axis=2)
        found["timbral"] = tf.concat([found[name] for name in table.TIMBRAL], axis=2)
        found["temporal"] = tf.concat([found[name] for name in table.TEMPORAL], axis=2)
        front = tf.concat([found["timbral"], found["temporal"]], axis=2)
        over_time, pieces = front, [front]
        for number, name in enumerate(table.MID, len(table.FRONT)):
            conv = self._over_time(over_time, f"conv2d_{number}")
            found[f"{name}/conv"] = conv
            found[f"{name}/conv/relu"] = tf.nn.relu(conv)
            normal = self._normalised(found[f"{name}/conv/relu"], number + 1)
            over_time = normal if name == table.MID[0] else normal + over_time
            found[name] = over_time
            pieces.append(over_time)
        joined = tf.concat(pieces, axis=2)
        found["max_pool"] = tf.reduce_max(joined, axis=1)
        found["mean_pool"] = tf.reduce_mean(joined, axis=1)
        # Flattened, the two alternate: max of channel 0, mean of channel 0, max of channel 1, ...
        pooled = tf.stack([found["max_pool"], found["mean_pool"]], axis=2)
        flat = self._normalised(tf.reshape(pooled, [-1, 2 * pooled.shape[1]]), 9)
        found["penultimate/dense"] = self._dense(flat, "dense")
        found["penultimate/dense/relu"] = tf.nn.relu(found["penultimate/dense"])
        found["penultimate"] = self._normalised(found["penultimate/dense/relu"], 10)
        found["logits"] = self._dense(found["penultimate"], "dense_1")
        return found

    def _over_time(self, x: Tensor, name: str) -> Tensor:
        """Apply a kernel over 7 frames and all channels, as one product of adjacent frames."""
        import tensorflow as tf

        kernel = self._arrays[f"{name}/kernel"]
        reach, channels = kernel.shape[:2]
        frames = x.shape[1]
        padded = tf.pad(x, [[0, 0], [reach // 2, reach // 2], [0, 0]])
        beside = tf.concat(
            [tf.slice(padded, [0, k, 0], [-1, frames, -1]) for k in range(reach)], axis=2
        )
        flat = tf.reshape(beside, [-1, reach * channels])
        weights = tf.cast(kernel.reshape(reach * channels, -1), x.dtype)
        rows = flat @ weights + tf.cast(self._arrays[f"{name}/bias"], x.dtype)
        return tf.reshape(rows, [-1, frames, kernel.shape[-1]])


class MusicVgg(MusicNetwork):
    """vgg: five 3 x 3 convolutions with pooling."""

    patch_bytes = 40_000_000

    def _network(self, x: Tensor) -> dict[str, Tensor]:
        import tensorflow as tf

        found: dict[str, Tensor] = {}
        x = self._normalised(x, 0)
        for number, (size, stride) in enumerate(table.VGG_POOLS[self.name], 1):
            found[f"{number}CNN"] = self._convolved(x, f"{number}CNN", "SAME")
            found[f"{number}CNN/relu"] = tf.nn.relu(found[f"{number}CNN"])
            normal = self._normalised(found[f"{number}CNN/relu"], number)
            x = tf.nn.max_pool2d(normal, size, stride, "VALID")
            found[f"pool{number}"] = x
        flat = tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])
        found["logits"] = self._dense(flat, "dense")
        found["embeddings"] = flat
        return found


def load_musicnn(weights: Weights) -> MusicNetwork:
    """Build one of the four networks from a checkpoint of the package.

    Raises
    ------
    ModelError
        The checkpoint cannot be read, or does not contain the network; see :func:`read_arrays`.
    """
    kind = MusicVgg if weights.name.endswith("vgg") else MusicNN
    return kind(weights.name, read_arrays(weights))


def mel_weights() -> npt.NDArray[np.float32]:
    """Return Slaney's mel filters, ``[257, 96]``: triangles of unit area, 0 to 8000 Hz.

    References
    ----------
    .. [1] M. Slaney, "Auditory Toolbox", Interval Research TR 1998-010: linear up to 1 kHz, then 27
       steps per factor of 6.4.
    """
    linear_step, knee_hz, log_step = 200 / 3, 1000.0, np.log(6.4) / 27
    knee = knee_hz / linear_step
    top = knee + np.log(SAMPLE_RATE_HZ / 2 / knee_hz) / log_step
    mels = np.linspace(0, top, table.MEL_BANDS + 2)
    edges = np.where(mels < knee, mels * linear_step, knee_hz * np.exp(log_step * (mels - knee)))
    hertz = np.arange(FFT_SIZE // 2 + 1) * SAMPLE_RATE_HZ / FFT_SIZE
    rising = (hertz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hertz[:, None]) / np.diff(edges)[1:]
    triangles = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    return triangles.astype(np.float32)
