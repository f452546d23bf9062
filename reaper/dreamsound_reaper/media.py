"""The files behind items: where they are, and what they say of themselves."""

from __future__ import annotations

import os
from pathlib import Path, PureWindowsPath

from dreamsound_reaper.facts import Project
from dreamsound_reaper.spans import FileInfo, UnfitError
from dreamsound_studio.audio.clip import open_sound
from dreamsound_studio.errors import AudioFileError


def local_path(text: str, folder: Path) -> Path | None:
    """Return a path of a project as this system has it; None where it can have none.

    Parameters
    ----------
    text : str
        As the project has it. One that was made on Windows has backslashes.
    folder : pathlib.Path
        What it is relative to.
    """
    path = (folder / text).absolute()
    if not text:
        return None
    if os.sep == "\\" or "\\" not in text or path.exists():
        return path
    if PureWindowsPath(text).drive:
        return None
    return (folder / text.replace("\\", "/")).absolute()


class Media:
    """Finds the files of a project; each is opened once, however many items play it.

    Parameters
    ----------
    project : Project
        Paths that are not absolute are relative to its folder.
    """

    def __init__(self, project: Project) -> None:
        self._folder = Path(project.path).parent if project.path else Path()
        self._infos: dict[Path, FileInfo | str] = {}

    def find(self, file: str) -> Path:
        """Return where a file is, or raise `UnfitError`."""
        path = local_path(file, self._folder)
        try:
            if path is not None and path.is_file():
                return path
        except (OSError, ValueError):
            pass
        raise UnfitError(f"plays {file}, which is not there")

    def info(self, path: Path) -> FileInfo:
        """Return what a file says of itself, or raise `UnfitError`."""
        if path not in self._infos:
            try:
                with open_sound(path) as sound:
                    self._infos[path] = FileInfo(sound.frames, sound.samplerate, sound.channels)
            except AudioFileError as error:
                self._infos[path] = str(error)
        found = self._infos[path]
        if isinstance(found, str):
            raise UnfitError(f"plays what cannot be read: {found}")
        return found
