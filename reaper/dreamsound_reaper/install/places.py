"""Locations: REAPER's folder, the scripts that ship with DreamSound, and the runs."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dreamsound_reaper.install.errors import InstallError

#: Names of `platform.system`.
WINDOWS, MACOS, LINUX = "Windows", "Darwin", "Linux"
REAPER_INI, KEYS_INI, SCRIPTS = "reaper.ini", "reaper-kb.ini", "Scripts"
#: Folder of the scripts, here and in REAPER's ``Scripts`` folder.
OURS: Final = "DreamSound"
#: Name of the ReaPack repository, and of the folder that ReaPack creates for it.
REAPACK_NAME: Final = "DreamSound Studio"
HOW_TO_FIND: Final = (
    "in REAPER, choose Options > Show REAPER resource path in explorer/finder, then pass it with "
    "--resource-path"
)


def usual_folder(system: str, environment: Mapping[str, str], home: Path) -> Path:
    """Return REAPER's usual settings folder (not of a portable installation).

    Parameters
    ----------
    system : str
        From `platform.system`.
    environment : mapping
        Environment of the process.
    home : pathlib.Path
        The user's home folder.

    Notes
    -----
    On Linux, only ``~/.config/REAPER`` is documented; ``XDG_CONFIG_HOME`` is used if it contains a
    ``REAPER`` folder [guess].
    """
    if system == WINDOWS:
        roaming = environment.get("APPDATA", "").strip()
        return (Path(roaming) if roaming else home / "AppData" / "Roaming") / "REAPER"
    if system == MACOS:
        return home / "Library" / "Application Support" / "REAPER"
    named = environment.get("XDG_CONFIG_HOME", "").strip()
    if named and (Path(named) / "REAPER").is_dir():
        return Path(named) / "REAPER"
    return home / ".config" / "REAPER"


def resource_folder(given: Path | None = None, portable: bool = False) -> Path:
    """Return REAPER's folder on this machine.

    Parameters
    ----------
    given : pathlib.Path, optional
        The folder, or a file in it, such as the program or ``reaper.ini``.
    portable : bool
        Whether the installation is portable, and has no usual location.

    Raises
    ------
    InstallError
        REAPER's folder was not found.
    """
    if given is None:
        if portable:
            raise InstallError(
                "a portable REAPER has no standard folder. Pass its folder with --resource-path"
            )
        folder = usual_folder(platform.system(), os.environ, Path.home())
        if not (folder / REAPER_INI).is_file():
            raise InstallError(
                f"no {REAPER_INI} in {folder}. Start REAPER once, then try again; if it keeps its "
                f"settings elsewhere: {HOW_TO_FIND}"
            )
        return folder
    folder = given.expanduser()
    if folder.is_file() or folder.suffix == ".app":
        folder = folder.parent
    if not folder.is_dir():
        raise InstallError(f"no folder {folder}; {HOW_TO_FIND}")
    if not (folder / REAPER_INI).is_file():
        what = "is not a portable REAPER" if portable else "is not REAPER's folder"
        raise InstallError(f"{folder} {what}: no {REAPER_INI} in it; {HOW_TO_FIND}")
    return folder.absolute()


def scripts_folder(package: Path | None = None) -> Path:
    """Return the scripts that ship with DreamSound.

    Parameters
    ----------
    package : pathlib.Path, optional
        The folder of ``dreamsound_reaper``. An installed package contains the scripts; in a
        checkout they lie beside it.

    Raises
    ------
    InstallError
        The scripts are in neither location.
    """
    package = package or Path(__file__).parents[1]
    places = [package / "scripts" / OURS, package.parent / "scripts" / OURS]
    for place in places:
        if place.is_dir():
            return place
    raise InstallError(
        f"DreamSound's scripts for REAPER not found in {places[0]} or {places[1]}. "
        "Reinstall dreamsound-studio"
    )
