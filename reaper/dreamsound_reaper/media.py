"""The files behind items: where they are, and what they say of themselves."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from dreamsound.audio import open_sound
from dreamsound.errors import AudioFileError
from dreamsound_reaper.facts import Project
from dreamsound_reaper.spans import FileInfo, UnfitError


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
        """Return where a file is, or raise `UnfitError`.

        A project may have been made on another system: a backslash is tried as a separator too.
        """
        names = [file]
        if "\\" in file and not PureWindowsPath(file).is_absolute():
            names.append(file.replace("\\", "/"))
        for name in names:
            path = self._folder / Path(name)
            try:
                if path.is_file():
                    return path.absolute()
            except (OSError, ValueError):
                continue
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
