"""Audio files made from items before dreaming: glued items, and targets that are excerpts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamsound_reaper.facts import Item
from dreamsound_reaper.media import Media
from dreamsound_reaper.spans import SWAPPED
from dreamsound_studio.audio.cut import Cut
from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples
from dreamsound_studio.audio.source import read_cut
from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.files import check_folder_writable, partial_beside, rename_free
from dreamsound_studio.recipe.naming import expand

#: Maximum length of a glued sound: one day.
LONGEST_S = 86_400.0


@dataclass(frozen=True)
class Glued:
    """Several items as one sound.

    Attributes
    ----------
    path : pathlib.Path
        The audio file.
    position_s, length_s : float
        Position in the project, and length.
    """

    path: Path
    position_s: float
    length_s: float


def write_target(path: Path, cut: Cut, out: Path, name: str) -> Path:
    """Write a cut of a file as an audio file; return its path."""
    clip = read_cut(path, cut)
    blocks = (block for _, block in clip.samples.blocks())
    return _write(out, f"{name}_target", blocks, clip.samples, clip.sample_rate_hz)


def write_glued(
    sounds: list[tuple[Item, Path, Cut, float]], media: Media, out: Path, name: str
) -> Glued:
    """Mix items as the project plays them into one audio file.

    Parameters
    ----------
    sounds : list of (Item, pathlib.Path, Cut, float)
        Each item, its file, the cut it plays, and its start in the cut, in seconds.
    media : Media
        Access to the files.
    out : pathlib.Path
        Output folder.
    name : str
        File name; numbered if it exists.

    Returns
    -------
    Glued
        Includes item and take volume, polarity and linear fades; uses the highest sample rate.

    Raises
    ------
    AudioFileError
        A file cannot be read, or the result cannot be written.
    """
    infos = [media.info(path) for _, path, _, _ in sounds]
    rate = max(info.sample_rate_hz for info in infos)
    begin_s = min(item.position_s for item, *_ in sounds)
    end_s = max(item.position_s + item.length_s for item, *_ in sounds)
    if end_s - begin_s > LONGEST_S:
        raise AudioFileError("the items to glue span more than a day. Select items closer together")
    clips = [read_cut(path, cut) for _, path, cut, _ in sounds]
    channels = max(clip.channels for clip in clips)
    mix = Samples(channels, max(round((end_s - begin_s) * rate), 1))
    for (item, _, _, offset_s), clip in zip(sounds, clips, strict=True):
        sound = clip.samples.array()
        if item.take is not None and item.take.channel_mode == SWAPPED and clip.channels == 2:
            sound = sound[::-1]
        if clip.sample_rate_hz != rate:
            import soxr

            sound = soxr.resample(np.ascontiguousarray(sound.T), clip.sample_rate_hz, rate, "VHQ").T
        # Before the start of the file there is silence.
        first = round(offset_s * rate)
        lead, sound = max(-first, 0), sound[:, max(first, 0) :]
        sound = sound[:, : max(round(item.length_s * rate) - lead, 0)]
        place = round((item.position_s - begin_s) * rate) + lead
        played = sound * _gain(item, lead, sound.shape[1], rate)
        if clip.channels < channels and clip.channels > 1:
            played = np.pad(played, [(0, channels - clip.channels), (0, 0)])
        for at in range(0, played.shape[1], BLOCK_SAMPLES):
            mix.add(place + at, played[:, at : at + BLOCK_SAMPLES])
        clip.samples.close()
    blocks = (block for _, block in mix.blocks())
    path = _write(out, f"{name}_glued", blocks, mix, rate)
    return Glued(path, begin_s, end_s - begin_s)


def _gain(item: Item, lead: int, length: int, rate: int) -> FloatArray:
    """Return an item's gain per sample: item volume, take volume, fades."""
    volume = 0.0 if item.is_muted else item.volume
    if item.take is not None:
        volume *= item.take.values.get("D_VOL", 1.0)
    at = (np.arange(length) + lead) / rate
    gain = np.full(length, volume)
    if item.fade_in_s > 0:
        gain *= np.clip(at / item.fade_in_s, 0, 1)
    if item.fade_out_s > 0:
        gain *= np.clip((item.length_s - at) / item.fade_out_s, 0, 1)
    return gain.astype(np.float32)


def _write(
    out: Path,
    name: str,
    blocks: Iterable[FloatArray] | Iterator[FloatArray],
    samples: Samples,
    rate: int,
) -> Path:
    """Write an audio file under an unused name, atomically."""
    check_folder_writable(out)
    stem = expand("{stem}", {"stem": name})
    path = out / f"{stem}.wav"
    partial = partial_beside(path)
    try:
        write_blocks(
            partial,
            blocks,
            length=samples.length,
            channels=samples.channels,
            sample_rate_hz=rate,
            file_format="wav",
            bits="32f",
            shown_as=path,
        )
        return rename_free(partial, path)
    except OSError as error:
        raise AudioFileError(f"cannot write to {out}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
        samples.close()
