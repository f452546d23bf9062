"""Gains over time and frequency from coarse grids of numbers, with the adjoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dsp.stft import Stft

#: Lowest band of a grid; the band's gain holds below it.
LOW_HZ = 60.0


@dataclass(frozen=True)
class GridSize:
    """How fine one grid is.

    Attributes
    ----------
    bands : int or None
        Bands, equally spaced in mel; None for one gain for each bin of the STFT.
    seconds : float
        Distance in time.
    """

    bands: int | None
    seconds: float


@dataclass(frozen=True)
class Interpolation:
    """Linear interpolation at some points, and its adjoint.

    Neither is a product of matrices: the threads of such a product, within the threads that work
    on blocks, cost many times what they compute.

    Attributes
    ----------
    left : numpy.ndarray
        Index of the value on the left of each point.
    share : numpy.ndarray
        Weight of the value on the right, 0..1.
    count : int
        Number of values.
    """

    left: npt.NDArray[np.intp]
    share: FloatArray
    count: int

    @classmethod
    def of(cls, points: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> Interpolation:
        """Return the way from sorted `values` to `points`, held beyond the ends."""
        left = np.clip(np.searchsorted(values, points, "right") - 1, 0, len(values) - 2)
        share = np.clip((points - values[left]) / (values[left + 1] - values[left]), 0, 1)
        return cls(left, share.astype(np.float32), len(values))

    def of_columns(self, values: FloatArray) -> FloatArray:
        """Return ``[rows, points]`` from ``[rows, values]``."""
        points: FloatArray = np.take(np.diff(values, axis=1), self.left, axis=1, mode="clip")
        points *= self.share
        points += np.take(values, self.left, axis=1, mode="clip")
        return points

    def of_rows(self, values: FloatArray) -> FloatArray:
        """Return ``[points, columns]`` from ``[values, columns]``."""
        points: FloatArray = values[self.left + 1]
        here = values[self.left]
        points -= here
        points *= self.share[:, None]
        points += here
        return points

    @cached_property
    def _order(self) -> npt.NDArray[np.intp] | None:
        """The points by the value on their left; None where they are in this order."""
        if np.all(self.left[1:] >= self.left[:-1]):
            return None
        return np.argsort(self.left, kind="stable")

    @cached_property
    def _groups(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The values that are on the left of any point, and the first point of each, in order."""
        ordered = self.left if self._order is None else self.left[self._order]
        places, starts = np.unique(ordered, return_index=True)
        return places, starts

    def columns_adjoint(self, at_points: FloatArray) -> FloatArray:
        """Return ``[rows, values]`` from ``[rows, points]``."""
        out = np.zeros((len(at_points), self.count), at_points.dtype)
        share = self.share
        if self._order is not None:
            at_points, share = at_points[:, self._order], share[self._order]
        right = at_points * share
        places, starts = self._groups
        out[:, places] += np.add.reduceat(at_points - right, starts, axis=1)
        out[:, places + 1] += np.add.reduceat(right, starts, axis=1)
        return out

    def rows_adjoint(self, at_points: FloatArray) -> tuple[int, FloatArray]:
        """Return the first value that is not 0, and ``[some values, columns]`` from there on."""
        right = at_points * self.share[:, None]
        places, starts = self._groups
        first = int(places[0])
        out = np.zeros((int(places[-1]) + 2 - first, at_points.shape[1]), at_points.dtype)
        out[places - first] += np.add.reduceat(at_points - right, starts, axis=0)
        out[places + 1 - first] += np.add.reduceat(right, starts, axis=0)
        return first, out


@dataclass
class Gains:
    """The gains of some frames, with what their adjoint needs.

    Attributes
    ----------
    linear : numpy.ndarray
        Factors of the spectra, ``[frames, bins]``.
    slope : numpy.ndarray
        dG/d(sum of the grids) at the nodes, ``[frames, nodes]``.
    """

    linear: FloatArray
    slope: FloatArray


