"""The short-time Fourier transform and its exact inverse, at once or streamed in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray, Samples

#: Spectra, complex64.
ComplexArray = npt.NDArray[np.complex64]
#: Takes spectra ``[channels, frames, bins]`` and their first frame; returns them changed.
SpectrumChange = Callable[[ComplexArray, int], ComplexArray]

#: Frames per block of a streamed transform: few enough for a core's cache.
BLOCK_FRAMES = 64


@dataclass(frozen=True)
class Stft:
    """STFT with a periodic Hann window, framed so that its inverse is the identity.

    Parameters
    ----------
    fft_size : int
        Frame length in samples, even.
    hop_samples : int
        Hop, at most half of `fft_size`.

    Notes
    -----
    Frame k starts at sample ``k * hop - lead``, with ``lead`` the largest multiple of the hop below
    the frame length, so each sample lies in a full set of frames, including those at the edges. The
    inverse windows each frame again and divides by the sum of the squared windows, periodic in the
    hop (weighted overlap-add [1]_): the least-squares inverse, and exact without a mask.

    References
    ----------
    .. [1] D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform",
       IEEE Trans. ASSP 32(2), 1984.
    """

    fft_size: int = 2048
    hop_samples: int = 512

    @cached_property
    def lead(self) -> int:
        """Samples by which the first frame precedes the sound."""
        return (self.fft_size - 1) // self.hop_samples * self.hop_samples

    @cached_property
    def frame_hops(self) -> int:
        """Hops per frame, rounded up."""
        return -(-self.fft_size // self.hop_samples)

    @property
    def bins(self) -> int:
        """Number of frequency bins."""
        return self.fft_size // 2 + 1

    @cached_property
    def window(self) -> FloatArray:
        """Periodic Hann window ``[fft_size]``."""
        phase = 2 * np.pi * np.arange(self.fft_size) / self.fft_size
        return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)

    @cached_property
    def synthesis_window(self) -> FloatArray:
        """Window of the inverse, ``window / sum of squared windows``."""
        squares = np.zeros(self.frame_hops * self.hop_samples)
        squares[: self.fft_size] = self.window.astype(np.float64) ** 2
        total = squares.reshape(self.frame_hops, self.hop_samples).sum(axis=0)
        return (self.window / np.tile(total, self.frame_hops)[: self.fft_size]).astype(np.float32)

    @cached_property
    def _adjoint_window(self) -> FloatArray:
        return self.synthesis_window * np.float32(2 / self.fft_size)

    def frame_count(self, length: int) -> int:
        """Return the number of frames of a sound of `length` samples."""
        return -(-(length + self.lead) // self.hop_samples)

    def sample_range(self, first: int, last: int) -> tuple[int, int]:
        """Return the range of samples of frames `first` to `last` (one past the end)."""
        hop = self.hop_samples
        return first * hop - self.lead, (last - 1 + self.frame_hops) * hop - self.lead

    def middles(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Return the middle samples of frames `first` to `last` (one past the end)."""
        starts = np.arange(first, last, dtype=np.float64) * self.hop_samples - self.lead
        return starts + self.fft_size / 2

    def forward(self, segment: FloatArray, bins: int | None = None) -> ComplexArray:
        """Return the spectra ``[channels, frames, bins]`` of the samples that the frames cover.

        Of the bins only the lowest, `bins` in number, if that is given.
        """
        import scipy.fft  # takes a second: only dreams should pay for it

        frames = np.lib.stride_tricks.sliding_window_view(segment, self.fft_size, axis=1)
        count = segment.shape[1] // self.hop_samples - self.frame_hops + 1
        windowed = frames[:, : count * self.hop_samples : self.hop_samples] * self.window
        return np.ascontiguousarray(scipy.fft.rfft(windowed, overwrite_x=True)[..., :bins])

    def inverse(self, spectra: ComplexArray) -> FloatArray:
        """Return samples ``[channels, (frames - 1 + hops) * hop]``, overlapped and added.

        The first and last ``lead`` samples lack the frames before and after: see
        :func:`overlap_add`. The spectra are overwritten; bins that they lack at the top are 0.
        """
        import scipy.fft

        hop, hops = self.hop_samples, self.frame_hops
        frames = scipy.fft.irfft(spectra, self.fft_size, overwrite_x=True)
        frames *= self.synthesis_window
        channels, count = spectra.shape[:2]
        total = np.zeros((channels, count - 1 + hops, hop), np.float32)
        for j in range(hops):
            piece = frames[:, :, j * hop : (j + 1) * hop]
            total[:, j : j + count, : piece.shape[2]] += piece
        return total.reshape(channels, -1)

    def inverse_adjoint(self, segment: FloatArray, bins: int | None = None) -> ComplexArray:
        """Return the adjoint of :meth:`inverse`, spectra ``[channels, frames, bins]``.

        Parameters
        ----------
        segment : numpy.ndarray
            ``[channels, (frames - 1 + hops) * hop]``, such as dL/dy of the samples that `inverse`
            returns.
        bins : int, optional
            How many bins to return, from the lowest on; by default all.

        Returns
        -------
        numpy.ndarray
            dL/d(real part) + j dL/d(imaginary part): for any spectra S,
            ``sum(inverse(S) . segment) = sum(Re(conj(S) . inverse_adjoint(segment)))``.

        Notes
        -----
        The Fourier transform of each frame under the synthesis window, over ``fft_size``; all bins
        but the first and last count twice, since a real signal's spectrum has each of them twice.
        """
        import scipy.fft

        frames = np.lib.stride_tricks.sliding_window_view(segment, self.fft_size, axis=1)
        count = segment.shape[1] // self.hop_samples - self.frame_hops + 1
        windowed = frames[:, : count * self.hop_samples : self.hop_samples] * self._adjoint_window
        spectra: ComplexArray = np.asarray(scipy.fft.rfft(windowed, overwrite_x=True))
        spectra[..., [0, -1]] /= 2
        return spectra[..., :bins]


