"""Hand-made dreams, and what their files hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.audio.formats import FORMAT_BITS, Bits
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.dream.records import RawDream, StepEvent
from dreamsound_studio.recipe.morph import Targets
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RenderOptions

Floats = npt.NDArray[np.float32]
RATE = 16_000
CONTAINERS = [(name, bits) for name, able in FORMAT_BITS.items() for bits in able]
WITHOUT_FILTER = ("dream", "gradient", "difference")


def noise(channels: int = 1, length: int = 2 * RATE, level: float = 0.1, seed: int = 0) -> Floats:
    values = np.random.default_rng(seed).standard_normal((channels, length))
    return (level * values).astype(np.float32)


def tone(hz: float, level: float, length: int = 2 * RATE, phase: float = 0.0) -> Floats:
    return np.float32([level * np.sin(2 * np.pi * hz * np.arange(length) / RATE + phase)])


def source_clip(folder: Path, values: Floats, bits: Bits = "24") -> Clip:
    path = folder / "song.wav"
    write_blocks(
        path,
        [values],
        length=values.shape[1],
        channels=values.shape[0],
        sample_rate_hz=RATE,
        file_format="wav",
        bits=bits,
    )
    return read_clip(path)


def dreamed(clip: Clip, sound: Floats, gradient: Floats | None = None, **fields: Any) -> RawDream:
    event = StepEvent(1, 1.0, 35, "Whistling", 0.5, 0.1)
    if gradient is None:
        gradient = noise(1, clip.samples.length, 1.0, seed=9)
    return RawDream(
        source=clip,
        recipe=Plan.of(Recipe.make(**fields)),
        samples=Samples.of(sound),
        entering=clip.samples,
        gradient=Samples.of(gradient),
        targets=Targets(),
        scale=0.5,
        model_name="yamnet",
        weights_sha256="0" * 64,
        band_top_hz=7500.0,
        steps=[event],
        initial=event,
        final=event,
        kept={},
        warnings=[],
    )


def options(*names: str, **fields: object) -> RenderOptions:
    return RenderOptions.make(renders=names or WITHOUT_FILTER, **fields)


def stored(path: Path) -> npt.NDArray[np.float64]:
    """The file's values as libsndfile sees them; whole numbers are exact."""
    return np.atleast_2d(soundfile.read(path, dtype="float64", always_2d=True)[0].T)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def rms_db(values: npt.NDArray[Any]) -> float:
    return float(10 * np.log10(np.mean(np.square(values, dtype=np.float64))))
