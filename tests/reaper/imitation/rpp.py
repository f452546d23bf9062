"""Projects as text and back: the imitation's own, so that it is an oracle for the bridge's."""

from __future__ import annotations

import os
from pathlib import Path

from .model import Item, Project, Source, Take, Track


def save(project: Project) -> bytes:
    """Return a project file."""
    out: list[str] = []

    def line(depth: int, *words: object) -> None:
        out.append("  " * depth + " ".join(map(str, words)))

    line(0, '<REAPER_PROJECT 0.1 "7.08/linux-x86_64" 1607223064')
    line(1, "RIPPLE 0")
    line(1, f"RECORD_PATH {word(project.record_path, True)} {word('', True)}")
    line(1, f"SAMPLERATE {project.rate} {int(project.uses_rate)} 0")
    for track in project.tracks:
        line(1, f"<TRACK {track.guid}")
        line(2, f"NAME {word(track.name)}")
        if track.depth:
            line(2, f"ISBUS {1 if track.depth > 0 else 2} {track.depth}")
        line(2, f"TRACKID {track.guid}")
        if track.effects:
            line(2, "<FXCHAIN")
            line(2, ">")
        for item in track.items:
            _save_item(line, item, project)
        line(1, ">")
    if project.ext:
        line(1, "<EXTSTATE")
        for (section, key), value in sorted(project.ext.items()):
            line(2, word(section), word(key), word(value))
        line(1, ">")
    line(0, ">")
    return "".join(f"{text}\r\n" for text in out).encode("utf-8", "surrogateescape")


def _save_item(line, item: Item, project: Project) -> None:
    n = item.numbers
    line(2, "<ITEM")
    line(3, "POSITION", number(n["D_POSITION"]))
    line(3, "LENGTH", number(n["D_LENGTH"]))
    line(3, "LOOP", number(n["B_LOOPSRC"]))
    if n["B_ALLTAKESPLAY"]:
        line(3, "ALLTAKES", number(n["B_ALLTAKESPLAY"]))
    line(3, "FADEIN 1", number(n["D_FADEINLEN"]), number(n["D_FADEINLEN_AUTO"]), "1 0 0")
    line(3, "FADEOUT 1", number(n["D_FADEOUTLEN"]), number(n["D_FADEOUTLEN_AUTO"]), "1 0 0")
    line(3, "MUTE", number(n["B_MUTE"]), 0)
    if n["C_LOCK"]:
        line(3, "LOCK", number(n["C_LOCK"]))
    line(3, "SEL", int(item.is_selected))
    line(3, "IGUID", item.guid)
    for place, take in enumerate(item.takes or [None]):
        if place:
            sel = " SEL" if place == item.active else ""
            line(3, f"TAKE NULL{sel}" if take is None else f"TAKE{sel}")
        if take is not None:
            _save_take(line, take, n["D_VOL"] if place == 0 else None, project)
        elif not place:
            line(3, "VOLPAN", number(n["D_VOL"]))
    line(2, ">")


