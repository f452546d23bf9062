"""Which file is meant, and what it looked like: enough to tell whether it has changed since."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

#: So much of either end of a file is looked at.
EDGE_BYTES = 2**20


@dataclass(frozen=True)
class FileStamp:
    """A file as it was.

    Attributes
    ----------
    size : int
        Bytes.
    mtime_ns : int
        When it was written, as `os.stat` says.
    edges_sha256 : str
        Hash of its first and last mebibyte, in hexadecimal digits.
    """

    size: int
    mtime_ns: int
    edges_sha256: str

    @classmethod
    def of(cls, path: Path) -> FileStamp | None:
        """Look at a file; None where it cannot be read."""
        try:
            with path.open("rb") as file:
                told = os.fstat(file.fileno())
                digest = hashlib.sha256(file.read(EDGE_BYTES))
                file.seek(max(told.st_size - EDGE_BYTES, 0))
                digest.update(file.read(EDGE_BYTES))
        except OSError:
            return None
        return cls(told.st_size, told.st_mtime_ns, digest.hexdigest())

    def fits(self, path: Path) -> bool:
        """Return whether a file still looks so.

        A file that was written anew with the same content counts as the same; one that was changed
        in its middle shows it by its time.
        """
        now = FileStamp.of(path)
        if now is None or (now.size, now.edges_sha256) != (self.size, self.edges_sha256):
            return False
        return now.mtime_ns == self.mtime_ns or self.size <= 2 * EDGE_BYTES


def absolute_path(path: str, folder: Path) -> Path:
    """Return where a file is, seen from everywhere.

    Parameters
    ----------
    path : str
        Absolute, relative to `folder`, or with ``~`` for the user's home.
    folder : pathlib.Path
        Absolute, or relative to the working folder.
    """
    place = folder / Path(path).expanduser()
    # Links are followed up to the folder; the last name stays, since renders are called by it.
    return place.parent.resolve() / place.name
