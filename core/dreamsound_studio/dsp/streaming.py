"""Streamed spectral processing for sounds of any length."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dsp.stft import ComplexArray, Stft

#: Frames per block, as in the filter of :mod:`dream.filter`.
BLOCK_FRAMES = 64

#: Takes spectra ``[channels, frames, bins]`` and their first frame; returns them changed.
Change = Callable[[ComplexArray, int], ComplexArray]


def run_stft(
    stft: Stft, source: Samples, into: Samples, change: Change, block_frames: int = BLOCK_FRAMES
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
    stft: Stft, source: Samples, change: Change, block_frames: int = BLOCK_FRAMES
) -> Iterator[tuple[int, FloatArray]]:
    """Yield the blocks that :func:`run_stft` writes, as ``(start, block)``, in order, without gaps.

    The first block starts before the sound, and the last may end after it.
    """
    hop = stft.hop_samples
    overlap = (stft.frame_hops - 1) * hop
    frames = stft.frame_count(source.length)
    carried: FloatArray | None = None
    for first in range(0, frames, block_frames):
        last = min(first + block_frames, frames)
        start, stop = stft.sample_range(first, last)
        out = stft.inverse(change(stft.forward(source.read(start, stop)), first))
        if carried is not None:
            out[:, :overlap] += carried
        done = (last - first) * hop
        carried = out[:, done:]
        yield start, out[:, :done] if last < frames else out
