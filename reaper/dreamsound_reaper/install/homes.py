"""The scripts' folder inside REAPER's folder: our own, or ReaPack's."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dreamsound_reaper.install.bridge import BRIDGE
from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.favourites import ENDINGS, TEMPLATE
from dreamsound_reaper.install.manifest import MANIFEST
from dreamsound_reaper.install.places import (
    KEYS_INI,
    OURS,
    REAPACK_NAME,
    SCRIPTS,
    WINDOWS,
    scripts_folder,
)

#: Folder of the bridge library, per language.
LIBRARIES: Final = {"lua": "dreamsound_bridge_lua", "python": "dreamsound_bridge"}
ACTION_START: Final = "DreamSound_"


@dataclass(frozen=True)
class Home:
    """A folder of scripts in REAPER's folder.

    Attributes
    ----------
    resource : pathlib.Path
        REAPER's folder.
    name : str
        Folder name relative to ``Scripts``, with ``/``.
    """

    resource: Path
    name: str = OURS

    @property
    def folder(self) -> Path:
        """Return the path of the folder."""
        return self.resource / SCRIPTS / self.name

    @property
    def keys(self) -> Path:
        """Return the path of ``reaper-kb.ini``, with symbolic links resolved."""
        return (self.resource / KEYS_INI).resolve()

    @property
    def is_reapack(self) -> bool:
        """Return whether ReaPack manages the scripts."""
        return self.name != OURS

    def path_in_scripts(self, file: str) -> str:
        """Return a file of this folder as ``reaper-kb.ini`` names it."""
        return f"{self.name}/{file}"

    def has(self, language: str) -> bool:
        """Return whether the scripts of a language are present."""
        return (self.folder / LIBRARIES[language]).is_dir()


def home_in(resource: Path) -> Home:
    """Return the scripts' folder: ReaPack's if it exists, otherwise ours."""
    reapack = Home(resource, f"{REAPACK_NAME}/{OURS}")
    return reapack if any(map(reapack.has, LIBRARIES)) else Home(resource)


def shipped(language: str, folder: Path | None = None) -> dict[str, bytes]:
    """Return the scripts of a language that ship with DreamSound, by path.

    Raises
    ------
    InstallError
        The scripts are incomplete.
    """
    folder = folder or scripts_folder()
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in _files_of(folder, language)
    }
    if f"{TEMPLATE}{ENDINGS[language]}" not in found:
        raise InstallError(
            f"scripts in {folder} are incomplete: no "
            f"{TEMPLATE}{ENDINGS[language]}. Reinstall dreamsound-studio"
        )
    return found


def is_action(file: str) -> bool:
    """Return whether a file is an action rather than a library module."""
    return "/" not in file and file.startswith(ACTION_START)


def line_ending() -> bytes:
    """Return this system's line ending for a new file."""
    return b"\r\n" if platform.system() == WINDOWS else b"\n"


def _files_of(folder: Path, language: str) -> Iterator[Path]:
    other = next(name for name in ENDINGS if name != language)
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if (
            path.is_file()
            and path.name not in (BRIDGE, MANIFEST)
            and path.suffix not in (ENDINGS[other], ".pyc", ".bak")
            and LIBRARIES[other] not in parts
            and not any(part.startswith((".", "__pycache__")) for part in parts)
        ):
            yield path
