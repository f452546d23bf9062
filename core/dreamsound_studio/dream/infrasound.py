"""What lies below 20 Hz in a sound: an offset, wind, rumble. It is set aside while the rest dreams.

No listener hears it, and yet it would count in every level: an offset of 0.1 under a soft sound
makes its steps, its envelope and its pauses those of a loud one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import BLOCK_SAMPLES, Samples

#: Where hearing begins, Hz.
LOWEST_HZ = 20.0
#: Order of the low-pass, which runs forward and back: half of the level stays at `LOWEST_HZ`.
ORDER = 2
#: Share of a sound's power below which its infrasound is left where it is: -20 dB.
LEAST_SHARE = 1e-2
#: Length of the frames whose means show whether there is any, seconds; and how many are averaged.
FRAME_SECONDS, FRAMES = 0.005, 5
#: How far the sound is continued at its ends, seconds.
EDGE_SECONDS = 0.2


@dataclass(frozen=True)
class Parted:
    """A sound in two parts, whose sum it is.

    Attributes
    ----------
    heard : Clip
        What lies above 20 Hz, with its surroundings.
    below : Samples or None
        The rest, ``[channels, length]``; None where it is too little to matter, and still there.
    """

    heard: Clip
    below: Samples | None

    @classmethod
    def of(cls, clip: Clip) -> Parted:
        """Part a sound.

        Parameters
        ----------
        clip : Clip
            The sound; it stays as it is.
        """
        if not has_infrasound(clip):
            return cls(clip, None)
        lead, length = clip.before.shape[1], clip.samples.length
        low = _low_passed(clip)
        below, heard = Samples(clip.channels, length), Samples(clip.channels, length)
        for start, block in clip.samples.blocks():
            part = low.read(lead + start, lead + start + block.shape[1])
            below.write(start, part)
            heard.write(start, block - part)
        before = clip.before - low.read(0, lead)
        after = clip.after - low.read(lead + length, low.length)
        low.close()
        return cls(replace(clip, samples=heard, before=before, after=after), below)

    def whole(self, sound: Samples) -> Samples:
        """Return a dream of the part that is heard with the other part under it.

        Parameters
        ----------
        sound : Samples
            ``[channels, length]``; it stays as it is, and is returned where there is no other part.
        """
        if self.below is None:
            return sound
        both = Samples(sound.channels, sound.length)
        for start, block in sound.blocks():
            both.write(start, block + self.below.read(start, start + block.shape[1]))
        return both


def has_infrasound(clip: Clip) -> bool:
    """Return whether what lies below 20 Hz is enough to matter in a sound's level.

    A sound that is shorter than a period of 20 Hz has none.
    """
    if clip.seconds < 1 / LOWEST_HZ:
        return False
    frame = max(1, round(FRAME_SECONDS * clip.sample_rate_hz))
    means, energy = [], 0.0
    for _, block in clip.samples.blocks(frame * (BLOCK_SAMPLES // frame)):
        energy += float(np.sum(np.square(block, dtype=np.float64)))
        count = -(-block.shape[1] // frame)
        padded = np.zeros((clip.channels, count * frame), np.float32)  # in one order in memory
        padded[:, : block.shape[1]] = block
        means.append(padded.reshape(clip.channels, count, frame).mean(axis=2, dtype=np.float64))
    rows = np.concatenate(means, axis=1)
    window = np.ones(min(FRAMES, rows.shape[1])) / min(FRAMES, rows.shape[1])
    slow = np.stack([np.convolve(row, window, "same") for row in rows])
    total = energy / (clip.channels * max(clip.samples.length, 1))
    return float(np.mean(np.square(slow))) > LEAST_SHARE * total


def _low_passed(clip: Clip) -> Samples:
    """Return a clip with its surroundings below 20 Hz, without delay."""
    whole = Samples(clip.channels, clip.before.shape[1] + clip.samples.length + clip.after.shape[1])
    lead = clip.before.shape[1]
    whole.write(0, clip.before)
    for start, block in clip.samples.blocks():
        whole.write(lead + start, block)
    whole.write(lead + clip.samples.length, clip.after)
    low_pass(whole, clip.sample_rate_hz)
    return whole


def low_pass(sound: Samples, sample_rate_hz: int) -> None:
    """Leave of a sound, in place, what lies below 20 Hz.

    A filter runs forward and back over the sound, which is continued at both ends by its mirror
    image.
    """
    from scipy.signal import butter, sosfilt, sosfilt_zi

    sections = butter(ORDER, LOWEST_HZ, fs=sample_rate_hz, output="sos")
    at_rest = sosfilt_zi(sections)[:, None, :]
    reach = min(round(EDGE_SECONDS * sample_rate_hz), sound.length)
    # In one order in memory, on which sums depend.
    head = sound.read(0, reach)[:, ::-1].astype(np.float64, order="C")
    tail = sound.read(sound.length - reach, sound.length)[:, ::-1].astype(np.float64, order="C")
    state = at_rest * head.mean(axis=1)[None, :, None]
    _, state = sosfilt(sections, head, zi=state)
    for start, block in sound.blocks():
        filtered, state = sosfilt(sections, block.astype(np.float64), zi=state)
        sound.write(start, filtered.astype(np.float32))
    tail, _ = sosfilt(sections, tail, zi=state)
    state = at_rest * tail[None, :, -1:]
    _, state = sosfilt(sections, tail[:, ::-1], zi=state)
    for start in reversed(range(0, sound.length, BLOCK_SAMPLES)):
        block = sound.read(start, min(start + BLOCK_SAMPLES, sound.length))[:, ::-1]
        filtered, state = sosfilt(sections, block.astype(np.float64), zi=state)
        sound.write(start, filtered[:, ::-1].astype(np.float32))
