"""Sounds with metadata, and renders of them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import soundfile

from dreamsound_studio.audio.metadata import Carried, carried, read_metadata
from dreamsound_studio.audio.tags.facts import RenderFacts
from dreamsound_studio.audio.writer import write_blocks

RATE, LENGTH = 48_000, 4801
VALUES = np.random.default_rng(3).uniform(-0.5, 0.5, (1, LENGTH)).astype(np.float32)
#: An iXML document.
BODY = "<BWFXML><SCENE>Köln</SCENE><MINE a='1'><X/><!-- why --></MINE></BWFXML>"


def facts(**more: Any) -> RenderFacts:
    named: dict[str, Any] = {
        "note": '{"render":"dream"}',
        "length": LENGTH,
        "source": "rain.wav",
        "sample_rate_hz": RATE,
        "channels": 2,
    }
    return RenderFacts(**(named | more))


def written(path: Path, metadata: Carried | None = None, **more: Any) -> Path:
    file_format: Any = path.suffix[1:]
    write_blocks(
        path,
        [VALUES],
        length=LENGTH,
        channels=1,
        sample_rate_hz=RATE,
        file_format=file_format,
        bits="24",
        metadata=metadata,
        **more,
    )
    return path


def carry(source: Path, target: Path, **more: Any) -> list[str]:
    """Write a render of a source; return what is left behind."""
    file_format: Any = target.suffix[1:]
    made = carried(read_metadata(source), facts(**more), file_format)
    written(target, made)
    assert soundfile.info(target).frames == LENGTH or file_format == "mp3"
    return made.left


def ffmpeg_says(path: Path) -> str:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", check=False
    ).stderr
