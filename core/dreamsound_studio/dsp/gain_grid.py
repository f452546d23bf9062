"""Gains over time and frequency from coarse grids of numbers, with the adjoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
    """Linear interpolation at some points, and its adjoint, as sparse matrices.

    They have two weights a point and run in the thread that asks for them. A full matrix would cost
    several times as much, and the threads of its product, within those that work on blocks, many
    times more.

    Attributes
    ----------
    there : scipy.sparse.csr_array
        From the values to the points, ``[points, values]``.
    back : scipy.sparse.csr_array
        Its transpose.
    """

    there: Any
    back: Any

    @classmethod
    def of(cls, points: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> Interpolation:
        """Return the way from sorted `values` to `points`, held beyond the ends."""
        from scipy.sparse import csr_array  # takes half a second: only dreams should pay for it

        left = np.clip(np.searchsorted(values, points, "right") - 1, 0, len(values) - 2)
        share = np.clip((points - values[left]) / (values[left + 1] - values[left]), 0, 1)
        share = share.astype(np.float32)
        weights = np.stack([1 - share, share], axis=1).ravel()
        places = np.stack([left, left + 1], axis=1).ravel().astype(np.int32)
        starts = np.arange(0, len(weights) + 1, 2, dtype=np.int32)
        there = csr_array((weights, places, starts), (len(points), len(values)))
        return cls(there, there.T.tocsr())

    def at_points_of(self, values: FloatArray) -> FloatArray:
        """Return ``[points, ..]`` from ``[values, ..]``."""
        points: FloatArray = self.there @ values.reshape(len(values), -1)
        return points.reshape(-1, *values.shape[1:])

    def adjoint(self, at_points: FloatArray) -> FloatArray:
        """Return ``[values, ..]`` from ``[points, ..]``."""
        values: FloatArray = self.back @ at_points.reshape(len(at_points), -1)
        return values.reshape(-1, *at_points.shape[1:])


@dataclass
class Gains:
    """The gains of some frames, with what their adjoint needs.

    Attributes
    ----------
    linear : numpy.ndarray
        Factors of the spectra, ``[.., frames, bins]``.
    slope : numpy.ndarray
        dG/d(sum of the grids) at the nodes, ``[frames, sets of grids, nodes]``.
    """

    linear: FloatArray
    slope: FloatArray

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return self.linear.nbytes + self.slope.nbytes


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
    bins : int, optional
        How many bins get gains, from the lowest on; by default all.

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
        bins: int | None = None,
    ) -> None:
        self._stft = stft
        self._sample_rate_hz = sample_rate_hz
        self._depth_db = np.float32(depth_db)
        self._depth_curve = depth_curve
        self._seconds = [size.seconds for size in sizes]
        #: From the times of a grid to a block of frames: the first time, and the way from there on.
        self._ways: dict[tuple[int, int, int], tuple[int, Interpolation]] = {}
        hz = np.arange(stft.bins) * sample_rate_hz / stft.fft_size
        mel = _mel(hz)
        top_hz = min(top_hz, sample_rate_hz / 2)
        edges = [
            mel
            if size.bands is None
            else np.linspace(_mel(np.array(LOW_HZ)), _mel(np.array(top_hz)), size.bands)
            for size in sizes
        ]
        nodes = max(edges, key=len)
        #: From the bands of each grid to the nodes, and from these to the bins; None is the same.
        self._to_nodes = [
            Interpolation.of(nodes, bands) if bands is not nodes else None for bands in edges
        ]
        heard_as = mel if above == "hold" else _mel(_folded(hz, top_hz))
        same = nodes is mel and above == "hold" and bins in (None, stft.bins)
        self._to_bins = None if same else Interpolation.of(heard_as[:bins], nodes)
        end_s = stft.middles(0, stft.frame_count(length))[-1] / sample_rate_hz
        self.shapes = [
            (int(end_s / size.seconds) + 2, len(bands))
            for size, bands in zip(sizes, edges, strict=True)
        ]

    def zeros(self) -> list[FloatArray]:
        """Return grids of 0 dB."""
        return [np.zeros(shape, np.float32) for shape in self.shapes]

    def gains(self, grids: Sequence[FloatArray], first: int, last: int) -> Gains:
        """Return the gains of frames `first` to `last` (one past the end).

        Parameters
        ----------
        grids : sequence of numpy.ndarray
            u, dB, each ``[.., times, bands]``: any number of sets of grids, all at once.
        first, last : int
            The frames.
        """
        db, slope = self._at_nodes(grids, first, last)
        at_bins = _copy(db, 2, 1, 0)
        if self._to_bins is not None:
            at_bins = self._to_bins.at_points_of(at_bins)
        linear = _copy(at_bins, 1, 2, 0)
        linear *= np.float32(np.log(10) / 20)
        np.exp(linear, out=linear)
        return Gains(linear.reshape(*grids[0].shape[:-2], *linear.shape[1:]), slope)

    def decibels(self, grids: Sequence[FloatArray], first: int, last: int) -> FloatArray:
        """Return G of some frames at the bands of the finest grid, dB ``[.., frames, bands]``."""
        db = self._at_nodes(grids, first, last)[0].transpose(1, 0, 2)
        return db.reshape(*grids[0].shape[:-2], *db.shape[1:])

    def adjoint(self, by_bin: FloatArray, gains: Gains, first: int) -> list[tuple[int, FloatArray]]:
        """Return dL/du of the part of each grid that some frames depend on.

        Parameters
        ----------
        by_bin : numpy.ndarray
            dL/dG of each bin in dB, ``[.., frames, bins]``.
        gains : Gains
            Of the same frames.
        first : int
            The first frame.

        Returns
        -------
        list of (int, numpy.ndarray)
            For each grid its first time, and ``[.., times, bands]`` from there on, to be added.
        """
        at_nodes = _copy(by_bin.reshape(-1, *by_bin.shape[-2:]), 2, 0, 1)
        if self._to_bins is not None:
            at_nodes = self._to_bins.adjoint(at_nodes)
        at_nodes = _copy(at_nodes, 2, 1, 0)
        at_nodes *= gains.slope
        last = first + len(at_nodes)
        found = []
        for number, to_nodes in enumerate(self._to_nodes):
            begin, along = self._along(number, first, last)
            part = along.adjoint(at_nodes)
            if to_nodes is not None:
                part = _copy(to_nodes.adjoint(_copy(part, 2, 1, 0)), 2, 1, 0)
            part = part.transpose(1, 0, 2)
            found.append((begin, part.reshape(*by_bin.shape[:-2], *part.shape[1:])))
        return found

    def _at_nodes(
        self, grids: Sequence[FloatArray], first: int, last: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return G in dB, and its slope, at the nodes, ``[frames, sets of grids, nodes]``."""
        parts = []
        for number, (grid, to_nodes) in enumerate(zip(grids, self._to_nodes, strict=True)):
            begin, along = self._along(number, first, last)
            sets = grid.reshape(-1, *grid.shape[-2:])
            part = sets[:, begin : begin + along.there.shape[1]].transpose(1, 0, 2)
            if to_nodes is not None:
                # A grid has fewer times than the block has frames.
                part = _copy(to_nodes.at_points_of(_copy(part, 2, 1, 0)), 2, 1, 0)
            parts.append(along.at_points_of(part))
        total = parts[0]
        for part in parts[1:]:
            total += part
        total /= self._depth_db
        bounded = np.tanh(total, out=total)
        slope = 1 - bounded * bounded
        bounded *= self._depth_db
        if self._depth_curve is not None:
            factor = self._depth_curve(first, last)[:, None, None]
            bounded, slope = bounded * factor, slope * factor
        return bounded, slope

    def _along(self, number: int, first: int, last: int) -> tuple[int, Interpolation]:
        """Return the first of a grid's times that some frames lie between, and the way to them."""
        key = number, first, last
        if key not in self._ways:
            at = self._stft.middles(first, last) / self._sample_rate_hz / self._seconds[number]
            latest = self.shapes[number][0] - 2
            begin, end = (int(np.clip(time, 0, latest)) for time in (at[0], at[-1]))
            times = np.arange(begin, end + 2, dtype=np.float64)
            self._ways[key] = begin, Interpolation.of(at, times)
        return self._ways[key]


def _copy(values: FloatArray, *axes: int) -> FloatArray:
    """Return values with their axes in another order, in this order in memory too."""
    return np.ascontiguousarray(values.transpose(axes))


def _folded(hz: npt.NDArray[np.float64], top_hz: float) -> npt.NDArray[np.float64]:
    """Return each frequency, or the one as many octaves below it as bring it under the top."""
    octaves = np.ceil(np.log2(np.maximum(hz, top_hz) / top_hz))
    folded: npt.NDArray[np.float64] = hz / 2.0**octaves
    return folded


def _mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    mel: npt.NDArray[np.float64] = 1127 * np.log1p(hz / 700)
    return mel
