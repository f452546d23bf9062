"""The user's folders: presets, the queue, the library, models and caches."""

from __future__ import annotations

from pathlib import Path

#: The folders' name; the user's files stay where they are when a package is renamed.
NAME = "dreamsound"


def data_folder() -> Path:
    """Return the folder of what the user keeps: presets, the queue, the library, models."""
    import platformdirs

    return Path(platformdirs.user_data_dir(NAME, appauthor=False))


def runs_folder() -> Path:
    """Return the folder in which REAPER's scripts create a folder per run."""
    return data_folder() / "reaper" / "runs"


def cache_folder() -> Path:
    """Return the folder of files that can be made again."""
    import platformdirs

    return Path(platformdirs.user_cache_dir(NAME, appauthor=False))


def state_folder() -> Path:
    """Return the folder of what the program remembers between runs."""
    import platformdirs

    return Path(platformdirs.user_state_dir(NAME, appauthor=False))
