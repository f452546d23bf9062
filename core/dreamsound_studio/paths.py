"""The user's folders: presets, the queue, the library, models and caches."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

#: The folders' name; the user's files stay where they are when a package is renamed.
NAME = "dreamsound"


def data_folder() -> Path:
    """Return the folder of what the user keeps: presets, the queue, the library, models."""
    import platformdirs

    return Path(platformdirs.user_data_dir(NAME, appauthor=False))


def runs_folder() -> Path:
    """Return the folder in which REAPER's scripts create a folder per run."""
    folder = data_folder() / "reaper" / "runs"
    return ascii_folder(folder) if sys.platform == "win32" else folder


def ascii_folder(folder: Path) -> Path:
    """Return a folder that Lua can rename files in: on Windows, it can only in ASCII paths.

    A user whose name is not ASCII gets a folder of their own in Windows' folder for all users.
    """
    if str(folder).isascii():
        return folder
    shared = Path(os.environ.get("PROGRAMDATA") or "C:/ProgramData")
    return shared / "DreamSound" / hashlib.sha256(str(folder).encode()).hexdigest()[:12]


def cache_folder() -> Path:
    """Return the folder of files that can be made again."""
    import platformdirs

    return Path(platformdirs.user_cache_dir(NAME, appauthor=False))


def state_folder() -> Path:
    """Return the folder of what the program remembers between runs."""
    import platformdirs

    return Path(platformdirs.user_state_dir(NAME, appauthor=False))
