"""Where a command writes: folders beside sounds, and what happens where a file exists."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamsound_studio.cli.shared.common_options import CLASHES
from dreamsound_studio.cli.shared.made_folders import made_folders
from dreamsound_studio.errors import AudioFileError, RecipeError
from dreamsound_studio.files import free_number, numbered, write_atomic


@dataclass(frozen=True)
class AskedSound:
    """A sound to dream.

    Attributes
    ----------
    path : str
        The file, as it was named, or in a folder that was named.
    out : pathlib.Path
        Folder for its renders.
    """

    path: str
    out: Path


def asked_sounds(inputs: Iterable[str], out: Path | None) -> list[AskedSound]:
    """Return the sounds that a command names, files and folders, with the folder of their renders.

    Parameters
    ----------
    inputs : iterable of str
        Files, and folders: the sounds in them, by name, without folders below.
    out : pathlib.Path or None
        Folder for all renders; None for one beside each file or folder that is named.
    """
    from dreamsound_studio.pictures.batch_report import sounds_in

    found = []
    for name in inputs:
        folder = out or folder_beside(Path(name))
        if Path(name).is_dir():
            with suppress(AudioFileError):
                sounds = sounds_in([Path(name)], False, folder)
                found += [AskedSound(str(sound.path), folder) for sound in sounds]
                continue
        # A folder without sounds stays, to fail by itself: the other inputs go on.
        found.append(AskedSound(name, folder))
    return found


def folder_beside(path: Path) -> Path:
    """Return the folder of a sound's renders: ``bird dreams`` beside ``bird.wav``."""
    place = path if path.name not in ("", "..") else path.resolve()
    stem = place.name if place.is_dir() else place.stem
    return place.parent / f"{stem} dreams"


def clash_of(clash: str | None, overwrite: bool, default: str = "refuse") -> str:
    """Return what ``--clash`` and ``--overwrite`` ask for together.

    Raises
    ------
    RecipeError
        An unknown word, or both, saying different things.
    """
    if clash is not None and clash not in CLASHES:
        raise RecipeError(f"invalid --clash {clash!r}: choose from {', '.join(CLASHES)}")
    if overwrite and clash not in (None, "overwrite"):
        raise RecipeError(f"pass --overwrite or --clash {clash}, not both")
    return "overwrite" if overwrite else clash or default


def clash_fields(clash: str) -> dict[str, Any]:
    """Return the fields of `RenderOptions` for one of `CLASHES`."""
    is_overwrite = clash == "overwrite"
    return {"overwrite": is_overwrite, "clash": "refuse" if is_overwrite else clash}


def free_place(path: Path, clash: str) -> Path | None:
    """Return where a file may be written.

    Parameters
    ----------
    path : pathlib.Path
        Where it would lie.
    clash : str
        One of `CLASHES`.

    Returns
    -------
    pathlib.Path or None
        None to skip it.

    Raises
    ------
    AudioFileError
        The file exists, and must not be replaced.
    """
    if path.is_dir() and clash != "number":
        raise AudioFileError(f"{path} is a folder: name a file")
    if not path.exists() or clash == "overwrite":
        return path
    if clash == "skip":
        return None
    if clash == "number":
        return numbered_place(path)
    raise AudioFileError(f"{path} exists: choose another name, or pass --overwrite")


def numbered_place(path: Path) -> Path:
    """Return the first of ``name``, ``name 2``, ``name 3``, ... that is free."""

    def place(number: int) -> Path:
        return path.with_name(f"{numbered(path.stem, number, ' ')}{path.suffix}")

    return place(free_number(lambda number: place(number).exists()))


def check_file(path: Path) -> Path:
    """Return the path of an existing file; raise `AudioFileError` where there is none."""
    if not path.exists():
        raise AudioFileError(f"{path}: No such file or directory")
    return path


def check_folders(folders: Iterable[Path], makes_them: bool) -> None:
    """Raise `AudioFileError` for a folder that cannot be written to.

    A folder that is made, by whatever the command runs, goes again if it stays empty.

    Parameters
    ----------
    folders : iterable of pathlib.Path
        Output folders.
    makes_them : bool
        Whether to make them now; a folder beside a sound is made when it gets its first render.
    """
    for folder in folders:
        made_folders.check(folder, makes_it=makes_them)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; raise `AudioFileError` where that fails."""
    write_atomic(path, text, overwrite=True)


def common_place(places: Iterable[Path]) -> str:
    """Return the folder of some files as a line shows it, or how many folders there are."""
    folders = list(dict.fromkeys(place.parent for place in places))
    return str(folders[0]) if len(folders) == 1 else f"{len(folders)} folders beside the sounds"


def shown_command(*words: object) -> str:
    """Return a command as it is typed into a shell."""
    return shlex.join(["dreamsound", *map(str, words)])
