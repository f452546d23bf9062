"""Reading a sound for a command: what is not well with it is said."""

from __future__ import annotations

import os
import warnings

from dreamsound_studio.api import read_source
from dreamsound_studio.audio.clip import AudioFileWarning, Clip
from dreamsound_studio.cli.shared.progress import say


def read_telling(
    path: str | os.PathLike[str], span: str | None = None, told: list[str] | None = None
) -> Clip:
    """Read a sound; say what is not well with it, and add that to `told`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AudioFileWarning)
        clip = read_source(path, span)
    for warning in caught:
        say(f"dreamsound: {warning.message}")
        if told is not None:
            told.append(str(warning.message))
    return clip