class GainGrids:
    """G of a sound, as a sum of grids: ``G = depth . tanh(sum_i T_i u_i B_i / depth)`` in dB.

    Parameters
    ----------
    sizes : sequence of GridSize
        The grids, which are added up.
    stft : Stft
        The transform whose spectra the gains apply to.
    sample_rate_hz : int
        Rate of the sound.
    length : int
        Of the sound, samples.
    top_hz : float
        Top band of a grid; its gain holds above.
    depth_db : float
        Most that G cuts and boosts, over 0.
    above : {"hold", "octave"}, optional
        What happens above the top band: its gain holds, or the gain an octave below holds there
        too, so that what is shaped in the band has its overtones.
    depth_curve : callable, optional
        Called with the first frame and one past the last; returns a factor of G, ``[frames]``.

    Attributes
    ----------
    shapes : list of (int, int)
        Of each grid, ``[times, bands]``, its values in dB.

    Notes
    -----
    T_i interpolates linearly over time, at the middle of each frame; B_i interpolates linearly over
    mel to the bands of the finest grid. There the sum is bounded by tanh, and then interpolated to
    the bins. Interpolation is a convex sum, so that G stays within the depth in every bin.

    mel(f) = 1127 ln(1 + f / 700) [1]_.

    References
    ----------
    .. [1] D. O'Shaughnessy, "Speech communication: human and machine", Addison-Wesley, 1987.
    """

    def __init__(
        self,
        sizes: Sequence[GridSize],
        stft: Stft,
        sample_rate_hz: int,
        length: int,
        top_hz: float,
        depth_db: float,
        depth_curve: Callable[[int, int], FloatArray] | None = None,
        above: Literal["hold", "octave"] = "hold",
    ) -> None:
        self._stft = stft
        self._sample_rate_hz = sample_rate_hz
        self._depth_db = np.float32(depth_db)
        self._depth_curve = depth_curve
        self._seconds = [size.seconds for size in sizes]
        #: From the times of a grid to a block of frames.
        self._ways: dict[tuple[int, int, int], Interpolation] = {}
        hz = np.arange(stft.bins) * sample_rate_hz / stft.fft_size
        bins = _mel(hz)
        top_hz = min(top_hz, sample_rate_hz / 2)
        edges = [
            bins
            if size.bands is None
            else np.linspace(_mel(np.array(LOW_HZ)), _mel(np.array(top_hz)), size.bands)
            for size in sizes
        ]
        nodes = max(edges, key=len)
        #: From the bands of each grid to the nodes, and from these to the bins; None is the same.
        self._to_nodes = [
            Interpolation.of(nodes, bands) if bands is not nodes else None for bands in edges
        ]
        heard_as = bins if above == "hold" else _mel(_folded(hz, top_hz))
        same = nodes is bins and above == "hold"
        self._to_bins = None if same else Interpolation.of(heard_as, nodes)
        end_s = stft.middles(0, stft.frame_count(length))[-1] / sample_rate_hz
        self.shapes = [
            (int(end_s / size.seconds) + 2, len(bands))
            for size, bands in zip(sizes, edges, strict=True)
        ]

    def zeros(self) -> list[FloatArray]:
        """Return grids of 0 dB."""
        return [np.zeros(shape, np.float32) for shape in self.shapes]

    def gains(self, grids: Sequence[FloatArray], first: int, last: int) -> Gains:
        """Return the gains of frames `first` to `last` (one past the end)."""
        db, slope = self._at_nodes(grids, first, last)
        at_bins = db if self._to_bins is None else self._to_bins.of_columns(db)
        return Gains(np.exp(at_bins * np.float32(np.log(10) / 20)), slope)

    def decibels(self, grids: Sequence[FloatArray], first: int, last: int) -> FloatArray:
        """Return G of some frames at the bands of the finest grid, dB ``[frames, bands]``."""
        return self._at_nodes(grids, first, last)[0]

    def adjoint(self, by_bin: FloatArray, gains: Gains, first: int) -> list[tuple[int, FloatArray]]:
        """Return dL/du of the part of each grid that some frames depend on.

        Parameters
        ----------
        by_bin : numpy.ndarray
            dL/dG of each bin in dB, ``[frames, bins]``.
        gains : Gains
            Of the same frames.
        first : int
            The first frame.

        Returns
        -------
        list of (int, numpy.ndarray)
            For each grid its first time, and ``[times, bands]`` from there on, to be added.
        """
        at_nodes = by_bin if self._to_bins is None else self._to_bins.columns_adjoint(by_bin)
        at_nodes = at_nodes * gains.slope
        last = first + len(at_nodes)
        found = []
        for number, to_nodes in enumerate(self._to_nodes):
            at_bands = at_nodes if to_nodes is None else to_nodes.columns_adjoint(at_nodes)
            found.append(self._along(number, first, last).rows_adjoint(at_bands))
        return found

    def _at_nodes(
        self, grids: Sequence[FloatArray], first: int, last: int
    ) -> tuple[FloatArray, FloatArray]:
        parts = []
        for number, (grid, to_nodes) in enumerate(zip(grids, self._to_nodes, strict=True)):
            part = self._along(number, first, last).of_rows(grid)
            parts.append(part if to_nodes is None else to_nodes.of_columns(part))
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        bounded = np.tanh(total / self._depth_db)
        slope = 1 - bounded * bounded
        db = self._depth_db * bounded
        if self._depth_curve is not None:
            factor = self._depth_curve(first, last)[:, None]
            db, slope = db * factor, slope * factor
        return db, slope

    def _along(self, number: int, first: int, last: int) -> Interpolation:
        """Return the way from the times of a grid to some frames."""
        key = number, first, last
        if key not in self._ways:
            at = self._stft.middles(first, last) / self._sample_rate_hz / self._seconds[number]
            times = np.arange(self.shapes[number][0], dtype=np.float64)
            self._ways[key] = Interpolation.of(at, times)
        return self._ways[key]


def _folded(hz: npt.NDArray[np.float64], top_hz: float) -> npt.NDArray[np.float64]:
    """Return each frequency, or the one as many octaves below it as bring it under the top."""
    octaves = np.ceil(np.log2(np.maximum(hz, top_hz) / top_hz))
    folded: npt.NDArray[np.float64] = hz / 2.0**octaves
    return folded


def _mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    mel: npt.NDArray[np.float64] = 1127 * np.log1p(hz / 700)
    return mel
