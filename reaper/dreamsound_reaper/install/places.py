"""Where things are: REAPER's folder, the scripts that come with DreamSound, and the runs."""

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
#: Folder of the scripts, here and in REAPER's folder ``Scripts``.
OURS: Final = "DreamSound"
#: The name of the ReaPack repository: ReaPack puts packages into a folder of this name.
REAPACK_NAME: Final = "DreamSound Studio"
HOW_TO_FIND: Final = (
    "in REAPER, Options > Show REAPER resource path in explorer/finder opens it; name it with "
    "--resource-path"
)


def usual_folder(system: str, environment: Mapping[str, str], home: Path) -> Path:
    """Return where REAPER keeps its settings unless it is a portable installation.

    Parameters
    ----------
    system : str
        As `platform.system` names it.
    environment : mapping
        Of the process.
    home : pathlib.Path
        The user's folder.

    Notes
    -----
    Of Linux only ``~/.config/REAPER`` is documented; ``XDG_CONFIG_HOME`` is taken where a folder
    ``REAPER`` is in it [guess].
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
        What the user named: the folder, or a file in it, such as the program or ``reaper.ini``.
    portable : bool
        Whether it is a portable installation, which has no usual place.

    Raises
    ------
    InstallError
        There is none, or what was named is none.
    """
    if given is None:
        if portable:
            raise InstallError(
                "a portable REAPER is where its user put it: name its folder with --resource-path"
            )
        folder = usual_folder(platform.system(), os.environ, Path.home())
        if not (folder / REAPER_INI).is_file():
            raise InstallError(
                f"there is no {REAPER_INI} in {folder}: start REAPER once, and try again; if it "
                f"keeps its settings elsewhere, {HOW_TO_FIND}"
            )
        return folder
    folder = given.expanduser()
    if folder.is_file() or folder.suffix == ".app":
        folder = folder.parent
    if not folder.is_dir():
        raise InstallError(f"there is no folder {folder}; {HOW_TO_FIND}")
    if not (folder / REAPER_INI).is_file():
        what = "is no portable REAPER" if portable else "is not REAPER's folder"
        raise InstallError(f"{folder} {what}: there is no {REAPER_INI} in it; {HOW_TO_FIND}")
    return folder.absolute()


def scripts_folder(package: Path | None = None) -> Path:
    """Return the scripts that come with DreamSound.

    Parameters
    ----------
    package : pathlib.Path, optional
        The folder of ``dreamsound_reaper``. In an installed package the scripts are in it, in a
        checkout beside it.

    Raises
    ------
    InstallError
        They are in neither place.
    """
    package = package or Path(__file__).parents[1]
    places = [package / "scripts" / OURS, package.parent / "scripts" / OURS]
    for place in places:
        if place.is_dir():
            return place
    raise InstallError(
        f"DreamSound's scripts for REAPER are missing: neither {places[0]} nor {places[1]} is "
        "there; install dreamsound-studio again"
    )


def runs_folder() -> Path:
    """Return the folder in which the scripts make a folder for each run."""
    import platformdirs

    return Path(platformdirs.user_data_dir("dreamsound", appauthor=False)) / "reaper" / "runs"
