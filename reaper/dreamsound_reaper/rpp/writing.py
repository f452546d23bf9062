"""Applies a plan to a project's text: adds lines, and moves the mark of the active take."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Final

from dreamsound_reaper.rpp.reading import EXT_KEY, is_mac, items_of, takes_of, track_guid
from dreamsound_reaper.rpp.text import Block, ProjectError, ProjectText, TextLine, quoted
from dreamsound_reaper.take_plan import NewItem, NewTake, NewTrack, TakePlan
from dreamsound_studio.files import atomic

#: REAPER's source type per file extension.
SOURCES: Final = {".wav": "WAVE", ".aiff": "WAVE", ".flac": "FLAC", ".mp3": "MP3",
                  ".ogg": "VORBIS", ".opus": "OPUS"}  # fmt: skip
#: GUIDs are derived from their purpose: the same plan gives the same project.
_NAMESPACE: Final = uuid.UUID("5f0b6f5e-6f1b-5d0e-9a57-4b8f7a3d2c11")


class Writer:
    """Applies a plan to a project.

    Parameters
    ----------
    project : ProjectText
        Changed in place.
    folder : pathlib.Path
        Folder of the new project: files below it get relative names.
    """

    def __init__(self, project: ProjectText, folder: Path) -> None:
        self._project = project
        self._folder = folder.absolute()
        self._end = project.line_end
        self._is_mac = is_mac(project)
        self.takes = 0
        self.written: list[NewTake] = []

    def apply(self, plan: TakePlan) -> None:
        """Add all takes and tracks of a plan."""
        found = {one.item.guid: one.block for one in items_of(self._project)}
        for entry in plan.items:
            self._add_takes(found[entry.item], entry.takes)
        for track in plan.tracks:
            self._add_track(track)

    def _add_takes(self, item: Block, takes: Sequence[NewTake]) -> None:
        indent = _indent_in(item)
        activates = any(take.is_active for take in takes)
        if activates:
            for there in takes_of(item):
                if there.start is not None and there.is_active:
                    words = [word for word in there.start.words if word != "SEL"]
                    there.start.text = _indent(there.start.text) + " ".join(words) + self._end
        for take in takes:
            mark = "TAKE SEL" if take.is_active else "TAKE"
            item.children.append(TextLine(f"{indent}{mark}{self._end}"))
            values = take.values
            volume = [values.get("D_PAN", 0.0), values.get("D_VOL", 1.0), _law(values)]
            self._fill(item, take, indent, f"TAKEVOLPAN {_numbers(volume)}")

    def _fill(self, item: Block, take: NewTake, indent: str, volume: str) -> None:
        """Append the lines of a take to its item."""
        self.written.append(take)
        values = take.values
        rate = [
            values.get("D_PLAYRATE", 1.0),
            values.get("B_PPITCH", 1.0),
            values.get("D_PITCH", 0.0),
            values.get("I_PITCHMODE", -1.0),
            values.get("I_STRETCHFLAGS", 0.0),
            values.get("F_STRETCHFADESIZE", 0.0025),
        ]
        lines = [
            f"NAME {quoted(take.name)}",
            volume,
            f"SOFFS {_numbers([values.get('D_STARTOFFS', 0.0)])}",
            f"PLAYRATE {_numbers(rate)}",
            f"CHANMODE {_numbers([values.get('I_CHANMODE', 0.0)])}",
        ]
        if take.colour is not None:
            lines.append(f"TAKECOLOR {self._colour(take.colour)} {'B' if self._is_mac else 'R'}")
        lines.append(f"GUID {self._guid('take', take.file)}")
        item.children += [TextLine(f"{indent}{line}{self._end}") for line in lines]
        kind = SOURCES.get(Path(take.file).suffix.lower(), "WAVE")
        item.children.append(
            self._block(indent, f"SOURCE {kind}", [f"FILE {_always_quoted(self._name(take))}"])
        )
        if take.stretch_markers:
            markers = " + ".join(
                _numbers([at, source, slope] if slope else [at, source])
                for at, source, slope in take.stretch_markers
            )
            item.children.append(TextLine(f"{indent}SM {markers}{self._end}"))
        for at_s, name, colour in take.take_markers:
            words = f"TKM {_numbers([at_s])} {_always_quoted(name) if not name else quoted(name)}"
            line = f"{words} {colour}" if colour else words
            item.children.append(TextLine(f"{indent}{line}{self._end}"))
        if take.ext:
            # JSON can do without one of the three quote characters.
            ext = take.ext.replace("`", "\\u0060")
            item.children.append(self._block(indent, "EXT", [f"{EXT_KEY} {quoted(ext)}"]))

    def _add_track(self, new: NewTrack) -> None:
        root = self._project.root
        after = next(
            (track for track in root.blocks("TRACK") if track_guid(track) == new.after), None
        )
        if after is None:
            return
        indent = _indent(after.opening)
        guid = self._guid("track", new.items[0].takes[0].file)
        lines = [f"NAME {quoted(new.name)}", *self._end_of_folder(after), f"TRACKID {guid}"]
        track = self._block(indent, f"TRACK {guid}", lines)
        for one in new.items:
            track.children.append(self._item(_indent_in(track), one))
        root.children.insert(root.children.index(after) + 1, track)

    def _end_of_folder(self, track: Block) -> list[str]:
        """Move the end of a folder from its last track to the one that follows; return its line."""
        for one in track.children:
            if isinstance(one, TextLine) and one.key == "ISBUS":
                words = one.words
                if len(words) > 2 and words[2].startswith("-"):
                    one.text = f"{_indent(one.text)}ISBUS 0 0{self._end}"
                    return [" ".join(words)]
        return []

    def _item(self, indent: str, new: NewItem) -> Block:
        values = new.values
        takes = sorted(new.takes, key=lambda take: not take.is_active)
        file = takes[0].file
        lines = [
            f"POSITION {_numbers([values['D_POSITION']])}",
            f"LENGTH {_numbers([values['D_LENGTH']])}",
            f"LOOP {_numbers([values.get('B_LOOPSRC', 0.0)])}",
            f"FADEIN 1 {_numbers([values.get('D_FADEINLEN', 0.0)])} 0 1 0 0",
            f"FADEOUT 1 {_numbers([values.get('D_FADEOUTLEN', 0.0)])} 0 1 0 0",
            f"MUTE {_numbers([values.get('B_MUTE', 0.0)])} 0",
            "SEL 0",
            f"IGUID {self._guid('item', file)}",
        ]
        item = self._block(indent, "ITEM", lines)
        first = takes[0].values
        volume = [values.get("D_VOL", 1.0), first.get("D_PAN", 0.0), first.get("D_VOL", 1.0)]
        inner = _indent_in(item)
        self._fill(item, takes[0], inner, f"VOLPAN {_numbers([*volume, _law(first)])}")
        self._add_takes(item, [take.model_copy(update={"is_active": False}) for take in takes[1:]])
        return item

    def _block(self, indent: str, head: str, lines: list[str]) -> Block:
        children: list[TextLine | Block] = [
            TextLine(f"{indent}  {line}{self._end}") for line in lines
        ]
        return Block(f"{indent}<{head}{self._end}", f"{indent}>{self._end}", children)

    def _guid(self, kind: str, file: str) -> str:
        self.takes += kind == "take"
        made = uuid.uuid5(_NAMESPACE, f"{kind} {self.takes} {file}")
        return f"{{{str(made).upper()}}}"

    def _name(self, take: NewTake) -> str:
        path = Path(take.file)
        if path.is_relative_to(self._folder):
            return str(path.relative_to(self._folder))
        return str(path)

    def _colour(self, colour: tuple[int, int, int]) -> int:
        red, green, blue = reversed(colour) if self._is_mac else colour
        return 0x1000000 | red | green << 8 | blue << 16


def move_paths(project: ProjectText, old: Path, new: Path) -> None:
    """Let the relative paths of a project's media lead to the same files from another folder.

    Parameters
    ----------
    project : ProjectText
        Changed in place; a path that leads to no file stays as it is.
    old, new : pathlib.Path
        The folders.
    """
    old, new = old.absolute(), new.absolute()
    blocks = [project.root] if old != new else []
    while blocks:
        block = blocks.pop()
        for one in block.children:
            if isinstance(one, Block):
                blocks.append(one)
            elif block.key == "SOURCE" and one.key == "FILE" and len(one.words) > 1:
                moved = _moved(one.words[1], old, new)
                if moved is not None:
                    rest = " ".join(one.words[2:])
                    line = f"FILE {_always_quoted(moved)} {rest}".rstrip()
                    one.text = _indent(one.text) + line + project.line_end


def _moved(file: str, old: Path, new: Path) -> str | None:
    """Return a relative path from another folder; None if it stays."""
    is_windows = "\\" in file
    path = old / (file.replace("\\", "/") if is_windows else file)
    if Path(file).is_absolute() or PureWindowsPath(file).drive or not path.is_file():
        return None
    try:
        text = os.path.relpath(path, new)
    except ValueError:  # on another drive of Windows
        return os.fspath(path)
    return text.replace("/", "\\") if is_windows else text


def write_new(project: ProjectText, path: Path) -> None:
    """Write a project to a new file, atomically.

    Raises
    ------
    ProjectError
        The file exists, or cannot be written.
    """
    try:
        with atomic(path, overwrite=False) as partial:
            partial.write_bytes(project.content())
    except FileExistsError:
        raise ProjectError(f"{path} exists. Choose another name for the new project") from None
    except OSError as error:
        raise ProjectError(f"cannot write {path}: {error.strerror or error}") from error


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def _indent_in(block: Block) -> str:
    """Return the indentation inside a block."""
    for one in block.children:
        return _indent(one.opening if isinstance(one, Block) else one.text)
    return _indent(block.opening) + "  "


def _law(values: dict[str, float]) -> float:
    return values.get("D_PANLAW", -1.0)


def _numbers(values: list[float]) -> str:
    """Return numbers in REAPER's format: no exponent, no trailing zeros."""
    return " ".join(f"{value + 0.0:.14f}".rstrip("0").rstrip(".") or "0" for value in values)


def _always_quoted(text: str) -> str:
    found = quoted(text)
    return found if found != text else f'"{text}"'
