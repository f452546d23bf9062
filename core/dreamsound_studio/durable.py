"""What a power cut must not undo: files and names that are on the disk, not in a cache before it.

A job waits for the disk twice, whatever the number of its files: for their content before they get
their names, and for the names before anything says that they exist.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def sync_files(paths: Iterable[Path]) -> None:
    """Return once the content of files is on the disk.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        The files, which this user may read, and on Windows write.

    Raises
    ------
    OSError
        The disk has no room, or fails: what was written before reports it only now.
    """
    number: int | None = None
    try:
        for path in paths:
            if number is not None:
                os.close(number)
                number = None
            # Only Windows wants to write where it waits.
            number = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
            os.fsync(number)
        _empty_drive(number)
    finally:
        if number is not None:
            os.close(number)


def sync_folders(folders: Iterable[Path]) -> None:
    """Return once the names in folders are on the disk.

    Windows keeps names by itself, and some network drives cannot: nothing is done there.
    """
    if os.name == "nt":
        return
    for folder in dict.fromkeys(folders):
        with suppress(OSError):
            number = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(number)
                _empty_drive(number)
            finally:
                os.close(number)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and return once their names are on the disk.

    Raises
    ------
    OSError
        It cannot be made.
    """
    missing = [one for one in (folder, *folder.absolute().parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    sync_folders(one.absolute().parent for one in missing)


def _empty_drive(number: int | None) -> None:
    """On macOS, wait for the drive's own cache, which `os.fsync` does not; once for all files."""
    if sys.platform == "darwin" and number is not None:
        import fcntl

        with suppress(OSError):  # a drive that cannot
            fcntl.fcntl(number, fcntl.F_FULLFSYNC)
