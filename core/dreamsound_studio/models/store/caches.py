"""Models in the caches of tensorflow-hub and kagglehub. No TensorFlow here, and no writing.

The names of the folders are computed here: importing ``tensorflow_hub`` imports TensorFlow, which
takes seconds, and ``hub.resolve`` downloads what it does not find.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dreamsound_studio.models.store.handles import Handle

HUB_VARIABLE, KAGGLE_VARIABLE = "TFHUB_CACHE_DIR", "KAGGLEHUB_CACHE"
#: tensorflow-hub takes a lock without progress for abandoned after this time.
LOCK_SECONDS = 600.0
#: The query that tensorflow-hub appends to a download; some users write it in the handle.
COMPRESSED = "?tf-hub-format=compressed"

_SHARD = re.compile(r"variables\.data-\d{5}-of-(\d{5})")


@dataclass(frozen=True)
class CachedFolder:
    """A model's folder in a cache.

    Attributes
    ----------
    path : pathlib.Path
        The folder.
    problem : str or None
        Why it is passed over; None if it is complete.
    """

    path: Path
    problem: str | None = None


def hub_cache() -> Path:
    """Return the cache of tensorflow-hub."""
    named = os.environ.get(HUB_VARIABLE)
    return Path(named) if named else Path(tempfile.gettempdir()) / "tfhub_modules"


def kaggle_cache() -> Path:
    """Return the cache of kagglehub."""
    named = os.environ.get(KAGGLE_VARIABLE)
    # Not Path.home(), which raises an error for a user without a home folder.
    return Path(named or os.path.expanduser("~/.cache/kagglehub"))  # noqa: PTH111


def hub_folder(url: str) -> Path:
    """Return the folder in which ``hub.resolve(url)`` caches a model."""
    # tensorflow-hub identifies a handle by its SHA-1; nothing depends on the hash being strong.
    name = hashlib.sha1(url.encode("utf8"), usedforsecurity=False).hexdigest()
    return hub_cache() / name


def cached_folders(
    handles: Iterable[Handle], weights_bytes: int | None = None
) -> list[CachedFolder]:
    """Return a model's folders in the caches, complete or not, in search order.

    Parameters
    ----------
    handles : iterable of Handle
        Handles of the model.
    weights_bytes : int, optional
        Size of its weights; fewer bytes are an interrupted download.

    Returns
    -------
    list of CachedFolder
        tensorflow-hub's first, then kagglehub's. Unreadable folders are listed with the reason.
    """
    handles = list(handles)
    places: list[tuple[Path, Callable[[Path], str | None]]] = [
        (hub_folder(url + query), _hub_problem)
        for handle in handles
        for url in handle.spellings
        for query in ("", COMPRESSED)
    ]

    def kaggle_problem(folder: Path) -> str | None:
        return _kaggle_problem(folder, weights_bytes)

    places += [(folder, kaggle_problem) for handle in handles for folder in _kaggle_folders(handle)]
    found = []
    for folder, problem_of in dict(places).items():
        try:
            if not _has_traces(folder):
                continue
            problem = problem_of(folder) or _content_problem(folder, weights_bytes)
        except OSError as error:
            problem = f"cannot be read: {error.strerror or error}"
        found.append(CachedFolder(folder, problem))
    return found


def _kaggle_folders(handle: Handle) -> Iterator[Path]:
    """Yield where kagglehub caches a model; without a version, all versions, latest first."""
    model = handle.kaggle
    if model is None:
        return
    for framework in model.spellings:
        root = kaggle_cache() / "models" / model.owner / model.model / framework / model.variation
        if model.version is not None:
            yield root / str(model.version)
            continue
        try:
            versions = [int(place.name) for place in root.iterdir() if place.name.isdecimal()]
        except OSError:
            continue
        for version in sorted(versions, reverse=True):
            yield root / str(version)


def _has_traces(folder: Path) -> bool:
    """Return whether a cache has the folder, or a download of it that has not ended."""
    if folder.exists() or _beside(folder, ".lock").exists() or _beside(folder, ".archive").exists():
        return True
    return any(folder.parent.glob(f"{folder.name}.*.tmp"))


def _hub_problem(folder: Path) -> str | None:
    lock = _beside(folder, ".lock")
    try:
        age = time.time() - lock.stat().st_mtime
    except FileNotFoundError:
        return None
    # tensorflow-hub renames a complete folder into place before it removes the lock. On a shared
    # disk that rename may be a copy; an abandoned lock says nothing about a complete folder.
    return f"locked by a download ({lock.name})" if age < LOCK_SECONDS else None


def _kaggle_problem(folder: Path, weights_bytes: int | None) -> str | None:
    if _beside(folder, ".complete").exists():
        return None
    if _beside(folder, ".archive").exists():
        return f"unfinished download ({folder.name}.archive)"
    # kagglehub writes each file in place: without its mark, only a known size proves completeness.
    if weights_bytes is None:
        return f"unfinished download ({folder.name}.complete is missing)"
    return None


def _content_problem(folder: Path, weights_bytes: int | None) -> str | None:
    """Return what a SavedModel lacks; cleaners of temporary folders remove single files."""
    if not folder.is_dir():
        return "unfinished download"
    graph = folder / "saved_model.pb"
    if not graph.is_file() or graph.stat().st_size == 0:
        return "incomplete: saved_model.pb is missing"
    variables = folder / "variables"
    if not (variables / "variables.index").is_file():
        return "incomplete: variables/variables.index is missing"
    sizes = [
        (int(match[1]), shard.stat().st_size)
        for shard in variables.iterdir()
        if (match := _SHARD.fullmatch(shard.name))
    ]
    if not sizes or len(sizes) < sizes[0][0]:
        return "incomplete: variables/variables.data is missing"
    total = sum(size for _, size in sizes)
    if weights_bytes is not None and total < weights_bytes:
        return f"incomplete: {total} bytes of variables, expected at least {weights_bytes}"
    return None


def _beside(folder: Path, ending: str) -> Path:
    return folder.with_name(folder.name + ending)
