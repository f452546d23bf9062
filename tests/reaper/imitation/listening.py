"""What a take plays, worked out from the fields of a project alone."""

from __future__ import annotations

import numpy as np
import soundfile

from .model import Item, Source, Take


def played(item: Item, take: Take) -> tuple[np.ndarray, int]:
    """Return what an item plays by a take, ``[n, channels]``, and the rate.

    In the time of the source: a play rate of 2 gives twice as many samples as the item is long.
    Between two samples it is straight.
    """
    sound, rate = _sound(take.source)
    n = take.numbers
    count = int(item.numbers["D_LENGTH"] * n["D_PLAYRATE"] * rate + 1e-6)
    at = n["D_STARTOFFS"] * rate + np.arange(count)
    if item.numbers["B_LOOPSRC"]:
        at = np.mod(at + 1e-6, len(sound)) - 1e-6
    whole = np.floor(at + 1e-6).astype(int)
    share = (at - whole)[:, None]
    padded = np.concatenate([sound, np.zeros((1, sound.shape[1]))])
    known = (whole >= 0) & (whole < len(sound))
    here = np.where(known[:, None], padded[np.clip(whole, 0, len(sound) - 1)], 0.0)
    after = np.where(known[:, None], padded[np.clip(whole + 1, 0, len(sound))], 0.0)
    return _channels(here * (1 - share) + after * share, int(n["I_CHANMODE"])), rate


def _sound(source: Source) -> tuple[np.ndarray, int]:
    if source.kind != "SECTION":
        return soundfile.read(source.file, always_2d=True)
    inner, rate = _sound(source.parent)
    if source.mode != 3:
        first = round(source.offset_s * rate)
        inner = inner[first : first + round(source.part_s * rate)]
    return (inner[::-1] if source.is_reversed else inner), rate


def _channels(sound: np.ndarray, mode: int) -> np.ndarray:
    if sound.shape[1] == 1 or mode == 0:
        return sound
    if mode == 1:
        return sound[:, ::-1]
    if mode == 2:
        return sound[:, :2].mean(axis=1, keepdims=True)
    return sound[:, [mode - 3]]  # left, right, and the third channel and on


def lag_of(first: np.ndarray, second: np.ndarray, most: int = 400) -> int:
    """Return by how many samples the second is later than the first: the peak of correlation."""
    length = min(len(first), len(second))
    one, other = (part[:length].mean(axis=1) for part in (first, second))
    scores = {}
    for lag in range(-most, most + 1):
        left = one[max(-lag, 0) : length - max(lag, 0)]
        right = other[max(lag, 0) : length - max(-lag, 0)]
        scores[lag] = float(np.dot(left, right))
    return max(scores, key=scores.get)
