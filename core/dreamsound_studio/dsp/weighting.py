"""The K weighting of ITU-R BS.1770 at any rate, with a fast recursion in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

CHUNK_SAMPLES = 128  # samples per step of the recursion: 64 is slower, 256 hardly faster
_NEGLIGIBLE_STATE = 1e-60  # far above the subnormals (1e-308), which slow down every product


def k_weighting(sample_rate_hz: float) -> npt.NDArray[np.float64]:
    """Return the K weighting of BS.1770 at any rate.

    Parameters
    ----------
    sample_rate_hz : float
        Above 3364, twice the corner of the shelf.

    Returns
    -------
    ndarray of float64, [2, 6]
        The shelf and the high pass, each as b0 b1 b2 a0 a1 a2 with a0 = 1.

    Notes
    -----
    BS.1770 has coefficients for 48 kHz and requires the same response at other rates. The analogue
    prototypes behind them [2]_, through the bilinear transform, give the tables at 48 kHz to 1e-8.

    The table's high pass has the numerator 1 -2 1, not divided by a0, and so a passband gain of
    +0.043 dB. Keeping 1 -2 1 at every rate, as [2]_ and pyloudnorm's "DeMan" do, increases that
    gain at lower rates (+0.26 dB at 8 kHz); here it keeps its value at 48 kHz. The
    response is then that of 48 kHz within 0.01 dB from 44.1 kHz up, 0.04 dB at 22.05 kHz, 0.07
    dB at 16 kHz and 0.29 dB at 8 kHz (at the shelf, where the transform bends the frequencies).

    References
    ----------
    .. [1] ITU-R BS.1770-4 (2015), tables 1 and 2.
    .. [2] B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement",
       145th AES Convention, 2018.
    """
    high, band, corner, q = 1.584864701130855, 1.258720930232562, 1681.974450955533, 0.707175236955
    k = math.tan(math.pi * corner / sample_rate_hz)
    a0 = 1 + k / q + k * k
    poles = [1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    zeros = [high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]
    shelf = [zero / a0 for zero in zeros] + poles

    corner, q = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * corner / sample_rate_hz)
    k_48 = math.tan(math.pi * corner / 48000)
    a0 = 1 + k / q + k * k
    gain = (1 + k_48 / q + k_48 * k_48) / a0
    poles = [1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([shelf, [gain, -2 * gain, gain, *poles]])


class ChunkedFilter:
    """A cascade of two biquads that advances `CHUNK_SAMPLES` samples per matrix product.

    A recursion sample by sample is slow in Python. In state-space form, the output over a chunk is
    linear in its samples and in the state before it, and so is the state after it. The products
    with the samples are computed for all chunks of a slab at once; only the 4 numbers of state pass
    from chunk to chunk in a loop.
    """

    order = 4

    def __init__(self, biquads: npt.NDArray[np.float64]) -> None:
        a, b, c, d = _state_space(biquads)
        powers = [np.eye(self.order)]
        for _ in range(CHUNK_SAMPLES):
            powers.append(a @ powers[-1])
        self._advance = powers[CHUNK_SAMPLES].T
        self._state_to_output = np.stack([c @ power for power in powers[:CHUNK_SAMPLES]], axis=1)
        impulse = np.concatenate([[d], b @ self._state_to_output[:, :-1]])
        lag = np.arange(CHUNK_SAMPLES)[None, :] - np.arange(CHUNK_SAMPLES)[:, None]
        to_output = np.where(lag >= 0, impulse[lag], 0.0)
        to_state = np.stack([power @ b for power in reversed(powers[:CHUNK_SAMPLES])])
        self._from_samples = np.hstack([to_output, to_state])

    def run(
        self, slab: npt.NDArray[Any], state: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the output of a slab ``[channels, n]``, n whole chunks, and the state after it."""
        channels, samples = slab.shape
        chunks = samples // CHUNK_SAMPLES
        forced = slab.reshape(channels * chunks, CHUNK_SAMPLES) @ self._from_samples
        forced = forced.reshape(channels, chunks, CHUNK_SAMPLES + self.order)
        drive = forced[:, :, CHUNK_SAMPLES:]
        before = np.empty((channels, chunks, self.order))
        state = np.where(np.abs(state) < _NEGLIGIBLE_STATE, 0.0, state)
        for chunk in range(chunks):
            before[:, chunk] = state
            state = state @ self._advance + drive[:, chunk]
        filtered = forced[:, :, :CHUNK_SAMPLES] + before @ self._state_to_output
        return filtered.reshape(channels, samples), state


def _state_space(
    biquads: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    """Return a b c d of state' = a state + b x, y = c state + d x, for two biquads in series."""
    (b0, b1, b2, _, a1, a2), (e0, e1, e2, _, f1, f2) = biquads.tolist()
    first = np.array([b1 - a1 * b0, b2 - a2 * b0])  # transposed direct form II
    second = np.array([e1 - f1 * e0, e2 - f2 * e0])
    a = np.array([[-a1, 1, 0, 0], [-a2, 0, 0, 0], [0, 0, -f1, 1], [0, 0, -f2, 0]])
    a[2:, 0] = second  # the first one's output, which is its first state, drives the second
    return a, np.concatenate([first, second * b0]), np.array([e0, 0.0, 1.0, 0.0]), b0 * e0
