"""``installed.json``: records what an installation wrote, to undo it exactly."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from dreamsound_reaper.install.errors import InstallError

MANIFEST: Final = "installed.json"
SCHEMA_VERSION: Final = 1


@dataclass
class Manifest:
    """Record of an installation.

    Attributes
    ----------
    version : str
        Version of DreamSound.
    language : str
        ``lua`` or ``python``.
    files : dict
        Path within the folder to the SHA-256 of its contents.
    favourites : dict
        Action file to preset name.
    lines : list of str
        Lines added to ``reaper-kb.ini``.
    closed_at : str
        SHA-256 of ``reaper-kb.ini`` after its last line received a line ending.
    made_keys : bool
        Whether ``reaper-kb.ini`` was created.
    """

    version: str
    language: str
    files: dict[str, str] = field(default_factory=dict)
    favourites: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    closed_at: str = ""
    made_keys: bool = False

    def as_bytes(self) -> bytes:
        """Return the file contents."""
        values = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def digest(data: bytes) -> str:
    """Return the SHA-256 that identifies file contents."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(folder: Path) -> Manifest | None:
    """Return the record of a folder; None if nothing is installed there.

    Raises
    ------
    InstallError
        The file is damaged, or a newer DreamSound wrote it.
    """
    path = folder / MANIFEST
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InstallError(
            f"cannot read {path} ({error}). Delete it, then install again"
        ) from error
    try:
        if values["schema_version"] > SCHEMA_VERSION:
            raise InstallError(f"{path} was written by a newer DreamSound. Use that version")
        return Manifest(
            version=str(values["version"]),
            language="python" if values["language"] == "python" else "lua",
            files={_within(name, path): str(values["files"][name]) for name in values["files"]},
            favourites=_texts(values.get("favourites", {})),
            lines=[str(line) for line in values.get("lines", [])],
            closed_at=str(values.get("closed_at", "")),
            made_keys=bool(values.get("made_keys")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InstallError(f"{path} is damaged. Delete it, then install again") from error


def _within(name: str, manifest: Path) -> str:
    """Return a path inside the folder; listed paths are deleted later."""
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or "\\" in name or ":" in name or name.startswith("/"):
        raise InstallError(f"{manifest} is damaged: {name!r} is outside its folder. Delete it")
    return name


def _texts(values: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}
