"""File stamps: enough about a file to detect whether it has changed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.files import expanded

#: Bytes hashed at either end of a file.
EDGE_BYTES = 2**20


@dataclass(frozen=True)
class FileStamp:
    """The state of a file.

    Attributes
    ----------
    size : int
        Bytes.
    mtime_ns : int
        Modification time, as in `os.stat`.
    edges_sha256 : str
        Hash of its first and last mebibyte, in hexadecimal.
    """

    size: int
    mtime_ns: int
    edges_sha256: str

    @classmethod
    def of(cls, path: Path) -> FileStamp | None:
        """Read a file's stamp; None if it cannot be read."""
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                digest = hashlib.sha256(file.read(EDGE_BYTES))
                file.seek(max(status.st_size - EDGE_BYTES, 0))
                digest.update(file.read(EDGE_BYTES))
        except OSError:
            return None
        return cls(status.st_size, status.st_mtime_ns, digest.hexdigest())

    def fits(self, path: Path) -> bool:
        """Return whether a file is unchanged.

        A file rewritten with the same content counts as unchanged; a change in the middle shows in
        its modification time.
        """
        now = FileStamp.of(path)
        if now is None or (now.size, now.edges_sha256) != (self.size, self.edges_sha256):
            return False
        return now.mtime_ns == self.mtime_ns or self.size <= 2 * EDGE_BYTES


def absolute_path(path: str, folder: Path) -> Path:
    """Return the absolute path of a file.

    Parameters
    ----------
    path : str
        Absolute, relative to `folder`, or with ``~`` for the user's home.
    folder : pathlib.Path
        Absolute, or relative to the working folder.
    """
    place = folder / expanded(path)
    # Links are resolved up to the folder; the last name stays, since it names the renders.
    return place.parent.resolve() / place.name
