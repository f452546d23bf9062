"""The objective ``texture``: a sound takes on the statistics of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.guide import Vectors, check_length
from dreamsound_studio.dream.infrasound import Parted
from dreamsound_studio.dream.listening import ChangedMono, DrawnListening
from dreamsound_studio.dream.moments import MomentSums, means_of, moments_in
from dreamsound_studio.dream.mono import mono_of
from dreamsound_studio.dream.out_of_memory import in_smaller_blocks
from dreamsound_studio.dsp.envelope import Envelope
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.models.network import Model, Tensor
from dreamsound_studio.models.runtime import import_tensorflow
from dreamsound_studio.recipe.objective import Texture

#: Share of a layer's mean variance that is added to that of each channel: one that the target does
#: not excite must not outweigh the others.
LEAST_VARIANCE = 0.1


@dataclass(frozen=True)
class LayerTexture:
    """The statistics of a target in one layer.

    Parameters
    ----------
    layer : str
        Published layer name.
    mean : Vectors
        m: the mean of each channel in each band over time, ``[bands, channels]``.
    covariance : Vectors
        C: the covariance over time of the channels of each band, ``[bands, channels, channels]``.
    """

    layer: str
    mean: Vectors
    covariance: Vectors

    def distance_in(self, activations: dict[str, Tensor]) -> Tensor:
        """Return D of a sound, from the activations of a block and what is known of the others."""
        mean, product = moments_in(activations, self.layer)
        return self.distance(mean, product - mean[:, :, None] * mean[:, None, :])

    def distance(self, mean: Tensor, covariance: Tensor) -> Tensor:
        """Return D, how far the statistics of a sound are from these; 0 where they are equal.

        Parameters
        ----------
        mean, covariance : Tensor or numpy.ndarray
            Of the sound, in float32 and of the same shapes.
        """
        tf = import_tensorflow()
        variances = np.einsum("bcc->bc", self.covariance.values)
        # A layer that the target leaves constant has no scale of its own.
        least = LEAST_VARIANCE * float(variances.mean()) or 1.0
        scale = 1 / np.sqrt(variances + np.float32(least))
        pairs = scale[:, :, None] * scale[:, None, :]
        squares = float(np.sum(np.square(self.covariance.values * pairs))) or 1.0
        of_means = tf.reduce_mean(tf.square((mean - self.mean.values) * scale))
        apart = tf.square((covariance - self.covariance.values) * pairs)
        return (of_means + tf.reduce_sum(apart) / squares) / 2


@dataclass(frozen=True)
class TextureObjective:
    r"""How close the statistics of a whole sound are to a target's.

    Parameters
    ----------
    parts : tuple of LayerTexture
        The target's, layer by layer.

    Notes
    -----
    ``- mean_l ln(1 + D_l)``, and for a layer with means m and covariances C over all patches and
    the layer's own time axis, and those m' and C' of the target:

    ``D = 1/2 mean_bc((m - m')^2 / s^2) + 1/2 sum_b |(C - C') / ss'|^2 / sum_b |C' / ss'|^2``

    with ``s^2`` the target's variance of each channel and a tenth of their mean. Gatys et al.
    compare Gram matrices, which hold both [1]_ [2]_; with sound, frequencies are kept apart, and
    only time is averaged [3]_ [4]_. The logarithm gives every layer a say, however far it is.

    References
    ----------
    .. [1] L. Gatys, A. Ecker and M. Bethge, "Texture synthesis using convolutional neural
       networks", NIPS 2015.
    .. [2] L. Gatys, A. Ecker and M. Bethge, "Image style transfer using convolutional neural
       networks", CVPR 2016.
    .. [3] D. Ulyanov and V. Lebedev, "Audio texture synthesis and style transfer", 2016.
    .. [4] J. Antognini, M. Hoffman and R. Weiss, "Audio texture synthesis with random neural
       networks: improving diversity and quality", ICASSP 2019.
    """

    parts: tuple[LayerTexture, ...]
    reads_class = False
    reads_time = False

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layers."""
        return tuple(part.layer for part in self.parts)

    @property
    def whole_layers(self) -> tuple[str, ...]:
        """Return the layers whose moments over the whole sound are needed: all."""
        return self.taps

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the same for each: there is one number for the sound."""
        tf = import_tensorflow()
        apart = [tf.math.log1p(part.distance_in(activations)) for part in self.parts]
        value = -tf.add_n(apart) / len(apart)
        return tf.fill([tf.shape(activations[self.parts[0].layer])[0]], value)


def texture_objective(
    atom: Texture,
    model: Model,
    layers: tuple[str, ...],
    clip: Clip | None = None,
    rms: float | None = None,
) -> TextureObjective:
    """Compute a target's statistics with the model.

    Parameters
    ----------
    atom : Texture
        Names the file.
    model : Model
        Hears it, on its published patch grid.
    layers : tuple of str
        Published layer names.
    clip : Clip, optional
        The sound, if it was read already.
    rms : float, optional
        RMS of its active parts when it is heard; by default its own.

    Raises
    ------
    RecipeError
        The sound is shorter than a patch.
    AudioFileError
        It cannot be read, or is silent.
    MemoryLimitError
        Memory runs out with a single patch.
    """
    clip = read_clip(atom.path) if clip is None else clip
    check_length(clip, f"{atom.path}: the texture", model)
    try:
        own = Envelope.of(Parted.of(clip).heard.samples, clip.sample_rate_hz).rms
    except AudioFileError as silent:
        raise AudioFileError(f"{atom.path}: {silent}") from None
    found = statistics_of(clip, model, layers, 1.0 if rms is None else rms / own)
    return TextureObjective(
        tuple(
            LayerTexture(layer, Vectors(mean), Vectors(covariance))
            for layer, (mean, covariance) in found.items()
        )
    )


def statistics_of(
    clip: Clip, model: Model, layers: tuple[str, ...], gain: float = 1.0
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return the statistics of layers over a whole sound.

    Parameters
    ----------
    clip : Clip
        The sound; its mono mix is heard, over the model's published patch grid.
    model : Model
        The model.
    layers : tuple of str
        Published layer names.
    gain : float, optional
        Linear.

    Returns
    -------
    dict
        By layer, m ``[bands, channels]`` and C ``[bands, channels, channels]``.
    """
    rate, hop_frames = clip.sample_rate_hz, model.published_hop_frames
    heard = ChangedMono(mono_of(clip), DrawnListening((0,), gain=gain))

    def means(patches: int) -> dict[str, tuple[FloatArray, FloatArray]]:
        tap = MomentSums(layers)
        ear = Ear(model, tap, rate, hop_frames=hop_frames, block_patches=patches)
        grid = ear.grid(clip.samples.length, None)
        return means_of(ear.moment_sums(heard, grid, layers), grid, layers)

    found = in_smaller_blocks(means)
    return {
        layer: (
            mean.astype(np.float32),
            (product - mean[:, :, None] * mean[:, None, :]).astype(np.float32),
        )
        for layer, (mean, product) in found.items()
    }
