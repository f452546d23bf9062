"""Keep finished dreams in the user's library."""

from __future__ import annotations

from pathlib import Path

from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.library.library import library_path, open_library
from dreamsound_studio.library.of_dream import record_of
from dreamsound_studio.library.records import DreamRecord, LibraryError


def library_record(
    dream: RawDream,
    renders: dict[str, Path],
    preset: str,
    written_at: dict[str, Path] | None = None,
    *,
    always: bool = False,
) -> tuple[DreamRecord | None, list[str]]:
    """Return the library's record of a dream, and why there is none.

    Parameters
    ----------
    dream : RawDream
        The finished dream.
    renders : dict
        Path of each render, by name.
    preset : str
        Name of the preset, if any.
    written_at : dict, optional
        Current paths of the renders, if they are not in place yet.
    always : bool, optional
        Make it even if this user has no library: it is for another machine's.
    """
    if not always and library_path() is None:
        return None, []
    try:
        return record_of(dream, renders, preset, written_at), []
    except LibraryError as error:
        return None, [f"not added to the library: {error}"]


def keep_in_library(record: DreamRecord | None) -> list[str]:
    """Add a record to the user's library, if there is one; return why it failed."""
    try:
        library = None if record is None else open_library()
        if record is not None and library is not None:
            with library:
                library.add(record)
    except LibraryError as error:
        return [f"not added to the library: {error}"]
    return []


def keep_once(record: DreamRecord | None) -> list[str]:
    """Add a record to the user's library unless it is there; return why it failed.

    A worker that died may have added the dream before another completes its files.
    """
    if record is None:
        return []
    try:
        library = open_library()
        if library is None:
            return []
        with library:
            known = {(one.path, one.sha256) for dream in library.list(100) for one in dream.renders}
    except LibraryError as error:
        return [f"not added to the library: {error}"]
    if all((render.path, render.sha256) in known for render in record.renders):
        return []
    return keep_in_library(record)
