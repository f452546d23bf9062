"""The sounds behind the defaults and the figures."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.models.store.local import MODELS_VARIABLE

#: Level of the noise under short speech. The synthetic voice is silent between its words, as no
#: recording is: toward a low layer, every step falls there.
FLOOR_DBFS = -60.0
SENTENCE = "The night train leaves at nine. Nobody on the platform heard it whistle."


def shared_audio() -> Path | None:
    """Return the folder of test recordings beside the test models, or None if it does not exist."""
    for part in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep):
        folder = Path(part).resolve().parent / "audio"
        if part and folder.is_dir():
            return folder
    return None


def test_sounds() -> dict[str, Clip]:
    """Return all sounds: recordings if found, speech if espeak-ng is installed, and noise."""
    sounds: dict[str, Clip] = {}
    folder = shared_audio()
    for name in ("whistle", "cat", "drums", "bouzouki"):
        if folder is not None and (folder / f"{name}.wav").is_file():
            sounds[name] = read_clip(folder / f"{name}.wav")
    speech = _speech()
    if speech is not None:
        sounds["speech"] = speech
    noise = np.random.default_rng(0).standard_normal((1, 4 * 48_000)).astype(np.float32)
    sounds["noise"] = Clip.from_array(0.1 * noise, 48_000)
    return sounds


def short_sounds(
    seconds: float, sample_rate_hz: int, floor_dbfs: float | None = FLOOR_DBFS
) -> dict[str, Clip]:
    """Return the first seconds of all sounds, mono at a rate, with noise under the speech."""
    sounds = {}
    for name, clip in test_sounds().items():
        count = min(clip.samples.length, round(seconds * clip.sample_rate_hz))
        mono = clip.samples.read(0, count).mean(axis=0)
        values = resample_poly(mono, sample_rate_hz, clip.sample_rate_hz).astype(np.float32)
        if name == "speech" and floor_dbfs is not None:
            noise = np.random.default_rng(0).standard_normal(values.size).astype(np.float32)
            values += np.float32(10 ** (floor_dbfs / 20)) * noise
        sounds[name] = Clip.from_array(values[None], sample_rate_hz)
    return sounds


def at_peak(clip: Clip, peak_dbfs: float) -> Clip:
    """Return the clip scaled to a peak level in dBFS."""
    values = clip.samples.array()
    gain = 10 ** (peak_dbfs / 20) / float(np.max(np.abs(values)))
    return Clip.from_array(values * np.float32(gain), clip.sample_rate_hz)


def _speech() -> Clip | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        try:
            subprocess.run(["espeak-ng", "-w", str(path), SENTENCE], check=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            return None
        return read_clip(path)
