"""The files behind items: paths and audio properties."""

from __future__ import annotations

import os
from pathlib import Path, PureWindowsPath

from dreamsound_reaper.facts import Project
from dreamsound_reaper.pieces import FileInfo, UnfitError
from dreamsound_studio.audio.decode import open_sound
from dreamsound_studio.errors import AudioFileError


def local_path(text: str, folder: Path) -> Path | None:
    """Return a project's path on this system; None if it has no equivalent.

    Parameters
    ----------
    text : str
        As in the project; Windows projects use backslashes.
    folder : pathlib.Path
        Base of relative paths.
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
    """Finds the files of a project; opens each once, however many items play it.

    Parameters
    ----------
    project : Project
        Base of relative paths.
    """

    def __init__(self, project: Project) -> None:
        self._folder = Path(project.path).parent if project.path else Path()
        self._infos: dict[Path, FileInfo | str] = {}

    def find(self, file: str) -> Path:
        """Return the path of a file; raise `UnfitError` if it is missing."""
        path = local_path(file, self._folder)
        try:
            if path is not None and path.is_file():
                return path
        except (OSError, ValueError):
            pass
        raise UnfitError(f"plays the missing file {file}")

    def info(self, path: Path) -> FileInfo:
        """Return the audio properties of a file; raise `UnfitError` if it cannot be read."""
        if path not in self._infos:
            try:
                with open_sound(path) as sound:
                    self._infos[path] = FileInfo(sound.frames, sound.samplerate, sound.channels)
            except AudioFileError as error:
                self._infos[path] = str(error)
        found = self._infos[path]
        if isinstance(found, str):
            raise UnfitError(f"plays an unreadable file: {found}")
        return found