def _save_take(line, take: Take, item_volume: float | None, project: Project) -> None:
    n = take.numbers
    line(3, "NAME", word(take.name))
    pan = [n["D_PAN"], n["D_VOL"], n["D_PANLAW"]]
    if item_volume is None:
        line(3, "TAKEVOLPAN", *map(number, pan))
    else:
        line(3, "VOLPAN", *map(number, [item_volume, *pan]))
    line(3, "SOFFS", number(n["D_STARTOFFS"]))
    rate = ["D_PLAYRATE", "B_PPITCH", "D_PITCH", "I_PITCHMODE", "I_STRETCHFLAGS",
            "F_STRETCHFADESIZE"]  # fmt: skip
    line(3, "PLAYRATE", *(number(n[key]) for key in rate))
    line(3, "CHANMODE", number(n["I_CHANMODE"]))
    if n["I_CUSTOMCOLOR"]:
        line(3, "TAKECOLOR", number(n["I_CUSTOMCOLOR"]), "R")
    line(3, "GUID", take.guid)
    if take.source is not None:
        _save_source(line, take.source, 3, project)
    if take.markers:
        markers = [" ".join(map(number, one if one[2] else one[:2])) for one in take.markers]
        line(3, "SM", " + ".join(markers))
    for at_s, name, colour in take.take_markers:
        line(3, "TKM", number(at_s), word(name), colour)
    for _ in range(take.envelopes):
        line(3, "<VOLENV")
        line(3, ">")
    if take.effects:
        line(3, "<TAKEFX")
        for _ in range(take.effects):
            line(4, '<VST "x"')
            line(4, ">")
        line(3, ">")
    if take.ext:
        line(3, "<EXT")
        for key, value in sorted(take.ext.items()):
            line(4, key, word(value))
        line(3, ">")


def _save_source(line, source: Source, depth: int, project: Project) -> None:
    line(depth, f"<SOURCE {source.kind}")
    if source.kind == "SECTION":
        if source.mode != 3:
            line(depth + 1, "LENGTH", number(source.part_s))
            line(depth + 1, "STARTPOS", number(source.offset_s))
        line(depth + 1, "OVERLAP 0.01")
        if source.mode:
            line(depth + 1, "MODE", source.mode)
        if source.parent is not None:
            _save_source(line, source.parent, depth + 1, project)
    elif source.file:
        file = Path(source.file)
        folder = Path(project.path).parent if project.path else None
        shown = os.fspath(file)
        if folder is not None and file.is_relative_to(folder):
            shown = os.fspath(file.relative_to(folder))
        line(depth + 1, "FILE", word(shown, True))
    line(depth, ">")


def load(content: bytes, path: str = "") -> Project:
    """Read a project file."""
    lines = [words(text) for text in content.decode("utf-8", "surrogateescape").splitlines()]
    project = Project(path=path, tracks=[])
    at = 0
    stack: list[str] = []
    item: Item | None = None
    take: Take | None = None
    sources: list[Source] = []
    while at < len(lines):
        found = lines[at]
        at += 1
        if not found:
            continue
        key, rest = found[0], found[1:]
        if key == ">":
            closed = stack.pop()
            if closed == "<SOURCE":
                done = sources.pop()
                if sources:
                    sources[-1].parent = done
                elif take is not None:
                    take.source = done
            elif closed == "<ITEM":
                item = take = None
        elif key.startswith("<"):
            stack.append(key)
            if key == "<TRACK":
                project.tracks.append(Track(guid=rest[0]))
            elif key == "<ITEM":
                item = Item(takes=[])
                project.tracks[-1].items.append(item)
                take = None
            elif key == "<SOURCE":
                sources.append(Source(kind=rest[0]))
            elif take is not None and key == "<VOLENV":
                take.envelopes += 1
            elif take is not None and key == "<VST":
                take.effects += 1
        elif sources:
            _load_source(sources[-1], key, rest, project)
        elif stack[-1] == "<EXT" and take is not None:
            take.ext[key] = rest[0]
        elif stack[-1] == "<EXTSTATE":
            project.ext[key, rest[0]] = rest[1]
        elif stack[-1] == "<ITEM" and item is not None:
            take = _load_item(item, take, key, rest)
        elif key == "RECORD_PATH":
            project.record_path = rest[0]
        elif key == "SAMPLERATE":
            project.rate, project.uses_rate = int(rest[0]), rest[1] == "1"
        elif key == "NAME" and stack[-1] == "<TRACK":
            project.tracks[-1].name = rest[0]
        elif key == "ISBUS":
            project.tracks[-1].depth = int(rest[1])
    return project


