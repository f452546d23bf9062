"""What a SavedModel's outputs are, found by playing sounds to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from dreamsound_studio.errors import is_out_of_memory
from dreamsound_studio.models.network import Tensor
from dreamsound_studio.models.savedmodel.functions import Function

#: RMS of the noise, and amplitude of the sweep, that probe a model.
NOISE_RMS, SWEEP_LEVEL = 0.1, 0.5
#: Windows that are tried with a network that takes any length, seconds: the first is YAMNet's.
WINDOWS_S = (0.975, 2.0, 3.0, 5.0, 10.0)
#: How much longer the second length is at which it is tried.
LONGER = 2
#: More vectors per second are a map over time, such as a spectrogram.
MOST_PER_SECOND = 8.0
#: Largest difference, re. the largest value, of what is the same.
TOLERANCE = 1e-4

TrialValues = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TriedOutput:
    """An output of a function, as the trial heard it.

    Attributes
    ----------
    function : Function
        Its function.
    name : str
        Its name there.
    samples : int
        Length of the window that it was tried at.
    shape : tuple of int
        Its shape for one window.
    axis : int or None
        The axis of its units, as far as its shape tells: the last whose size does not depend on
        the length of the sound.
    values : numpy.ndarray
        What it is for each of the sounds, ``[sounds, *shape]``.
    """

    function: Function
    name: str
    samples: int
    shape: tuple[int, ...]
    axis: int | None
    values: TrialValues = field(repr=False)

    @property
    def path(self) -> str:
        """Return its name in a card: ``function:output``."""
        return f"{self.function.name}:{self.name}"

    @property
    def units(self) -> int:
        """Return the length of its vectors."""
        return 1 if self.axis is None else self.shape[self.axis]

    @property
    def rows(self) -> int:
        """Return how many vectors a window has."""
        return int(np.prod(self.shape)) // max(1, self.units)

    @property
    def is_finite(self) -> bool:
        """Return whether it has values, all of them numbers."""
        return self.values.size > 0 and bool(np.isfinite(self.values).all())

    @property
    def is_within_0_to_1(self) -> bool:
        """Return whether it can be scores that have passed a sigmoid."""
        return bool(self.values.min() >= 0 and self.values.max() <= 1)

    @property
    def vectors(self) -> TrialValues:
        """Return its mean vector for each sound, ``[sounds, units]``."""
        return mean_vectors(self.values, None if self.axis is None else self.axis + 1)

    @property
    def hears(self) -> bool:
        """Return whether it depends on the sound."""
        found = self.vectors
        largest = float(np.abs(found).max(initial=0.0))
        return float(np.abs(found - found[0]).max(initial=0.0)) > TOLERANCE * largest > 0

    @property
    def form(self) -> str:
        """Return its name and shape for a line of text."""
        sizes = ", ".join(map(str, self.shape[1:] if self._has_batch else self.shape))
        return f"{self.name} [{sizes}]"

    def is_map(self, rate: int) -> bool:
        """Return whether it is a map over time, rather than a few vectors a window."""
        return self.rows > max(2.0, MOST_PER_SECOND * self.samples / rate)

    def is_same(self, other: TriedOutput) -> bool:
        """Return whether two outputs, of two functions for instance, are the same."""
        if self.path == other.path:
            return True
        mine, others = self.values.ravel(), other.values.ravel()
        most = TOLERANCE * float(np.abs(mine).max(initial=0.0))
        return mine.size == others.size and bool((np.abs(mine - others) <= most).all())

    @property
    def _has_batch(self) -> bool:
        return "b" in self.function.layout and len(self.shape) > 1 and self.shape[0] == 1

    def with_units(self, units: int) -> TriedOutput | None:
        """Return it with vectors of a length, or None where no axis has it."""
        first = 1 if self._has_batch else 0
        axes = [axis for axis in range(first, len(self.shape)) if self.shape[axis] == units]
        if self.axis in axes:
            return self
        return replace(self, axis=axes[-1]) if axes else None


def mean_vectors(values: TrialValues, axis: int | None) -> TrialValues:
    """Return means over all axes but the first and `axis`, ``[first, units]``."""
    others = tuple(one for one in range(1, values.ndim) if one != axis)
    means: TrialValues = values.mean(axis=others) if others else values
    return means if means.ndim == 2 else means[:, None]


def sounds(samples: int) -> TrialValues:
    """Return the sounds of a trial, ``[sounds, samples]``: noise, a sweep, and faint noise."""
    noise = NOISE_RMS * np.random.default_rng(0).standard_normal(samples)
    phase = np.linspace(0.02, 0.6, samples).cumsum()
    return np.stack([noise, SWEEP_LEVEL * np.sin(phase), noise[::-1] / 100])


def tried(function: Function, samples: int) -> tuple[list[TriedOutput], str | None]:
    """Play sounds of a length to a function.

    Parameters
    ----------
    function : Function
        The function.
    samples : int
        Length of the sounds, at its rate.

    Returns
    -------
    (list of TriedOutput, str or None)
        Its outputs of floating point; and why it did not take the sounds.
    """
    import tensorflow as tf

    try:
        heard = [_floats(function.call(tf.constant(one, tf.float32))) for one in sounds(samples)]
        longer = heard[0]
        if function.samples is None:
            longer = _floats(function.call(tf.constant(sounds(samples * LONGER)[0], tf.float32)))
    except Exception as error:  # TensorFlow has several families of errors
        if is_out_of_memory(error):
            raise
        return [], first_line(error)
    found = []
    for name in heard[0]:
        values = [one[name] for one in heard]
        if len({value.shape for value in values}) != 1:
            continue  # as many rows as there are events, for instance
        shape = values[0].shape
        axis = _axis_of(function, shape, longer[name].shape)
        found.append(TriedOutput(function, name, samples, shape, axis, np.stack(values)))
    return found, None


def window_of(function: Function, rate: int, wanted_s: float | None) -> list[int]:
    """Return the window lengths to try, in samples, best first."""
    if function.samples is not None:
        return [function.samples]
    if wanted_s is not None:
        return [quarters(wanted_s * rate)]
    return [quarters(seconds * rate) for seconds in WINDOWS_S]


def quarters(samples: float) -> int:
    """Return a length as four whole quarters, at least one sample each."""
    return 4 * max(1, round(samples / 4))


def has_gradient(output: TriedOutput) -> bool:
    """Return whether an output's gradient reaches the waveform.

    A weighted sum is derived: scores that have passed a softmax always sum to one.
    """
    import tensorflow as tf

    weights = np.random.default_rng(1).standard_normal(output.shape)
    with tf.GradientTape() as tape:
        waveform = tf.constant(sounds(output.samples)[0], tf.float32)
        tape.watch(waveform)
        found = tf.cast(output.function.call(waveform)[output.name], tf.float32)
        total = tf.reduce_sum(found * tf.constant(weights, tf.float32))
    try:
        slope = tape.gradient(total, waveform)
    except LookupError:  # an operation without a gradient
        return False
    return slope is not None and bool(float(tf.reduce_max(tf.abs(slope))) > 0)


def takes_batches(outputs: Sequence[TriedOutput]) -> bool:
    """Return whether a function gives two waveforms at once what it gives each alone."""
    import tensorflow as tf

    function = outputs[0].function
    if not function.takes_batches:
        return False
    try:
        both = function.call_batch(tf.constant(sounds(outputs[0].samples)[:2], tf.float32))
    except Exception as error:  # TensorFlow has several families of errors
        if is_out_of_memory(error):
            raise
        return False
    for one in outputs:
        found = both[one.name].numpy().astype(np.float64)
        alone = one.values[:2]
        if found.shape != (2, *one.shape[1:]) or one.shape[0] != 1:
            return False
        largest = TOLERANCE * float(np.abs(alone).max())
        if not np.allclose(found, alone[:, 0], rtol=0, atol=largest):
            return False
    return True


def first_line(error: Exception) -> str:
    """Return what an error of TensorFlow says, without where in the graph it was raised."""
    text = str(error).strip()
    inside = re.search(r"^(\S.*)\n\s*\[\[", text, re.MULTILINE)
    line = inside[1] if inside else (text.splitlines() or [type(error).__name__])[0]
    return line.rstrip(":. ")


def is_squashed(output: TriedOutput, other: TriedOutput) -> bool:
    """Return whether an output is the sigmoid or the softmax of another."""
    if output.shape != other.shape:
        return False
    values, raw = output.values, other.values
    with np.errstate(over="ignore"):
        sigmoid = 1 / (1 + np.exp(-raw))
        exponent = np.exp(raw - raw.max(axis=-1, keepdims=True))
    softmax = exponent / exponent.sum(axis=-1, keepdims=True)
    return any(bool(np.allclose(values, one, rtol=0, atol=1e-3)) for one in (sigmoid, softmax))


def _floats(outputs: dict[str, Tensor]) -> dict[str, TrialValues]:
    return {
        name: np.asarray(value.numpy(), np.float64)
        for name, value in outputs.items()
        if getattr(value.dtype, "is_floating", False) and value.shape.rank
    }


def _axis_of(function: Function, shape: tuple[int, ...], longer: tuple[int, ...]) -> int | None:
    """Return the last axis whose size does not depend on the length of the sound."""
    first = 1 if "b" in function.layout and len(shape) > 1 and shape[0] == 1 else 0
    steady = [axis for axis in range(first, len(shape)) if shape[axis] == longer[axis]]
    if len(shape) == len(longer) and steady:
        return steady[-1]
    return None
