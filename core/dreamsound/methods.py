"""Activation maximisation functions: how a gradient meets the sound.

A method is three choices (DESIGN section 3, after figure 1 of the paper): how the result is
combined with the sound, where the mask comes from, and what goes through it. The four names are
rows of :data:`METHODS`; a recipe may choose each of the three by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dreamsound.errors import RecipeError
from dreamsound.recipe import Recipe
from dreamsound.samples import FloatArray, Samples
from dreamsound.spectrum import Mask, Stft, Tensor, air_bins, unit_magnitude

#: Frames that go through the filter at a time, over all channels: 2 MB a spectrum.
BLOCK_FRAMES = 256
#: Spectra met while looking for a span's maximum are kept up to this size: two minutes of stereo.
KEPT_SPECTRA_BYTES = 192 * 2**20


@dataclass(frozen=True)
class MethodRow:
    """One named method with the values it sounds good with (see ``docs/defaults.md``).

    Attributes
    ----------
    combine, mask_from, carrier : str
        As in the recipe.
    strength : float
        Share of the source's level that a step adds.
    threshold_db, knee_db : float
        Of the filter, dB.
    threshold_ref : str
        ``span`` or ``frame``.
    follow_envelope : float
        0..1.
    """

    combine: str
    mask_from: str
    carrier: str
    strength: float
    threshold_db: float
    knee_db: float
    threshold_ref: str
    follow_envelope: float


METHODS: dict[str, MethodRow] = {
    #                       combine    mask from   carrier     str.  thr.   knee  ref.     env.
    "add": MethodRow("add", "none", "gradient", 0.05, -50.0, 12.0, "frame", 1.0),
    "filter": MethodRow("replace", "gradient", "input", 0.05, -50.0, 12.0, "frame", 0.0),
    "filter-add": MethodRow("add", "input", "gradient", 0.05, -40.0, 12.0, "span", 1.0),
    "target": MethodRow("add", "target", "gradient", 0.05, -40.0, 12.0, "frame", 1.0),
}


def filled(recipe: Recipe) -> Recipe:
    """Return the recipe with every open field set to its method's value, and without `flip`.

    Parameters
    ----------
    recipe : Recipe
        As the user gave it.

    Returns
    -------
    Recipe
        Means the same; no field that the method decides is None.

    Raises
    ------
    RecipeError
        The three choices make no method, or a target is missing or would not be used.
    """
    row = METHODS[recipe.method]
    mask_from: str = recipe.mask_from or row.mask_from
    carrier: str = recipe.carrier or row.carrier
    combine = recipe.combine or row.combine
    if recipe.flip:
        mask_from, carrier = carrier, mask_from
    if mask_from == "none" and carrier == "input":
        raise RecipeError("carrier input without a mask changes nothing: choose mask_from")
    uses_target = "target" in (mask_from, carrier)
    if uses_target and recipe.target is None:
        raise RecipeError(f"the method {recipe.method} needs a target: name a sound file")
    wants_class = recipe.class_ == "target"
    if wants_class and recipe.target is None:
        raise RecipeError("class target needs a target: name a sound file")
    if recipe.target is not None and not (uses_target or wants_class):
        raise RecipeError(
            f"a target is given, but the method {recipe.method} does not use one: use the method "
            "target, or class target"
        )
    values = {
        "mask_from": mask_from,
        "carrier": carrier,
        "combine": combine,
        "flip": False,
        "at": recipe.at or (None if recipe.layer else "logit"),
        "class_": recipe.class_
        or (None if recipe.layer else "target" if recipe.method == "target" else "first"),
    }
    for name in ("strength", "threshold_db", "knee_db", "threshold_ref", "follow_envelope"):
        given = getattr(recipe, name)
        values[name] = getattr(row, name) if given is None else given
    return recipe.model_copy(update=values)


@dataclass(frozen=True)
class FilterJob:
    """What one pass of the filter does.

    Attributes
    ----------
    mask_source, carrier : Samples
        ``[channels or 1, length]``.
    air : {"filter", "cut", "carrier", "other"}
        What happens above the model's band: the mask decides, nothing passes, the carrier passes,
        or `air_from` passes.
    air_from : Samples or None
        Needed by "other".
    unit_magnitude : bool
        Give every bin of the carrier magnitude 1: the filter itself made audible.
    """

    mask_source: Samples
    carrier: Samples
    air: Literal["filter", "cut", "carrier", "other"] = "filter"
    air_from: Samples | None = None
    unit_magnitude: bool = False


class HardCut:
    """The filter of a recipe at one sample rate: ``S^-1(H(mask source) . S carrier)``, streamed.

    Parameters
    ----------
    recipe : Recipe
        A filled recipe.
    sample_rate_hz : int
        Rate of the sounds.
    band_top_hz : float
        Top of the model's band; air lies above.
    """

    def __init__(self, recipe: Recipe, sample_rate_hz: int, band_top_hz: float) -> None:
        self.stft = Stft(recipe.fft_size, recipe.hop_samples)
        self.mask = Mask(
            recipe.threshold_db if recipe.threshold_db is not None else -40.0,
            recipe.knee_db or 0.0,
            recipe.threshold_ref == "frame",
            recipe.invert_mask,
        )
        self._air = air_bins(self.stft, sample_rate_hz, band_top_hz)
        self._graphs: dict[tuple[str, bool], Any] = {}
        self._analysis: Any = None

    def run(self, job: FilterJob, into: Samples) -> None:
        """Write the filtered carrier to `into` ``[channels, length]``.

        Parameters
        ----------
        job : FilterJob
            What goes where.
        into : Samples
            As long as the carrier; a single channel is written to all.
        """
        graph = self._graph(job.air, job.unit_magnitude)
        frames = self.stft.frame_count(into.length)
        hop, overlap = self.stft.hop_samples, (self.stft.frame_hops - 1) * self.stft.hop_samples
        heard, top = self._mask_spectra(job.mask_source, frames)
        carried: FloatArray | None = None
        for place, (first, last) in enumerate(_frame_blocks(frames)):
            start, stop = self.stft.sample_range(first, last)
            spectra = heard[place] if heard else self._analyse(job.mask_source, first, last)[0]
            other = job.air_from or job.carrier
            carrier, beside = job.carrier.read(start, stop), other.read(start, stop)
            out = graph(spectra, carrier, beside, top).numpy()
            if carried is not None:
                out[:, :overlap] += carried
            carried = out[:, (last - first) * hop :].copy()
            into.write(start, out[:, : (last - first) * hop] if last < frames else out)

    def _mask_spectra(self, samples: Samples, frames: int) -> tuple[list[Tensor], Any]:
        """Return the largest power of the span, and the spectra met on the way if they are few."""
        if self.mask.per_frame:
            return [], np.float32(0)
        keep = samples.channels * frames * self.stft.bins * 8 <= KEPT_SPECTRA_BYTES
        kept: list[Tensor] = []
        peak = 0.0
        for first, last in _frame_blocks(frames):
            spectra, power = self._analyse(samples, first, last)
            peak = max(peak, float(power))
            if keep:
                kept.append(spectra)
        return kept, np.float32(peak)

    def _analyse(self, samples: Samples, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Return spectra ``[channels, frames, bins]`` of some frames, and their largest power."""
        import tensorflow as tf

        if self._analysis is None:

            def analysis(segment: Tensor) -> tuple[Tensor, Tensor]:
                spectra = self.stft.forward(segment)
                return spectra, tf.reduce_max(_power(spectra))

            sound = tf.TensorSpec([None, None], tf.float32)
            self._analysis = tf.function(analysis, input_signature=[sound])
        result: tuple[Tensor, Tensor] = self._analysis(
            samples.read(*self.stft.sample_range(first, last))
        )
        return result

    def _graph(self, air: str, unit: bool) -> Any:
        import tensorflow as tf

        if (air, unit) in self._graphs:
            return self._graphs[air, unit]
        stft, mask, air_bin = self.stft, self.mask, self._air
        sound, number = tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([], tf.float32)
        spectrum = tf.TensorSpec([None, None, stft.bins], tf.complex64)

        @tf.function(input_signature=[spectrum, sound, sound, number])
        def graph(heard: Tensor, carrier: Tensor, other: Tensor, top: Tensor) -> Tensor:
            spectra = stft.forward(carrier)
            passed = mask.of(_power(heard), top)
            if air != "filter":
                passed *= 1 - air_bin
            if air == "carrier":
                passed += air_bin
            if unit:
                spectra = unit_magnitude(spectra)
            out = spectra * tf.complex(passed, tf.zeros_like(passed))
            if air == "other":
                out += stft.forward(other) * air_bin
            return stft.inverse(out)

        self._graphs[air, unit] = graph
        return graph


def air_of_step(recipe: Recipe) -> Literal["filter", "cut", "carrier", "other"]:
    """Return what a step of a filled recipe does above the model's band.

    With `combine` add the source's own air stays under whatever is added, so "keep" adds none;
    with replace it has to be put back.
    """
    if recipe.air == "mask":
        return "filter"
    if recipe.air == "drop" or recipe.combine == "add":
        return "cut"
    return "carrier" if recipe.carrier == "input" else "other"


def _frame_blocks(frames: int) -> Iterator[tuple[int, int]]:
    """Yield the first frame, and one past the last, of each block."""
    for first in range(0, frames, BLOCK_FRAMES):
        yield first, min(first + BLOCK_FRAMES, frames)


def _power(spectra: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.square(tf.math.real(spectra)) + tf.square(tf.math.imag(spectra))
