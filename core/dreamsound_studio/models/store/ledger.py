"""Facts about models remembered between runs. No TensorFlow here.

One small JSON file in the user's state folder: the hashes of weights at their first use, the
trusted foreign SavedModels, and recently unreachable models. If it cannot be read or written,
nothing is remembered, and nothing else changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import DreamSoundError, ModelError
from dreamsound_studio.files import sha256_of, write_atomic
from dreamsound_studio.paths import state_folder

#: How long `auto` avoids a server after it was unreachable.
UNREACHABLE_SECONDS = 24 * 3600.0
#: A folder with more is not a model, but perhaps a link to a whole disk.
MOST_FILES, MOST_BYTES = 10_000, 16 * 2**30


def changed_weights(path: Path, weights_sha256: str) -> str | None:
    """Remember the hash of weights at their first use.

    Parameters
    ----------
    path : pathlib.Path
        Their path.
    weights_sha256 : str
        Their current hash.

    Returns
    -------
    str or None
        The hash at first use if it differs; the current one is remembered from then on.
    """
    known = _read()
    first = known.setdefault("weights", {}).get(str(path.resolve()))
    if first == weights_sha256:
        return None
    known["weights"][str(path.resolve())] = weights_sha256
    _write(known)
    return str(first) if first is not None else None


def fingerprint(folder: Path) -> str:
    """Return the hash of all files in a folder, including their names.

    Links count as what they lead to: a change behind one changes the fingerprint.

    Parameters
    ----------
    folder : pathlib.Path
        A SavedModel.

    Raises
    ------
    ModelError
        It holds a pipe or a device, leads to far more than a model, or links in a circle.
    """
    digest = hashlib.sha256()
    for file in sorted(_files_of(folder)):
        name = os.fsencode(file.relative_to(folder).as_posix())
        digest.update(name + b"\0")
        digest.update(bytes.fromhex(sha256_of(file)))
    return digest.hexdigest()


def _files_of(folder: Path) -> list[Path]:
    """Return all files in a folder, also behind links."""
    found: list[Path] = []
    total = 0

    def give_up(error: OSError) -> None:
        raise ModelError(f"{error.filename}: {error.strerror}") from error

    for name, _, names in os.walk(folder, onerror=give_up, followlinks=True):
        place = Path(name)
        if any(place.samefile(above) for above in place.parents if above.is_relative_to(folder)):
            raise ModelError(f"{place}: a link to a folder that it lies in. Remove it.")
        for file in map(place.joinpath, names):
            if not file.exists():
                continue  # a link that leads nowhere
            if not file.is_file():
                raise ModelError(f"{file}: neither a file nor a folder. Remove it.")
            total += file.stat().st_size
            found.append(file)
        if len(found) > MOST_FILES or total > MOST_BYTES:
            raise ModelError(
                f"{folder}: not a model (more than {MOST_FILES} files or {MOST_BYTES >> 30} GB, "
                "links included)"
            )
    return found


def is_trusted(folder_fingerprint: str) -> bool:
    """Return whether the user has trusted this SavedModel."""
    return folder_fingerprint in _read().get("trusted", [])


def trust(folder_fingerprint: str) -> None:
    """Remember this SavedModel as trusted."""
    known = _read()
    if folder_fingerprint not in known.setdefault("trusted", []):
        known["trusted"].append(folder_fingerprint)
        _write(known)


def lately_unreachable(name: str) -> str | None:
    """Return why a model was unreachable in the last day, or None."""
    noted = _read().get("unreachable", {}).get(name)
    if noted is None or not 0 <= time.time() - noted["time"] < UNREACHABLE_SECONDS:
        return None
    return str(noted["reason"])


def note_unreachable(name: str, reason: str) -> None:
    """Remember that a model is currently unreachable."""
    known = _read()
    known.setdefault("unreachable", {})[name] = {"time": time.time(), "reason": reason}
    _write(known)


def is_explained(name: str) -> bool:
    """Return whether it has been explained what changes without an unreachable model."""
    return bool(_read().get("unreachable", {}).get(name, {}).get("explained"))


def note_explained(name: str) -> None:
    """Remember that it has been explained; for as long as the model is unreachable."""
    known = _read()
    if name in known.get("unreachable", {}):
        known["unreachable"][name]["explained"] = True
        _write(known)


def forget_unreachable(name: str) -> None:
    """Forget that a model was unreachable."""
    known = _read()
    if known.get("unreachable", {}).pop(name, None) is not None:
        _write(known)


def _place() -> Path:
    return state_folder() / "models.json"


def _read() -> dict[str, Any]:
    try:
        known = json.loads(_place().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(known: dict[str, Any]) -> None:
    place = _place()
    with suppress(OSError, DreamSoundError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, json.dumps(known, indent=1))
