"""The method `sculpt`: a dream as a filter that is learned.

    y = S^-1( sum_l X_l . 10^(G_l / 20) )

X_1 is the source, the others a bed under it that can sound where the source has nothing. G_l is a
sum of coarse grids of gains (`dsp.gain_grid`), learned by Adam [1]_ with the gradients of changed
listenings (`dream.listening`). The paper filters by one gradient at a time; here the filter is what
many gradients agree on.

References
----------
.. [1] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from dreamsound_studio.audio.channels import energy_of
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.slope import Slope
from dreamsound_studio.dsp.gain_grid import GainGrids, Gains
from dreamsound_studio.dsp.stft import ComplexArray, Stft, frame_blocks, overlap_add, unit_magnitude
from dreamsound_studio.dsp.threads import in_threads

#: Decay of Adam's first and second moment, as in [1]_.
DECAY_1, DECAY_2 = 0.9, 0.999
#: Added to the root of the second moment; slopes have unit RMS.
EPSILON = 1e-3
#: Decay of the average of the grids, which is what is heard in the end.
DECAY_MEAN = 0.95
#: Spectra of the layers are kept up to this size.
KEPT_BYTES = 128 * 2**20
#: Most gain of the level's restoring, 40 dB.
MOST_RESTORE = 100.0

#: Of each grid, ``[groups, layers, times, bands]``.
Grids = list[FloatArray]
#: From a group, a layer, the first frame and one past the last to their gains.
GainsOf = Callable[[int, int, int, int], Gains]


@dataclass
class Learned:
    """What has been learned so far.

    Attributes
    ----------
    grids : list of numpy.ndarray
        u, dB: of each grid ``[groups, layers, times, bands]``. All channels are one group, or each
        is its own.
    first, second : list of numpy.ndarray
        Adam's moments of each grid.
    mean : list of numpy.ndarray
        Average of the grids, recent ones first, not yet corrected for its start.
    steps : int
        Steps done.
    """

    grids: Grids
    first: Grids
    second: Grids
    mean: Grids
    steps: int = 0

    @classmethod
    def nothing(cls, shapes: Sequence[tuple[int, int]], groups: int, layers: int) -> Learned:
        """Return the state before the first step: G is 0 everywhere."""

        def zeros() -> Grids:
            return [np.zeros((groups, layers, *shape), np.float32) for shape in shapes]

        return cls(zeros(), zeros(), zeros(), zeros())

    @property
    def average(self) -> Grids:
        """The averaged grids."""
        if not self.steps:
            return self.grids
        share = np.float32(1 / (1 - DECAY_MEAN**self.steps))
        return [mean * share for mean in self.mean]

    def ascend(self, slopes: Grids, rate_db: float, pull: float) -> None:
        """Take a step of Adam.

        Parameters
        ----------
        slopes : list of numpy.ndarray
            dL/du, brought to unit RMS over all grids of a group here.
        rate_db : float
            Size of a step, dB.
        pull : float
            Pull of u towards 0: subtracted from the slope for each dB of u.
        """
        self.steps += 1
        count = sum(slope.size for slope in slopes)
        squares = sum(float(np.vdot(slope, slope)) for slope in slopes)
        scale = np.float32(math.sqrt(count / squares)) if squares > 0 else np.float32(0)
        for n, slope in enumerate(slopes):
            slope = slope * scale - np.float32(pull) * self.grids[n]
            self.first[n] += np.float32(1 - DECAY_1) * (slope - self.first[n])
            self.second[n] += np.float32(1 - DECAY_2) * (slope * slope - self.second[n])
            first = self.first[n] / np.float32(1 - DECAY_1**self.steps)
            second = self.second[n] / np.float32(1 - DECAY_2**self.steps)
            self.grids[n] += np.float32(rate_db) * first / (np.sqrt(second) + np.float32(EPSILON))
            self.mean[n] += np.float32(1 - DECAY_MEAN) * (self.grids[n] - self.mean[n])


@dataclass
class _KeptGains:
    """Gains by the grids that they are of, by group, layer and first frame."""

    grids: Grids
    gains: dict[tuple[int, int, int], Gains] = field(default_factory=dict)


@dataclass
class Sculptor:
    """A learned filter at work on one source.

    Attributes
    ----------
    layers : list of Samples
        The source, and the sounds of the bed, ``[channels, length]`` each.
    gain_grids : GainGrids
        From the grids to gains.
    stft : Stft
        S.
    groups : int
        1 if all channels have the same gains, or the number of channels.
    band : numpy.ndarray or None
        Share of each bin that is sculpted, 0..1 ``[bins]``; the rest is the source's. None is all.
    outside : Samples or None
        The rest of the source, where `band` is below 1.
    energy : float
        Of the sculpted part of the source, to which that of the dream is brought; 0 for none.
    share_of_depth : callable or None
        Called with a range of samples; returns the share of the depth that G has there, 0 or more
        ``[samples]``, by which the restoring gain in dB is scaled too. None is 1.
    """

    layers: list[Samples]
    gain_grids: GainGrids
    stft: Stft
    groups: int
    band: FloatArray | None = None
    outside: Samples | None = None
    energy: float = 0.0
    share_of_depth: Callable[[int, int], FloatArray | None] | None = None
    _spectra_kept: dict[tuple[int, int], ComplexArray] = field(default_factory=dict, repr=False)
    _gains_kept: _KeptGains = field(default_factory=lambda: _KeptGains([]), repr=False)

    def nothing(self) -> Learned:
        """Return the state before the first step."""
        return Learned.nothing(self.gain_grids.shapes, self.groups, len(self.layers))

    def write(self, grids: Grids, into: Samples) -> float:
        """Write y to `into` and return the factor that restored the level."""
        for start, block in self._blocks(grids, range(len(self.layers))):
            into.write(start, block)
        scale = 1.0
        if self.energy:
            made = energy_of(into)
            scale = min(math.sqrt(self.energy / made), MOST_RESTORE) if made > 0 else 1.0
        if scale != 1 or self.outside is not None:
            for start, block in into.blocks():
                block = block * self._restoring(scale, start, start + block.shape[1])
                if self.outside is not None:
                    block = block + self.outside.read(start, start + block.shape[1])
                into.write(start, block)
        return scale

    def _restoring(self, scale: float, start: int, stop: int) -> FloatArray | np.float32:
        share = None if self.share_of_depth is None else self.share_of_depth(start, stop)
        return np.float32(scale) if share is None else np.float32(scale) ** share

    def write_share(self, grids: Grids, layer: int, into: Samples) -> None:
        """Write one layer's share of y to `into`, at the level of before the restoring."""
        for start, block in self._blocks(grids, [layer]):
            into.write(start, block)

    def write_filter(self, grids: Grids, into: Samples) -> None:
        """Write the source's filter made audible, ``S^-1(10^(G_1 / 20) . phase of X_1)``."""
        for start, block in self._blocks(grids, [0], unit_magnitude):
            into.write(start, block)

    def slopes(self, grids: Grids, gradient: Slope) -> Grids:
        """Return dL/du of each grid.

        Parameters
        ----------
        grids : list of numpy.ndarray
            u.
        gradient : Slope
            dL/dy; a factor of all of it plays no part in the ascent.

        Notes
        -----
        ``dL/dG_l(t, k) = ln(10)/20 . 10^(G_l/20) . Re(conj(X_l) . (S^-1)^T dL/dy)``, summed over
        the channels of a group; then the adjoints of tanh and of the interpolations. For linked
        channels, dL/dy is that of the mono mix and the same for each channel.
        """
        slopes = [np.zeros_like(grid) for grid in grids]
        for parts in in_threads(self._slopes_of(grids, gradient), self._frame_blocks()):
            for (group, layer), pieces in parts.items():
                for grid, (begin, piece) in zip(slopes, pieces, strict=True):
                    grid[group, layer, begin : begin + len(piece)] += piece
        for grid in slopes:
            grid *= np.float32(math.log(10) / 20)
        return slopes

    def _slopes_of(
        self, grids: Grids, gradient: Slope
    ) -> Callable[[tuple[int, int]], dict[tuple[int, int], list[tuple[int, FloatArray]]]]:
        kept = self._gains_of(grids)

        def of(frames: tuple[int, int]) -> dict[tuple[int, int], list[tuple[int, FloatArray]]]:
            back = self.stft.inverse_adjoint(gradient.read(*self.stft.sample_range(*frames)))
            if self.band is not None:
                back *= self.band
            # Re(conj(X) . B) as Re(X . conj(B)): B is conjugated once for all layers.
            np.conjugate(back, out=back)
            found = {}
            for layer in range(len(self.layers)):
                spectra = self._spectra(layer, *frames)
                for group in range(self.groups):
                    mine = spectra if self.groups == 1 else spectra[group : group + 1]
                    own = back if 1 in (gradient.channels, self.groups) else back[[group]]
                    gains = kept(group, layer, *frames)
                    product = (mine * own).real
                    by_bin = product[0] if len(product) == 1 else product.sum(axis=0)
                    by_bin = by_bin * gains.linear
                    found[group, layer] = self.gain_grids.adjoint(by_bin, gains, frames[0])
            return found

        return of

    def _blocks(
        self,
        grids: Grids,
        layers: Sequence[int],
        change: Callable[[ComplexArray], ComplexArray] = lambda spectra: spectra,
    ) -> Iterator[tuple[int, FloatArray]]:
        kept = self._gains_of(grids)

        def made(frames: tuple[int, int]) -> FloatArray:
            shaped = [self._shaped(change, kept, layer, *frames) for layer in layers]
            total = shaped[0]
            for other in shaped[1:]:
                total += other
            if self.band is not None:
                total *= self.band
            return self.stft.inverse(total)

        frames = self.stft.frame_count(self.layers[0].length)
        return overlap_add(self.stft, in_threads(made, self._frame_blocks()), frames)

    def _shaped(
        self,
        change: Callable[[ComplexArray], ComplexArray],
        kept: GainsOf,
        layer: int,
        first: int,
        last: int,
    ) -> ComplexArray:
        """Return a layer's spectra with its gains, ``[channels, frames, bins]``."""
        gains = [kept(group, layer, first, last).linear for group in range(self.groups)]
        factors = gains[0][None] if len(gains) == 1 else np.stack(gains)
        return change(self._spectra(layer, first, last)) * factors

    def _gains_of(self, grids: Grids) -> GainsOf:
        """Return what gives the gains of some frames by these grids.

        A step writes the sound by the gains that the next one needs the slopes of: short sounds'
        are kept from the one to the other.
        """
        known = self._gains_kept
        same = len(known.grids) == len(grids) and all(map(np.array_equal, known.grids, grids))
        if not same:
            known = self._gains_kept = _KeptGains([grid.copy() for grid in grids])
        keeps = self._kept_bytes() <= KEPT_BYTES

        def of(group: int, layer: int, first: int, last: int) -> Gains:
            found = known.gains.get((group, layer, first))
            if found is None:
                found = self.gain_grids.gains([grid[group, layer] for grid in grids], first, last)
                if keeps:
                    known.gains[group, layer, first] = found
            return found

        return of

    def _kept_bytes(self) -> int:
        """Return the size of the spectra of all layers, which that of the gains is below."""
        sound = self.layers[0]
        frames = self.stft.frame_count(sound.length)
        return len(self.layers) * sound.channels * frames * self.stft.bins * 8

    def _spectra(self, layer: int, first: int, last: int) -> ComplexArray:
        """Return a layer's spectra ``[channels, frames, bins]``, which are not to be changed."""
        if (layer, first) in self._spectra_kept:
            return self._spectra_kept[layer, first]
        sound = self.layers[layer]
        spectra = self.stft.forward(sound.read(*self.stft.sample_range(first, last)))
        if self._kept_bytes() <= KEPT_BYTES:
            self._spectra_kept[layer, first] = spectra
        return spectra

    def _frame_blocks(self) -> Iterator[tuple[int, int]]:
        return frame_blocks(self.stft.frame_count(self.layers[0].length))
