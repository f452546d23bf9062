"""The files behind items: paths and audio properties."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import Final

from dreamsound_reaper.facts import Project
from dreamsound_reaper.pieces import FileInfo, UnfitError
from dreamsound_studio.audio.decode import open_sound
from dreamsound_studio.errors import AudioFileError

#: Bytes that are not UTF-8, as facts write them: no file's name has such a letter.
ESCAPED: Final = re.compile("\ufffc([0-9a-f]{2})")
#: Folders looked through below one of ``--media``.
MOST_FOLDERS: Final = 20_000


def escaped(text: str) -> str:
    """Return a path whose bytes may not be UTF-8 as a text that JSON can hold."""
    return "".join(
        f"\ufffc{ord(letter) - 0xDC00:02x}" if 0xDC80 <= ord(letter) <= 0xDCFF else letter
        for letter in text
    )


def unescaped(text: str) -> str:
    """Return the path that :func:`escaped` wrote, as the file system has it."""
    return ESCAPED.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text)


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
    folders : sequence of str
        Where missing files are searched, after the project's own folders.
    out : pathlib.Path, optional
        Folder of the renders; files whose names are not UTF-8 get another name there.
    """

    def __init__(
        self, project: Project, folders: Sequence[str] = (), out: Path | None = None
    ) -> None:
        self._folder = Path(project.path).parent if project.path else Path()
        self._record = local_path(project.record_path, self._folder)
        self._further = [Path(folder).expanduser().absolute() for folder in folders]
        self._out = out
        self._infos: dict[Path, FileInfo | str] = {}
        self._names: dict[str, Path] | None = None
        self._found: dict[str, Path] = {}

    def find(self, file: str) -> Path:
        """Return the path of a file; raise `UnfitError` if it is missing."""
        if file not in self._found:
            for path in self._places(file):
                with suppress(OSError, ValueError):
                    if path.is_file():
                        self._found[file] = self._named(path)
                        break
            else:
                raise UnfitError(f"plays the missing file {_shown(unescaped(file))}")
        return self._found[file]

    def _places(self, file: str) -> Iterator[Path]:
        """Yield where a file may be: as the project says, beside it, and in further folders."""
        texts = list(dict.fromkeys((unescaped(file), _shown(unescaped(file)))))
        for text in texts:
            path = local_path(text, self._folder)
            if path is not None:
                yield path
        for text in texts:
            parts = PureWindowsPath(text) if "\\" in text else Path(text)
            for folder in (self._folder, self._record, *self._further):
                if folder is None:
                    continue
                if not parts.is_absolute() and not parts.drive:
                    yield folder.joinpath(*parts.parts)
                yield folder / parts.name
            below = self._below().get(parts.name)
            if below is not None:
                yield below

    def _below(self) -> dict[str, Path]:
        """Return the files in and below the further folders by their names, the uppermost first."""
        if self._names is None:
            self._names = {}
            seen = 0
            for top in self._further:
                for folder, folders, names in os.walk(top):
                    folders.sort()
                    for name in names:
                        self._names.setdefault(name, Path(folder, name))
                    seen += 1
                    if seen >= MOST_FOLDERS:
                        break
        return self._names

    def _named(self, path: Path) -> Path:
        """Return a file under a name that is UTF-8: the queue and JSON can hold no other."""
        text = os.fspath(path)
        if _shown(text) == text or self._out is None:
            return path
        self._out.mkdir(parents=True, exist_ok=True)
        link = self._out / _shown(path.name)
        if link.exists() and link.samefile(path):
            return link
        number = 1
        while link.exists():
            number += 1
            link = self._out / f"{Path(_shown(path.name)).stem} {number}{path.suffix}"
        try:
            os.link(path, link)
        except OSError:
            shutil.copyfile(path, link)
        return link

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


def _shown(text: str) -> str:
    """Return a path with the bytes that are not UTF-8 as Western European letters."""
    content = text.encode("utf-8", "surrogateescape")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
