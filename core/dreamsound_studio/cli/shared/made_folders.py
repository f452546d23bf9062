"""The output folders that a command makes: those that stay empty go again when it ends."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dreamsound_studio.files import check_folder_writable


class MadeFolders:
    """The folders that the running command has made, in the order in which they came to be."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def check(self, folder: Path, *, makes_it: bool = True) -> None:
        """Raise `AudioFileError` if files cannot be created in a folder; note it if it is new.

        Parameters
        ----------
        folder : pathlib.Path
            An output folder.
        makes_it : bool
            Whether to make it now, with its parents; otherwise whatever writes first does.
        """
        place = folder.absolute()
        missing = [one for one in (place, *place.parents) if not one.exists()]
        self._made += reversed(missing)
        check_folder_writable(folder, makes_it=makes_it)

    def remove_empty(self) -> None:
        """Remove those that are empty, the innermost first, and forget them all."""
        while self._made:
            # It holds something, or was never made.
            with suppress(OSError):
                self._made.pop().rmdir()


made_folders = MadeFolders()
