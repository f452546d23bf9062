"""Read sound files, spans and cuts of them, with their surroundings."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dreamsound_studio.audio.clip import (
    AudioFileWarning,
    Clip,
    check_finite,
    check_shape,
    read_clip,
)
from dreamsound_studio.audio.cut import Cut, Piece
from dreamsound_studio.audio.decode import bits_of, open_sound
from dreamsound_studio.audio.intake.opened import OpenedSound
from dreamsound_studio.audio.riff import is_bw64
from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples
from dreamsound_studio.audio.span import parse_span, span_samples
from dreamsound_studio.audio.speakers import SpeakerLayout
from dreamsound_studio.audio.times import clock
from dreamsound_studio.errors import AudioFileError

#: A span that ends so much later than its file is reported; rounded times may do so.
CUT_SECONDS = 0.5
#: Context of a span: the longest patch (musicnn's) plus the resampler's reach.
CONTEXT_SECONDS = 3.2


def read_source(
    path: str | os.PathLike[str], span: str | None = None, cut: Cut | None = None
) -> Clip:
    """Read a sound file, or a span or cut of it with its surroundings.

    Parameters
    ----------
    path : path_like
        The file.
    span : str, optional
        As `audio.span.parse_span` takes it; of the cut where there is one.
    cut : Cut, optional
        Pieces of the file to read instead of the whole.

    Returns
    -------
    Clip

    Raises
    ------
    AudioFileError, RecipeError
        The file cannot be read, or the span is invalid.

    Warns
    -----
    AudioFileWarning
        The file ends before the span.
    """
    if cut is not None:
        return read_cut(path, cut, span)
    if span is None:
        return read_clip(path)
    start, end = parse_span(span)
    with open_sound(path) as sound:
        rate = sound.samplerate
    clip = read_clip(path, span_samples(start, end, rate), round(CONTEXT_SECONDS * rate))
    end_s = clip.start / rate + clip.seconds
    if end is not None and end > end_s + CUT_SECONDS:
        text = f"{path}: the span ends with the file, at {clock(end_s)}, not at {clock(end)}"
        warnings.warn(text, AudioFileWarning, stacklevel=2)
    return clip


def read_cut(
    path: str | os.PathLike[str],
    cut: Cut,
    span: str | None = None,
    samples: tuple[int, int] | None = None,
) -> Clip:
    """Read a cut of a sound file, or a span of it, with its surroundings.

    Parameters
    ----------
    path : path_like
        The file.
    cut : Cut
        The pieces to read.
    span : str, optional
        Part of the cut, as `audio.span.parse_span` takes it.
    samples : (int, int), optional
        First sample of the cut, and one past the last, instead of `span`.

    Returns
    -------
    Clip
        Its `start` counts from the beginning of the cut.

    Raises
    ------
    AudioFileError
        The file cannot be read, or the cut exceeds it.
    RecipeError
        The span is invalid.
    """
    with open_sound(path) as sound:
        total, rate = sound.frames, sound.samplerate
        check_shape(str(path), sound.channels, total, rate)
        _check_within(path, cut, total, sound.channels)
        if span is not None:
            start, stop = span_samples(*parse_span(span), rate)
        else:
            start, stop = samples or (0, cut.length)
        stop = min(stop, cut.length)
        if not 0 <= start < stop:
            raise AudioFileError(
                f"{path}: the span from {start / rate:.2f} s is empty; the cut is "
                f"{cut.length / rate:.2f} s long"
            )
        reach = round(CONTEXT_SECONDS * rate)
        pieces, lead = cut.widened(reach, total)
        whole = sum(piece.length for piece in pieces)
        edges = [max(lead + start - reach, 0), lead + start, lead + stop]
        edges.append(min(lead + stop + reach, whole))
        parts = [
            _read(sound, cut, pieces, first, last) for first, last in itertools.pairwise(edges)
        ]
        bits, speakers, warning = bits_of(sound), _speakers_of(cut, sound), sound.warning
    for part in parts:
        check_finite(str(path), part, rate)
    if warning:
        warnings.warn(f"{path}: {warning}", AudioFileWarning, stacklevel=2)
    before, heard, after = parts
    around = (before.array(), after.array())
    return Clip(heard, rate, Path(path), bits, start, *around, cut, speakers, is_bw64=is_bw64(path))


def _speakers_of(cut: Cut, sound: OpenedSound) -> SpeakerLayout:
    """Return the speakers of a cut: the file's, unless it takes some of the channels only."""
    takes_all = cut.channels is None or cut.channels == tuple(range(sound.channels))
    return sound.speakers if takes_all and not cut.is_mono else SpeakerLayout()


def _check_within(path: str | os.PathLike[str], cut: Cut, total: int, channels: int) -> None:
    last = max(piece.stop for piece in cut.pieces)
    if last > total:
        raise AudioFileError(
            f"{path}: the cut ends at sample {last}, but the file has {total} samples"
        )
    highest = max(cut.channels or (0,))
    if highest >= channels:
        raise AudioFileError(f"{path}: no channel {highest + 1}; the file has {channels}")


def _read(
    sound: OpenedSound, cut: Cut, pieces: tuple[Piece, ...], first: int, last: int
) -> Samples:
    """Read samples `first` to `last` of the pieces, counted from the start of the first piece."""
    wanted = list(cut.channels) if cut.channels is not None else list(range(sound.channels))
    out = Samples(1 if cut.is_mono else len(wanted), max(last - first, 0))
    at = 0
    for piece in pieces:
        once = piece.stop - piece.start
        time = max(first - at, 0) // once
        while time < piece.times and at + time * once < last:
            start = at + time * once
            begin, end = max(first - start, 0), min(last - start, once)
            place = start + begin - first
            for block in _blocks(sound, piece, begin, end):
                chosen = block[wanted]
                if cut.is_mono:
                    chosen = chosen.mean(axis=0, keepdims=True, dtype=np.float32)
                out.write(place, chosen)
                place += block.shape[1]
            time += 1
        at += piece.length
    return out


def _blocks(sound: OpenedSound, piece: Piece, begin: int, end: int) -> Iterator[FloatArray]:
    """Yield samples `begin` to `end` of a piece in playback order, ``[channels, n]`` per block."""
    for at in range(begin, end, BLOCK_SAMPLES):
        stop = min(at + BLOCK_SAMPLES, end)
        first = piece.stop - stop if piece.is_reversed else piece.start + at
        sound.seek(first)
        block = sound.read(stop - at, "float32", always_2d=True).T
        if block.shape[1] < stop - at:
            raise AudioFileError(
                f"{sound.name}: shorter than its header says (truncated?); cannot read sample "
                f"{first + block.shape[1]}"
            )
        yield block[:, ::-1] if piece.is_reversed else block