def _load_item(item: Item, take: Take | None, key: str, rest: list[str]) -> Take | None:
    n = item.numbers
    head = {"POSITION": "D_POSITION", "LENGTH": "D_LENGTH", "LOOP": "B_LOOPSRC", "LOCK": "C_LOCK",
            "MUTE": "B_MUTE", "ALLTAKES": "B_ALLTAKESPLAY"}  # fmt: skip
    if key in head:
        n[head[key]] = float(rest[0])
    elif key in ("FADEIN", "FADEOUT"):
        n[f"D_{key}LEN"], n[f"D_{key}LEN_AUTO"] = float(rest[1]), float(rest[2])
    elif key == "SEL":
        item.is_selected = rest[0] == "1"
    elif key == "IGUID":
        item.guid = rest[0]
    elif key == "TAKE":
        if not item.takes:
            item.takes.append(None)
        if "SEL" in rest:
            item.active = len(item.takes)
        take = None if "NULL" in rest else Take()
        item.takes.append(take)
    elif key == "NAME" and take is None and not item.takes:
        take = Take(name=rest[0])
        item.takes.append(take)
    elif key == "VOLPAN":
        n["D_VOL"] = float(rest[0])
        if take is not None:
            _pan(take, rest[1:])
    elif take is not None:
        _load_take(take, key, rest)
    return take


def _pan(take: Take, rest: list[str]) -> None:
    for name, value in zip(("D_PAN", "D_VOL", "D_PANLAW"), rest, strict=False):
        take.numbers[name] = float(value)


def _load_take(take: Take, key: str, rest: list[str]) -> None:
    if key == "NAME":
        take.name = rest[0]
    elif key == "TAKEVOLPAN":
        _pan(take, rest)
    elif key == "SOFFS":
        take.numbers["D_STARTOFFS"] = float(rest[0])
    elif key == "CHANMODE":
        take.numbers["I_CHANMODE"] = float(rest[0])
    elif key == "TAKECOLOR":
        take.numbers["I_CUSTOMCOLOR"] = float(rest[0])
    elif key == "GUID":
        take.guid = rest[0]
    elif key == "PLAYRATE":
        names = ["D_PLAYRATE", "B_PPITCH", "D_PITCH", "I_PITCHMODE", "I_STRETCHFLAGS",
                 "F_STRETCHFADESIZE"]  # fmt: skip
        take.numbers |= {name: float(value) for name, value in zip(names, rest, strict=False)}
    elif key == "TKM":
        take.take_markers.append((float(rest[0]), rest[1], int(rest[2])))
    elif key == "SM":
        for one in " ".join(rest).split("+"):
            values = [float(text) for text in one.split()]
            take.markers.append([*values, 0.0][:3])


def _load_source(source: Source, key: str, rest: list[str], project: Project) -> None:
    if key == "FILE":
        folder = Path(project.path).parent if project.path else Path()
        source.file = os.fspath(folder / rest[0])
    elif key == "LENGTH":
        source.part_s = float(rest[0])
    elif key == "STARTPOS":
        source.offset_s = float(rest[0])
    elif key == "MODE":
        source.mode = int(rest[0])


def word(text: str, always: bool = False) -> str:
    """Return a word in the quotes that REAPER would choose."""
    if text and not always and " " not in text and text[0] not in "\"'`":
        return text
    for quote in "\"'`":
        if quote not in text:
            return f"{quote}{text}{quote}"
    return "`" + text.replace("`", "'") + "`"


def words(text: str) -> list[str]:
    """Return the words of a line."""
    found, rest = [], text.strip()
    while rest:
        if rest[0] in "\"'`":
            inner, _, rest = rest[1:].partition(rest[0])
            found.append(inner)
        else:
            inner, _, rest = rest.partition(" ")
            found.append(inner)
        rest = rest.lstrip()
    return found


def number(value: float) -> str:
    """Return a number as REAPER writes it: as many digits as it needs."""
    return repr(int(value)) if float(value).is_integer() else f"{value:.15g}"
