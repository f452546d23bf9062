"""``installed.json``: what an installation wrote, so that it can be undone exactly."""

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
    """What was installed into a folder.

    Attributes
    ----------
    version : str
        Of DreamSound.
    language : str
        ``lua`` or ``python``.
    files : dict
        Path within the folder to the SHA-256 of what was written.
    favourites : dict
        File of an action to the name of its preset.
    lines : list of str
        What was added to ``reaper-kb.ini``.
    closed_at : str
        Where the last line there was given an end: the SHA-256 of the file since then.
    made_keys : bool
        Whether there was no such file before.
    """

    version: str
    language: str
    files: dict[str, str] = field(default_factory=dict)
    favourites: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    closed_at: str = ""
    made_keys: bool = False

    def as_bytes(self) -> bytes:
        """Return the file."""
        told = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def digest(data: bytes) -> str:
    """Return the SHA-256 by which a file is known."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(folder: Path) -> Manifest | None:
    """Return what was installed into a folder; None where nothing was.

    Raises
    ------
    InstallError
        The file is damaged, or a newer DreamSound wrote it.
    """
    path = folder / MANIFEST
    try:
        told = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InstallError(
            f"{path} cannot be read ({error}): remove it, and install again"
        ) from error
    try:
        if told["schema_version"] > SCHEMA_VERSION:
            raise InstallError(f"{path} is of a newer DreamSound: use that one")
        return Manifest(
            version=str(told["version"]),
            language="python" if told["language"] == "python" else "lua",
            files={_within(name, path): str(told["files"][name]) for name in told["files"]},
            favourites=_texts(told.get("favourites", {})),
            lines=[str(line) for line in told.get("lines", [])],
            closed_at=str(told.get("closed_at", "")),
            made_keys=bool(told.get("made_keys")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InstallError(f"{path} is damaged: remove it, and install again") from error


def _within(name: str, manifest: Path) -> str:
    """Return a path that stays within the folder: what is listed is removed one day."""
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or "\\" in name or ":" in name or name.startswith("/"):
        raise InstallError(f"{manifest} is damaged: {name!r} is not in its folder")
    return name


def _texts(told: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in told.items()}
