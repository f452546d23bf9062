"""``bridge.json``: tells the scripts in REAPER about this installation."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path, PureWindowsPath
from typing import Any, Final

from dreamsound_reaper.install.places import WINDOWS
from dreamsound_studio import __version__
from dreamsound_studio.paths import runs_folder
from dreamsound_studio.recipe.presets import user_presets_folder

BRIDGE: Final = "bridge.json"
SCHEMA_VERSION: Final = 1


def interpreter(
    system: str, executable: str, is_file: Callable[[Path], bool] = Path.is_file
) -> str:
    """Return the Python interpreter that REAPER starts.

    Parameters
    ----------
    system : str
        From `platform.system`.
    executable : str
        The current interpreter.
    is_file : callable
        Checks whether a file exists.

    Notes
    -----
    On Windows, ``pythonw.exe`` beside ``python.exe`` opens no console window.
    """
    if system == WINDOWS:
        program = PureWindowsPath(executable)
        windowed = program.with_name(program.name.lower().replace("python.exe", "pythonw.exe"))
        if is_file(Path(windowed)):
            return str(windowed)
    return executable


def bridge_settings(
    system: str, executable: str = sys.executable, has_module: Callable[[str], bool] | None = None
) -> dict[str, Any]:
    """Return the contents of ``bridge.json``; docs/reaper-bridge.md lists the fields.

    Parameters
    ----------
    system : str
        From `platform.system`.
    executable : str
        The interpreter of this installation.
    has_module : callable, optional
        Checks whether a package is installed; by default without importing it.
    """
    python = interpreter(system, executable)
    has_module = has_module or is_installed
    has_studio = has_module("PySide6") and has_module("dreamsound_desktop")
    factory = files("dreamsound_studio") / "recipe" / "factory"
    return {
        "schema_version": SCHEMA_VERSION,
        "version": __version__,
        "engine": [python, "-m", "dreamsound_studio"],
        "studio": [python, "-m", "dreamsound_desktop"] if has_studio else None,
        "presets": [str(user_presets_folder()), str(factory)],
        "runs": str(runs_folder()),
    }


def as_bytes(settings: dict[str, Any]) -> bytes:
    """Return the file contents."""
    return (json.dumps(settings, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def is_installed(module: str) -> bool:
    """Return whether a package can be found, without importing it."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
