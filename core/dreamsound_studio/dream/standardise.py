"""The deviation of a gradient: each step divides by it."""

from __future__ import annotations

import math

import numpy as np

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.errors import RecipeError

#: Gradients with a maximum below this are too small for float32 to divide by.
SMALLEST_GRADIENT = 1e-30


def standardise(gradient: Samples, what: str) -> float:
    """Return the factor that brings a gradient to unit standard deviation.

    Parameters
    ----------
    gradient : Samples
        ``[channels, length]``; one deviation for all of it.
    what : str
        Name of the objective, for the error.

    Returns
    -------
    float
        1 / std; 1 / RMS where the gradient is the same at every sample, as for a single sample.

    Raises
    ------
    RecipeError
        The gradient is 0 everywhere, too small to divide by, or NaN.
    """
    peaks, total, squares = [], 0.0, 0.0
    for _, block in gradient.blocks():
        peaks.append(np.max(np.abs(block)))
        # In float64, which holds the squares of all that float32 can divide by.
        wide = block.astype(np.float64, order="C")  # sums depend on the order in memory
        total += float(np.sum(wide))
        squares += float(np.sum(np.square(wide, out=wide)))
    # numpy's maximum propagates a NaN in a later block; Python's would lose it.
    peak = float(np.max(peaks))
    if not math.isfinite(peak):
        raise RecipeError(f"The gradient of {what} is NaN in this sound")
    if peak < SMALLEST_GRADIENT:
        raise RecipeError(f"Nothing in this sound excites {what} (the gradient is zero)")
    count = gradient.channels * gradient.length
    variance = squares / count - (total / count) ** 2
    if variance <= 1e-12 * squares / count:
        variance = squares / count
    return 1 / math.sqrt(variance)
