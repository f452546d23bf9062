"""YAMNet, rebuilt from its published layer table so that every layer can be dreamed.

Source: tensorflow/models, ``research/audioset/yamnet/{params,features,yamnet}.py`` (Apache-2.0).
Batch norm is folded into the kernels. 1 x 1 convolutions are written as matrix products: the same
numbers, and up to 20 times faster on processors whose library has no fast path for a convolution's
input gradient.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.models.network import Model, SharedWeights, Tensor, arrays_sha256
from dreamsound_studio.models.own_gradient import with_own_gradient
from dreamsound_studio.models.weights import Weights
from dreamsound_studio.models.yamnet import tables as table
from dreamsound_studio.models.yamnet.arrays import Arrays, convolutions, read_arrays, weight_names

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES, FRAME_HOP, FFT_SIZE = 400, 160, 512
#: Half and twice the published window: other networks' windows lie between these.
WINDOWS = (1.0, 0.5, 2.0)
MEL_LOW_HZ, MEL_HIGH_HZ = 125.0, 7500.0
LOG_OFFSET = 0.001
BATCH_NORM_EPSILON = 1e-4


@dataclass(frozen=True)
class _Folded:
    """A convolution and the batch norm after it: ``relu(conv(x) * scale + shift)``, folded."""

    name: str
    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]
    stride: int


class YamNet(Model):
    """YAMNet with its weights.

    Parameters
    ----------
    arrays : dict
        Weights by the names of :func:`weight_names`.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.name = "yamnet"
        self.graphs = {}
        self.weights_sha256 = arrays_sha256(arrays, weight_names())
        self.sample_rate_hz = SAMPLE_RATE_HZ
        self.band_hz = (MEL_LOW_HZ, MEL_HIGH_HZ)
        self.patch_frames = table.PATCH_FRAMES
        self.published_hop_frames = table.PATCH_FRAMES // 2
        self.frame_hop_samples = FRAME_HOP
        self.patch_samples = (table.PATCH_FRAMES - 1) * FRAME_HOP + FRAME_SAMPLES
        self.table = table.names()
        self.windows = WINDOWS
        self.precisions = ("float32", "fast")
        self.patch_bytes = 8_600_000
        self.per_db = math.log(10) / 20
        self._training_means = {
            f"{name}/bn": np.asarray(arrays[f"{name}/bn/beta"], np.float32)
            for name, _ in convolutions()
        }
        self._shared = SharedWeights()
        self._convolutions = [_fold(arrays, name, stride) for name, stride in convolutions()]
        self._dense = (arrays["dense/kernel"], arrays["dense/bias"])

    def features(self, samples: Tensor) -> Tensor:
        """Return the log mel spectrogram ``[frames, 64]`` of samples ``[n]`` at 16 kHz.

        Notes
        -----
        ``log(|STFT| M + 0.001)``: periodic Hann of 400 samples, hop 160, FFT of 512, no centring;
        M of 64 triangles, linear in mel from 125 to 7500 Hz.
        """
        return self.features_through(samples, 1.0)

    def features_through(self, samples: Tensor, window: float) -> Tensor:
        """Return the features through a Hann window of another length, in which noise is as loud.

        Parameters and result as in :meth:`Model.features_through`. The bins are those of the FFT of
        512: of a longer frame, that of the frame wrapped around.
        """
        import tensorflow as tf

        size = 2 * round(FRAME_SAMPLES * window / 2)
        gain = math.sqrt(FRAME_SAMPLES / size)

        mel = tf.signal.linear_to_mel_weight_matrix(
            table.MEL_BANDS, FFT_SIZE // 2 + 1, SAMPLE_RATE_HZ, MEL_LOW_HZ, MEL_HIGH_HZ
        )
        hann = tf.signal.hann_window(size)
        frames = _frames(samples, size) * (hann if size == FRAME_SAMPLES else hann * gain)
        if size > FFT_SIZE:
            turns = -(-size // FFT_SIZE)
            whole = tf.pad(frames, [[0, 0], [0, turns * FFT_SIZE - size]])
            frames = tf.reduce_sum(tf.reshape(whole, [-1, turns, FFT_SIZE]), axis=1)
        return tf.math.log(_magnitude(frames) @ mel + LOG_OFFSET)

    @property
    def training_means(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Return the shifts of the batch normalisations, by layer."""
        return self._training_means

    def activations(
        self, patches: Tensor, taps: Sequence[str], precision: str = "float32"
    ) -> dict[str, Tensor]:
        """Return activations by published name; see :meth:`Model.activations`.

        Notes
        -----
        `fast` has the 1 x 1 products in bfloat16, forward and back, and all else in float32. With
        the bias in bfloat16 too, the gradient of speech kept 0.953 of float32's instead of 0.966.
        """
        import tensorflow as tf

        products = tf.bfloat16 if precision == "fast" else tf.float32
        found: dict[str, Tensor] = {}

        x = patches[..., None]
        for conv in self._convolutions:
            normalised = self._convolve(x, conv, products)
            x = tf.nn.relu(normalised)
            relu = "layer1/relu" if conv.name == "layer1/conv" else f"{conv.name}/relu"
            if f"{conv.name}/bn" in taps:
                found[f"{conv.name}/bn"] = normalised
            if relu in taps:
                found[relu] = x
            if conv.name in taps:
                # The plain convolution lies behind its folded batch norm, which is invertible.
                found[conv.name] = (normalised - conv.shift) / conv.scale
        embeddings = tf.reduce_mean(x, [1, 2])
        logits = embeddings @ self._dense[0] + self._dense[1]
        scores = tf.sigmoid(logits)
        last = {"embeddings": embeddings, "logits": logits, "scores": scores}
        found |= last
        found |= {name: last[alias] for name, alias in table.ALIASES.items() if name in taps}
        return found

    def _convolve(self, x: Tensor, conv: _Folded, products: Any) -> Tensor:
        import tensorflow as tf

        dtype = products if conv.name.endswith("pointwise_conv") else tf.float32
        kernel = self._shared.tensor(f"{conv.name}/kernel", conv.kernel, dtype)
        bias = self._shared.tensor(f"{conv.name}/bias", conv.bias, tf.float32)
        strides = [1, conv.stride, conv.stride, 1]
        if conv.name.endswith("depthwise_conv"):
            return tf.nn.bias_add(tf.nn.depthwise_conv2d(x, kernel, strides, "SAME"), bias)
        if conv.name == "layer1/conv":
            return tf.nn.bias_add(tf.nn.conv2d(x, kernel, strides, "SAME"), bias)
        height, width, channels = x.shape[1:]
        outputs = conv.kernel.shape[-1]
        rows = tf.cast(tf.reshape(x, [-1, channels]), dtype)
        rows = tf.cast(tf.matmul(rows, tf.reshape(kernel, [channels, outputs])), tf.float32)
        return tf.reshape(tf.nn.bias_add(rows, bias), [-1, height, width, outputs])


def load_yamnet(weights: Weights) -> YamNet:
    """Build YAMNet from a SavedModel folder or an ``.h5`` file.

    Raises
    ------
    ModelError
        The file cannot be read, or is not YAMNet; see :func:`read_arrays`.
    """
    return YamNet(read_arrays(weights))


def _fold(arrays: Arrays, name: str, stride: int) -> _Folded:
    variance = arrays[f"{name}/bn/moving_variance"].astype(np.float64)
    scale = 1.0 / np.sqrt(variance + BATCH_NORM_EPSILON)
    shift = arrays[f"{name}/bn/beta"] - arrays[f"{name}/bn/moving_mean"] * scale
    if name.endswith("depthwise_conv"):
        kernel = arrays[f"{name}/depthwise_kernel"] * scale[:, None]
    else:
        kernel = arrays[f"{name}/kernel"] * scale
    as32 = [np.asarray(value, np.float32) for value in (kernel, shift, scale, shift)]
    return _Folded(name, as32[0], as32[1], as32[2], as32[3], stride)


def _frames(samples: Tensor, size: int) -> Tensor:
    """Cut samples ``[n]`` into ``[frames, size]`` at hop 160, by reshaped slices.

    The middles are those of frames of 400 samples, all of which lie within the samples.
    """
    import tensorflow as tf

    count = (tf.shape(samples)[0] - FRAME_SAMPLES) // FRAME_HOP + 1
    lead = (size - FRAME_SAMPLES) // 2
    if lead > 0:
        samples = tf.pad(samples, [[lead, lead]])
    elif lead < 0:
        samples = tf.slice(samples, [-lead], [-1])
    length = tf.shape(samples)[0]
    rows_of_one = -(-size // FRAME_HOP)
    needed = (count + rows_of_one - 1) * FRAME_HOP
    inner = tf.slice(samples, [0], [tf.minimum(needed, length)])
    padded = tf.pad(inner, [[0, tf.maximum(needed - length, 0)]])
    rows = tf.reshape(padded, [-1, FRAME_HOP])
    widths = [min(FRAME_HOP, size - j * FRAME_HOP) for j in range(rows_of_one)]
    pieces = [tf.slice(rows, [j, 0], [count, width]) for j, width in enumerate(widths)]
    return tf.concat(pieces, axis=1)


def _magnitude(frames: Tensor) -> Tensor:
    """Return ``|rfft|``, with a gradient of one real inverse FFT; TensorFlow's is complex."""
    import tensorflow as tf

    spectrum = tf.signal.rfft(frames, [FFT_SIZE])
    (size,) = with_own_gradient(_magnitude_slope, [tf.abs(spectrum)], [spectrum], frames)
    return size


def _magnitude_slope(tensors: Sequence[Tensor], upstream: Sequence[Tensor]) -> Tensor:
    import tensorflow as tf

    size, spectrum, frames = tensors
    weights = np.full(FFT_SIZE // 2 + 1, FFT_SIZE / 2, np.float32)
    weights[[0, -1]] = FFT_SIZE
    # d|X|/dX = X/|X|, and 0 in silence.
    factor = tf.math.divide_no_nan(upstream[0], size) * weights
    back = tf.signal.irfft(spectrum * tf.complex(factor, tf.zeros_like(factor)), [FFT_SIZE])
    return tf.slice(back, [0, 0], [-1, frames.shape[1]])
