"""The method `sculpt`: a dream as a filter that is learned.

    y = S^-1( sum_l X_l . 10^(G_l / 20) )

X_1 is the source, the others a bed under it that can sound where the source has nothing. G_l is a
sum of coarse grids of gains (`dsp.gain_grid`), learned by Adam (`dream.ascent`) with the gradients
of changed listenings (`dream.listening`). The paper filters by one gradient at a time; here the
filter is what many gradients agree on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce

import numpy as np

from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples
from dreamsound_studio.control import between_blocks
from dreamsound_studio.dream.ascent import Grids, Learned
from dreamsound_studio.dream.bounded_cache import BoundedCache
from dreamsound_studio.dream.slope import Slope
from dreamsound_studio.dsp.gain_grid import GainGrids, Gains
from dreamsound_studio.dsp.stft import ComplexArray, Stft, frame_blocks, overlap_add, unit_magnitude
from dreamsound_studio.dsp.threads import in_threads

#: Spectra of the layers, and gains, are kept up to these sizes.
KEPT_SPECTRA_BYTES, KEPT_GAINS_BYTES = 128 * 2**20, 64 * 2**20
#: Most gain of the level's restoring, 40 dB.
MOST_RESTORE = 100.0


@dataclass
class Sculptor:
    """A learned filter at work on one source.

    Attributes
    ----------
    layers : list of Samples
        The source ``[channels, length]``, and the sounds of the bed, of the same shape or of one
        channel for all.
    gain_grids : GainGrids
        From the grids to gains.
    stft : Stft
        S.
    groups : int
        1 if all channels have the same gains, or the number of channels.
    band : numpy.ndarray or None
        Share of each bin that is sculpted, 0..1, from the lowest on ``[bins]``; the rest is the
        source's, and so are the bins above. None is all. As many bins have gains.
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
    _spectra_kept: BoundedCache[ComplexArray] = field(init=False, repr=False)
    _gains_kept: BoundedCache[Gains] = field(init=False, repr=False)
    #: Whose gains are kept.
    _grids_kept: Grids | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Keep nothing yet."""
        self._spectra_kept = BoundedCache(KEPT_SPECTRA_BYTES, lambda spectra: spectra.nbytes)
        self._gains_kept = BoundedCache(KEPT_GAINS_BYTES, lambda gains: gains.nbytes)

    def nothing(self) -> Learned:
        """Return the state before the first step."""
        return Learned.nothing(self.gain_grids.shapes, self.groups, len(self.layers))

    def write(self, grids: Grids, into: Samples) -> float:
        """Write y to `into` and return the factor that restored the level.

        The gains are kept for :meth:`slopes`: the grids must not change in between.
        """
        self._gains_kept.clear()
        self._grids_kept = grids
        made = 0.0
        for start, block in self._blocks(grids, range(len(self.layers))):
            into.write(start, block)
            if self.energy:
                inside = block[:, max(-start, 0) : max(into.length - start, 0)]
                made += float(np.sum(np.square(inside)))
        scale = 1.0
        if self.energy:
            scale = min(math.sqrt(self.energy / made), MOST_RESTORE) if made > 0 else 1.0
        if scale != 1 or self.outside is not None:
            restored = partial(self._restore, into, scale)
            for _ in in_threads(restored, range(0, into.length, BLOCK_SAMPLES)):
                between_blocks()
        return scale

    def _restore(self, into: Samples, scale: float, start: int) -> None:
        """Restore the level of a block, and what lies outside."""
        stop = min(start + BLOCK_SAMPLES, into.length)
        block = into.read(start, stop) * self._restoring(scale, start, stop)
        if self.outside is not None:
            block += self.outside.read(start, stop)
        into.write(start, block)

    def _restoring(self, scale: float, start: int, stop: int) -> FloatArray | np.float32:
        share = None if self.share_of_depth is None else self.share_of_depth(start, stop)
        return np.float32(scale) if share is None else np.float32(scale) ** share

    def write_share(self, grids: Grids, layer: int, into: Samples) -> None:
        """Write one layer's share of y to `into`, at the level of before the restoring."""
        for start, block in self._blocks([grid[:, [layer]] for grid in grids], [layer]):
            into.write(start, block)

    def write_filter(self, grids: Grids, into: Samples) -> None:
        """Write the source's filter made audible, ``S^-1(10^(G_1 / 20) . phase of X_1)``."""
        for start, block in self._blocks([grid[:, [0]] for grid in grids], [0], self._phase):
            into.write(start, block)

    def _phase(self, spectra: ComplexArray) -> ComplexArray:
        """Return the phase of spectra, within the band."""
        phase = unit_magnitude(spectra)
        if self.band is not None:
            phase *= self.band
        return phase

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
        for pieces in in_threads(self._slopes_of(grids, gradient), self._frame_blocks()):
            between_blocks()
            for grid, (begin, piece) in zip(slopes, pieces, strict=True):
                grid[:, :, begin : begin + piece.shape[2]] += piece
        return slopes

    def _slopes_of(
        self, grids: Grids, gradient: Slope
    ) -> Callable[[tuple[int, int]], list[tuple[int, FloatArray]]]:
        gains_of = self._gains_of(grids)
        per_db = np.float32(math.log(10) / 20)

        def of(frames: tuple[int, int]) -> list[tuple[int, FloatArray]]:
            segment = gradient.read(*self.stft.sample_range(*frames))
            back = self.stft.inverse_adjoint(segment, self._bins)
            # Re(conj(X) . B) as Re(X . conj(B)): B is conjugated once for all layers.
            np.conjugate(back, out=back)
            mixed = back
            if self.groups == 1:
                # What a layer of one channel meets: the sum over all channels of y.
                mixed = back.sum(axis=0, keepdims=True)
                mixed *= np.float32(self.layers[0].channels / len(back))
            gains = gains_of(*frames)
            by_bin = np.empty_like(gains.linear)
            for layer in range(len(self.layers)):
                spectra = self._spectra(layer, *frames)
                product = (spectra * (mixed if len(spectra) == 1 else back)).real
                by_bin[:, layer] = product if self.groups > 1 else reduce(np.add, product)
            by_bin *= gains.linear
            pieces = self.gain_grids.adjoint(by_bin, gains, frames[0])
            return [(begin, piece * per_db) for begin, piece in pieces]

        return of

    def _blocks(
        self,
        grids: Grids,
        layers: Sequence[int],
        change: Callable[[ComplexArray], ComplexArray] | None = None,
    ) -> Iterator[tuple[int, FloatArray]]:
        """Yield blocks of the sum of some layers, by the grids of these."""
        gains_of = self._gains_of(grids)

        def shaped(layer: int, factors: FloatArray, frames: tuple[int, int]) -> ComplexArray:
            spectra = self._spectra(layer, *frames)
            if change is not None:
                spectra = change(spectra)
            made: ComplexArray = spectra * factors
            return made

        def summed(frames: tuple[int, int]) -> FloatArray:
            gains = gains_of(*frames).linear
            total = shaped(layers[0], gains[:, 0], frames)
            for place, layer in enumerate(layers[1:], start=1):
                total += shaped(layer, gains[:, place], frames)
            return self.stft.inverse(total)

        frames = self.stft.frame_count(self.layers[0].length)
        for start, block in overlap_add(
            self.stft, in_threads(summed, self._frame_blocks()), frames
        ):
            between_blocks()
            yield start, block

    def _gains_of(self, grids: Grids) -> Callable[[int, int], Gains]:
        """Return what gives the gains of some frames, ``[groups, layers, frames, bins]``."""
        keeps = self._grids_kept is grids

        def of(first: int, last: int) -> Gains:
            def made() -> Gains:
                return self.gain_grids.gains(grids, first, last)

            return self._gains_kept.get(first, made) if keeps else made()

        return of

    def _spectra(self, layer: int, first: int, last: int) -> ComplexArray:
        """Return a layer's spectra within the band, ``[channels, frames, bins]``.

        They are not to be changed.
        """

        def made() -> ComplexArray:
            segment = self.layers[layer].read(*self.stft.sample_range(first, last))
            spectra = self.stft.forward(segment, self._bins)
            if self.band is not None:
                spectra *= self.band
            return spectra

        return self._spectra_kept.get((layer, first), made)

    @property
    def _bins(self) -> int:
        return self.stft.bins if self.band is None else len(self.band)

    def _frame_blocks(self) -> Iterator[tuple[int, int]]:
        return frame_blocks(self.stft.frame_count(self.layers[0].length))
