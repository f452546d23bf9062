"""Changes several files as one transaction: all or none.

Writes everything that needs disk space under temporary names first, then renames file by file; if a
rename fails, it reverts the earlier ones. At every moment each file is complete, either old or new.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from dreamsound_reaper.install.errors import InstallFailedError
from dreamsound_studio.files import free_number, numbered, partial_beside

#: Suffix of temporary files; the next installation removes leftovers of a crash.
NEW_END, OLD_END = ".dreamsound-new", ".dreamsound-old"
BACKUP_END: Final = ".bak"


def change(wanted: Mapping[Path, bytes | None]) -> None:
    """Write and remove files, all or none.

    Parameters
    ----------
    wanted : mapping of pathlib.Path to bytes or None
        New contents per file; None removes the file. Creates folders.

    Raises
    ------
    InstallFailedError
        The operation failed; all files are unchanged.
    """
    step = _Step()
    path = Path()
    try:
        for path, data in wanted.items():
            step.prepare(path, data)
        for path in step.prepared:
            step.put_in_place(path)
    except OSError as error:
        step.undo()
        raise InstallFailedError(
            f"cannot write {path}: {error.strerror or error}. No files were changed"
        ) from error
    step.tidy()


def read(path: Path) -> bytes | None:
    """Return the contents of a file; None if it does not exist.

    Raises
    ------
    InstallFailedError
        The file exists but cannot be read.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InstallFailedError(f"cannot read {path}: {error.strerror or error}") from error


def backup_name(path: Path, data: bytes) -> Path:
    """Return the backup path for a modified file; it may already exist."""

    def place(number: int) -> Path:
        return path.with_name(numbered(f"{path.name}{BACKUP_END}", number, ""))

    return place(free_number(lambda number: read(place(number)) not in (None, data)))


def remove_left_overs(folder: Path) -> None:
    """Remove leftovers of an interrupted installation."""
    for ending in (NEW_END, OLD_END):
        for place in folder.rglob(f".*{ending}"):
            with suppress(OSError):
                place.unlink()


class _Step:
    """A transaction in progress."""

    def __init__(self) -> None:
        self.prepared: dict[Path, tuple[Path | None, Path | None]] = {}
        self._done: list[Path] = []
        self._folders: list[Path] = []

    def prepare(self, path: Path, data: bytes | None) -> None:
        """Write the new file, and a copy of the old one, beside it."""
        is_there = path.exists()
        if data is None and not is_there:
            return
        if data is not None and is_there and path.read_bytes() == data:
            return
        self._make_folder(path.parent)
        new = None if data is None else partial_beside(path, ending=NEW_END)
        old = partial_beside(path, ending=OLD_END) if is_there else None
        # Recorded before writing, so that a partial file is removed too.
        self.prepared[path] = (new, old)
        if new is not None and data is not None:
            _write(new, data)
            if is_there:
                shutil.copymode(path, new)
        if old is not None:
            if not os.access(path, os.W_OK):
                raise PermissionError(None, "write-protected")
            _write(old, path.read_bytes())
            shutil.copymode(path, old)

    def put_in_place(self, path: Path) -> None:
        """Replace the old file with the new one."""
        new, _ = self.prepared[path]
        if new is None:
            path.unlink()
        else:
            _rename(new, path)
        self._done.append(path)

    def undo(self) -> None:
        """Restore the previous state."""
        for path in reversed(self._done):
            _, old = self.prepared[path]
            with suppress(OSError):
                path.unlink() if old is None else old.replace(path)
        self.tidy()
        for folder in reversed(self._folders):
            with suppress(OSError):
                folder.rmdir()

    def tidy(self) -> None:
        """Remove temporary files."""
        for pair in self.prepared.values():
            for place in pair:
                if place is not None:
                    with suppress(OSError):
                        place.unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for place in reversed(missing):
            place.mkdir()
            self._folders.append(place)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _rename(path: Path, target: Path) -> None:
    path.replace(target)
