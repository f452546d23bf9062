"""Units: the channels of a layer that a sound excites most, and the part that excites each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.guide import layer_of
from dreamsound_studio.dream.infrasound import Parted
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.dsp.envelope import Envelope
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.objective import Channel
from dreamsound_studio.recipe.recipe import Recipe

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model

#: Length and seed of the noise that a channel's activity is compared with.
NOISE_SECONDS, NOISE_SEED = 10.0, 0
#: Share of the layer's own spread added to a channel's: one that noise never moves must not rank
#: first.
LEAST_SPREAD = 0.1
#: The sound of a unit is a patch long, plus this margin on either side.
MARGIN_SECONDS = 0.25


@dataclass(frozen=True)
class RankedUnit:
    """One channel of a layer, and its response to a sound.

    Attributes
    ----------
    rank : int
        1 is the most excited channel.
    channel : int
        Its index in the layer.
    activity : float
        Mean activation over the sound.
    noise_activity, noise_spread : float
        Mean and standard deviation of its activation per patch on white noise as loud as the sound.
    excess : float
        Activity above the noise activity, in units of the spread.
    highest : float
        Its mean activation in the patch that excites it most.
    start_s, stop_s : float
        Start and end of that patch with a margin, seconds.
    """

    rank: int
    channel: int
    activity: float
    noise_activity: float
    noise_spread: float
    excess: float
    highest: float
    start_s: float
    stop_s: float


def rank_units(
    clip: Clip,
    model: Model,
    layer: str,
    top: int,
    on_warning: Callable[[str], None] | None = None,
) -> list[RankedUnit]:
    """Return the channels of a layer that a sound excites most.

    Parameters
    ----------
    clip : Clip
        The sound; its mono mix is heard.
    model : Model
        The model.
    layer : str
        Name of the layer.
    top : int
        How many, 1 or more; at most the layer's channels.
    on_warning : callable, optional
        Called with a line where memory runs out and the sound is heard in smaller blocks.

    Returns
    -------
    list of RankedUnit
        The most excited first.

    Raises
    ------
    RecipeError
        The model has no such layer.
    MemoryLimitError
        Memory runs out with a single patch.

    Notes
    -----
    Ranked by ``(a - mean n) / (sd n + 0.1 s)``, with a the channel's mean activation on the sound,
    n its activations per patch on white noise of the sound's active RMS, and s the standard
    deviation of n over all channels and patches. Many channels are active on any loud sound; they
    say nothing about a particular one.
    """
    published = model.table.resolve_layer(layer)
    heard = _per_patch(layer_of(clip, model, published, True, on_warning))
    rms = Envelope.of(Parted.of(clip).heard.samples, clip.sample_rate_hz).rms
    noise_clip = _noise(clip.sample_rate_hz, rms)
    noise = _per_patch(layer_of(noise_clip, model, published, True, on_warning))
    means, spreads = noise.mean(axis=0), noise.std(axis=0)
    activity = heard.mean(axis=0)
    least = LEAST_SPREAD * max(float(noise.std()), 1e-9)
    excess = (activity - means) / (spreads + least)
    hop_s = model.published_hop_frames * model.frame_hop_samples / model.sample_rate_hz
    patch_s = model.patch_samples / model.sample_rate_hz
    units = []
    for rank, channel in enumerate(np.argsort(-excess, kind="stable")[:top], 1):
        patch = int(np.argmax(heard[:, channel]))
        start_s = max(patch * hop_s - MARGIN_SECONDS, 0.0)
        units.append(
            RankedUnit(
                rank,
                int(channel),
                float(activity[channel]),
                float(means[channel]),
                float(spreads[channel]),
                float(excess[channel]),
                float(heard[patch, channel]),
                start_s,
                min(patch * hop_s + patch_s + MARGIN_SECONDS, clip.seconds),
            )
        )
    return units


def heard_by(
    clip: Clip,
    units: list[RankedUnit],
    model: Model,
    layer: str,
    on_warning: Callable[[str], None] | None = None,
) -> Iterator[RawDream | None]:
    """Yield what passing each unit alone leaves of a sound.

    Parameters
    ----------
    clip : Clip
        The sound.
    units : list of RankedUnit
        As returned by :func:`rank_units`.
    model : Model
        The model.
    layer : str
        Their layer.
    on_warning : callable, optional
        Called with each warning, as where memory runs out.

    Yields
    ------
    RawDream or None
        The patch that excites the unit most, filtered: the bins with a strong gradient of the
        unit's activation (`filter`, one step). None if the unit has no gradient there.
    """
    published = model.table.resolve_layer(layer)
    for unit in units:
        rate = clip.sample_rate_hz
        first, last = math.floor(unit.start_s * rate), math.ceil(unit.stop_s * rate)
        part = Clip.from_array(clip.samples.read(first, min(last, clip.samples.length)), rate)
        recipe = Recipe.make(
            method="filter",
            objective=str(Channel(published, unit.channel)),
            steps=1,
            jitter=False,
            model=model.name,
        )
        dreamer = PatientDreamer(part, recipe, model, on_warning=on_warning)
        try:
            for _ in dreamer.steps():
                pass
        except RecipeError:
            yield None
        else:
            yield dreamer.result()


def _per_patch(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return each channel's mean in each patch, ``[patches, channels]``."""
    flat = values.reshape(values.shape[0], -1, values.shape[-1])
    return np.asarray(flat.mean(axis=1), np.float64)


def _noise(sample_rate_hz: int, rms: float) -> Clip:
    random = np.random.default_rng(NOISE_SEED)
    count = round(NOISE_SECONDS * sample_rate_hz)
    return Clip.from_array(rms * random.standard_normal((1, count)), sample_rate_hz)
