"""A linear-phase resampler inside the graph, so that gradients return at the sound's own rate.

A rate ratio L/M is a product of framed input with one matrix: ``g * M`` input samples (and as many
on either side) give ``g * L`` output samples. A product has an exact adjoint: the same matrix,
transposed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

#: Stop band attenuation of the kernel's design; the requirement is 80 dB.
STOP_BAND_DB = 86.0
#: End of the pass band, re. the lower of the two Nyquist frequencies; the stop band starts at 1.
PASS_BAND = 0.95
#: Largest denominator when a ratio is rounded to a fraction: within 0.05 %, a cent.
MAX_DENOMINATOR = 1000


@dataclass(frozen=True)
class Resampler:
    """Rate conversion from `from_hz` to `to_hz` as a framed product.

    Parameters
    ----------
    from_hz, to_hz : int
        Sample rates, Hz.

    Attributes
    ----------
    ratio : fractions.Fraction
        Output samples per input sample, L/M.
    rows_in, rows_out : int
        Input and output samples of one frame.

    Notes
    -----
    Windowed sinc with a Kaiser window, length and beta by Kaiser's formulas [1]_ for the transition
    band from 0.95 to 1.0 of the lower Nyquist frequency. Output sample n lies at input time
    ``n * M / L``: there is no delay.

    References
    ----------
    .. [1] J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function",
       Proc. IEEE ISCAS, 1974.
    """

    from_hz: int
    to_hz: int

    @property
    def is_identity(self) -> bool:
        """Whether both rates are the same."""
        return self.ratio == 1

    @cached_property
    def ratio(self) -> Fraction:
        """Output samples per input sample, in lowest terms."""
        return Fraction(self.to_hz, self.from_hz).limit_denominator(MAX_DENOMINATOR)

    @cached_property
    def half_length(self) -> int:
        """Input samples on either side that an output sample depends on."""
        lower = min(1.0, float(self.ratio)) / 2  # cycles per input sample
        transition = 2 * math.pi * (1 - PASS_BAND) * lower
        return math.ceil((STOP_BAND_DB - 7.95) / (2.285 * transition) / 2)

    @cached_property
    def _group(self) -> int:
        # One frame on either side must hold the kernel's half; the product is cheapest there.
        group = max(1, math.ceil(self.half_length / self.ratio.denominator))
        return group if group < 16 else -(-group // 16) * 16

    @property
    def rows_in(self) -> int:
        """Input samples in a frame."""
        return 1 if self.is_identity else self._group * self.ratio.denominator

    @property
    def rows_out(self) -> int:
        """Output samples in a frame."""
        return 1 if self.is_identity else self._group * self.ratio.numerator

    @cached_property
    def margin_rows(self) -> int:
        """Extra frames needed on either side of the requested ones."""
        return 0 if self.is_identity else math.ceil(self.half_length / self.rows_in)

    @cached_property
    def matrix(self) -> npt.NDArray[np.float32]:
        """The product's matrix, ``[(2 * margin_rows + 1) * rows_in, rows_out]``."""
        step = float(1 / self.ratio)
        times = np.arange(self.rows_out) * step
        inputs = np.arange(-self.margin_rows * self.rows_in, (self.margin_rows + 1) * self.rows_in)
        tau = times[None, :] - inputs[:, None]
        cutoff = min(1.0, float(self.ratio)) * (1 + PASS_BAND) / 4
        beta = 0.1102 * (STOP_BAND_DB - 8.7)
        inside = np.clip(1 - (tau / (self.half_length + 1)) ** 2, 0, None)
        window = np.i0(beta * np.sqrt(inside)) / np.i0(beta) * (inside > 0)
        kernel = 2 * cutoff * np.sinc(2 * cutoff * tau) * window
        return kernel.astype(np.float32)

    @cached_property
    def _shared_matrix(self) -> Any:
        """The matrix as a tensor, of which all graphs of this resampler share one copy."""
        import tensorflow as tf

        # Outside the graph that is being traced.
        with tf.init_scope():
            return tf.constant(self.matrix)

    def length_out(self, length_in: int) -> int:
        """Return the output length for `length_in` samples: the last lies within the input."""
        return math.ceil(length_in * self.ratio)

    def rows_for(self, start: int, stop: int) -> tuple[int, int]:
        """Return the frames, first and one past the last, that cover output start to stop."""
        return start // self.rows_out, -(-stop // self.rows_out)

    def input_range(self, first_row: int, last_row: int) -> tuple[int, int]:
        """Return the input samples that frames `first_row` to `last_row` depend on."""
        return (
            (first_row - self.margin_rows) * self.rows_in,
            (last_row + self.margin_rows) * self.rows_in,
        )

    def apply(self, segment: Any) -> Any:
        """Resample a segment with the range of :meth:`input_range`.

        Parameters
        ----------
        segment : Tensor
            ``[n]``, n a multiple of `rows_in`.

        Returns
        -------
        Tensor
            ``[(n / rows_in - 2 * margin_rows) * rows_out]``.
        """
        if self.is_identity:
            return segment
        import tensorflow as tf

        rows = tf.reshape(segment, [-1, self.rows_in])
        count = tf.shape(rows)[0] - 2 * self.margin_rows
        # The gradient of Python's slices is slow.
        shifts = [
            tf.slice(rows, [j, 0], [count, self.rows_in]) for j in range(2 * self.margin_rows + 1)
        ]
        return tf.reshape(tf.concat(shifts, axis=1) @ self._shared_matrix, [-1])