def run_stft(
    stft: Stft,
    source: Samples,
    into: Samples,
    change: SpectrumChange,
    block_frames: int = BLOCK_FRAMES,
) -> None:
    """Write ``S^-1(change(S(source)))``.

    Parameters
    ----------
    stft : Stft
        S and its inverse.
    source : Samples
        ``[channels, length]``.
    into : Samples
        Same length as the source, with as many channels as `change` returns. It may be the source
        itself: a block is written only where no later block reads.
    change : callable
        Receives blocks in order: spectra ``[channels, frames, bins]``, which it may overwrite, and
        the index of the first frame. Its return value is overwritten.
    block_frames : int, optional
        Frames per block; memory grows with it.
    """
    for start, block in changed_blocks(stft, source, change, block_frames):
        into.write(start, block)


def changed_blocks(
    stft: Stft, source: Samples, change: SpectrumChange, block_frames: int = BLOCK_FRAMES
) -> Iterator[tuple[int, FloatArray]]:
    """Yield the blocks that :func:`run_stft` writes, as ``(start, block)``, in order, without gaps.

    The first block starts before the sound, and the last may end after it.
    """
    frames = stft.frame_count(source.length)
    return overlap_add(
        stft,
        (
            stft.inverse(change(stft.forward(source.read(*stft.sample_range(first, last))), first))
            for first, last in frame_blocks(frames, block_frames)
        ),
        frames,
    )


def frame_blocks(frames: int, block_frames: int = BLOCK_FRAMES) -> Iterator[tuple[int, int]]:
    """Yield the first frame, and one past the last, of each block of `frames` frames."""
    for first in range(0, frames, block_frames):
        yield first, min(first + block_frames, frames)


def overlap_add(
    stft: Stft, inverses: Iterable[FloatArray], frames: int
) -> Iterator[tuple[int, FloatArray]]:
    """Add up the ends of adjacent blocks of frames.

    Parameters
    ----------
    stft : Stft
        The transform.
    inverses : iterable of numpy.ndarray
        What :meth:`Stft.inverse` returns for each block, in order; overwritten.
    frames : int
        Frames of all blocks.

    Yields
    ------
    start : int
        First sample of the block; the first block starts before the sound.
    block : numpy.ndarray
        ``[channels, n]``, complete; the last one may end after the sound.
    """
    hop, overlap = stft.hop_samples, (stft.frame_hops - 1) * stft.hop_samples
    carried: FloatArray | None = None
    first = 0
    for out in inverses:
        if carried is not None:
            out[:, :overlap] += carried
        complete = out.shape[1] - overlap
        carried = out[:, complete:]
        start = first * hop - stft.lead
        first += complete // hop
        yield start, out[:, :complete] if first < frames else out


def air_bins(stft: Stft, sample_rate_hz: int, band_top_hz: float) -> npt.NDArray[np.float32]:
    """Return 1 for each bin above the model's band and 0 below, ``[bins]``."""
    frequencies = np.arange(stft.bins) * sample_rate_hz / stft.fft_size
    return (frequencies > band_top_hz).astype(np.float32)


def power_spectrum(spectra: ComplexArray) -> FloatArray:
    """Return ``|S|**2``."""
    power = np.square(spectra.real)
    power += np.square(spectra.imag)
    return power


def unit_magnitude(spectra: ComplexArray) -> ComplexArray:
    """Return the spectra with magnitude 1 and their own phase; 0 where the magnitude is 0."""
    size = np.abs(spectra)
    return np.divide(spectra, size, out=np.zeros_like(spectra), where=size > 0)
