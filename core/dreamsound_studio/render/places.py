"""Names of a dream's files with a number: free ones, and the next if another process is faster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from dreamsound_studio.files import NameTakenError, free_number, numbered, put_in_place

#: Ending of the name of a render's sidecar, which is called like its render, and ``.json``.
SIDECAR: Final = " sidecar"


def first_free(places: Callable[[int], Mapping[str, Path]], first: int = 1) -> int:
    """Return the first number, from `first` on, at which none of these files exists."""
    return free_number(lambda n: any(path.exists() for path in places(n).values()), first)


def renumbered(places: Mapping[str, Path], old: int, new: int) -> dict[str, Path]:
    """Return the places of files with another number.

    Parameters
    ----------
    places : mapping
        Paths by name of the file, with the number `old` at the end of their stems.
    old, new : int
        The numbers; 1 is left out, as `numbered` does.

    Examples
    --------
    >>> renumbered({"dream": Path("bird_dream_2.wav")}, 2, 3)["dream"].name
    'bird_dream_3.wav'
    """
    found = {}
    for name, path in places.items():
        ending = "".join(path.suffixes[-2:]) if name.endswith(SIDECAR) else path.suffix
        stem = path.name.removesuffix(ending)
        plain = stem.removesuffix(numbered("", old))
        found[name] = path.with_name(f"{numbered(plain, new)}{ending}")
    return found


def next_free(places: Mapping[str, Path], number: int) -> tuple[dict[str, Path], int]:
    """Return the places of files with the next number at which none exists, and that number."""
    free = first_free(lambda new: renumbered(places, number, new), number + 1)
    return renumbered(places, number, free), free


def put_in_free_places(
    partial: dict[str, Path],
    places: dict[str, Path],
    number: int,
    on_places: Callable[[dict[str, Path], int], None],
) -> None:
    """Rename files to places with a number, the next one where another process has taken a name.

    Parameters
    ----------
    partial, places : dict
        Current and final paths, in the same folder.
    number : int
        The number that the places have.
    on_places : callable
        Called with the places and the number, before the first file is renamed, each time.

    Raises
    ------
    AudioFileError
        A file cannot be renamed, or the disk has no room for one.
    """
    while True:
        on_places(places, number)
        try:
            put_in_place(partial, places, overwrite=False)
            return
        except NameTakenError:
            places, number = next_free(places, number)
