"""Reads a project file into the same facts that REAPER's scripts dump."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dreamsound_reaper.facts import Facts, Item, Project, Section, Settings, Source, Take, Track
from dreamsound_reaper.media import escaped
from dreamsound_reaper.rpp.text import Block, ProjectError, ProjectText, TextLine, western_text

#: Flag of a SECTION source that plays in reverse.
SECTION_REVERSED, WHOLE_REVERSED = 2, 3
ENVELOPES: Final = ("VOLENV", "PANENV", "PITCHENV", "MUTEENV")
#: Key of `P_EXT:DreamSound` in the file.
EXT_KEY: Final = "DreamSound"


@dataclass
class TakeLines:
    """A take's lines in its item: its first line, and everything up to the next take.

    Attributes
    ----------
    start : TextLine or None
        ``TAKE``; None for the first take.
    children : list
        Its lines and blocks.
    """

    start: TextLine | None
    children: list[TextLine | Block] = field(default_factory=list)

    @property
    def is_null(self) -> bool:
        """Whether it is an empty lane."""
        return self.start is not None and "NULL" in self.start.words

    @property
    def is_active(self) -> bool:
        """Whether it is marked as active."""
        return self.start is not None and "SEL" in self.start.words

    def line(self, key: str) -> list[str]:
        """Return the words after a key; none if there is no such line."""
        for one in self.children:
            if isinstance(one, TextLine) and one.key == key:
                return one.words[1:]
        return []

    def blocks(self, key: str) -> list[Block]:
        """Return its blocks of a kind."""
        return [one for one in self.children if isinstance(one, Block) and one.key == key]


@dataclass(frozen=True)
class Found:
    """An item in the project text.

    Attributes
    ----------
    block, track : Block
        The item's block and its track.
    item : Item
        The item's facts.
    """

    block: Block
    track: Block
    item: Item


def takes_of(item: Block) -> list[TakeLines]:
    """Return an item's takes in order; the first has no ``TAKE`` line."""
    takes = [TakeLines(None)]
    for one in item.children:
        if isinstance(one, TextLine) and one.key == "TAKE":
            takes.append(TakeLines(one))
        else:
            takes[-1].children.append(one)
    return takes


def items_of(project: ProjectText) -> Iterator[Found]:
    """Yield all items of a project with their facts, track by track."""
    number = 0
    seen: set[str] = set()
    for place, track in enumerate(project.root.blocks("TRACK"), 1):
        facts = Track(guid=track_guid(track), name=_text(track.line("NAME")), number=place)
        for block in track.blocks("ITEM"):
            number += 1
            item = _item(block, facts, number)
            if item.guid in seen:  # a copy made by a script
                item = item.model_copy(update={"guid": f"#{number}"})
            seen.add(item.guid)
            yield Found(block, track, item)


def chosen_items(project: ProjectText, wanted: str) -> list[Found]:
    """Return the requested items.

    Parameters
    ----------
    project : ProjectText
        The project.
    wanted : str
        ``selected``, ``all``, ``TRACK:N`` (from 1), or part of a take or track name.

    Raises
    ------
    ProjectError
        No item matches.
    """
    found = list(items_of(project))
    track = re.fullmatch(r"track:\s*(\d+)", wanted.strip(), re.IGNORECASE)
    if wanted == "all":
        chosen = found
    elif wanted == "selected":
        chosen = [one for one in found if _number(one.block.line("SEL"), 1)]
    elif track is not None:
        chosen = [one for one in found if one.item.track.number == int(track[1])]
    else:
        part = wanted.casefold()
        chosen = [
            one
            for one in found
            if part in one.item.label.casefold() or part == one.item.track.name.casefold()
        ]
    if not chosen:
        names = sorted({one.item.label for one in found})
        more = f"items: {', '.join(names[:12])}" if names else "the project has no items"
        raise ProjectError(f"no items match {wanted!r}; {more}")
    return chosen


def facts_of(project: ProjectText, path: Path, chosen: list[Found], settings: Settings) -> Facts:
    """Return the facts of some items of a project."""
    record = project.root.line("RECORD_PATH") or []
    rate = project.root.line("SAMPLERATE") or []
    uses_rate = len(rate) > 2 and rate[2] == "1"
    return Facts(
        host={"language": "rpp", "reaper": _version(project)},
        project=Project(
            path=str(path.absolute()),
            record_path=_word(record, 1),
            sample_rate_hz=int(_float(rate[1], 0.0)) if uses_rate else 0,
        ),
        settings=settings,
        items=tuple(one.item for one in chosen),
    )


def is_mac(project: ProjectText) -> bool:
    """Return whether macOS wrote the project: it stores colours in reverse byte order."""
    return any(word in _version(project).lower() for word in ("osx", "macos"))


def _version(project: ProjectText) -> str:
    words = project.root.words
    return words[2] if len(words) > 2 else ""


def track_guid(track: Block) -> str:
    """Return a track's GUID."""
    named = track.line("TRACKID") or track.words
    return named[1] if len(named) > 1 else ""


def _item(block: Block, track: Track, number: int) -> Item:
    takes = takes_of(block)
    active = next((take for take in takes if take.is_active), takes[0])
    volume = block.line("VOLPAN")
    guid = block.line("IGUID")
    return Item(
        guid=guid[1] if guid and len(guid) > 1 else f"#{number}",
        position_s=_number(block.line("POSITION"), 1),
        length_s=_number(block.line("LENGTH"), 1),
        is_loop=bool(_number(block.line("LOOP"), 1)),
        is_locked=bool(int(_number(block.line("LOCK"), 1)) & 1),
        plays_all_takes=bool(_number(block.line("ALLTAKES"), 1)),
        is_muted=bool(_number(block.line("MUTE"), 1)),
        volume=_number(volume, 1, 1.0),
        fade_in_s=max(_number(block.line("FADEIN"), 2), _number(block.line("FADEIN"), 3)),
        fade_out_s=max(_number(block.line("FADEOUT"), 2), _number(block.line("FADEOUT"), 3)),
        track=track,
        take=_take(active),
    )


def _take(take: TakeLines) -> Take | None:
    sources = take.blocks("SOURCE")
    if take.is_null or not sources:
        return None
    source = _source(sources[0])
    kind = source.type.upper()
    return Take(
        guid=_word(take.line("GUID"), 0),
        name=_word(take.line("NAME"), 0),
        ext=_ext(take),
        is_midi=kind.startswith("MIDI"),
        values=values_of(take),
        stretch_markers=tuple(_markers(take.line("SM"))),
        take_markers=tuple(_take_markers(take)),
        has_sample_edits=bool(take.line("SAMPLEEDITS") or take.blocks("SPLS")),
        envelopes=sum(len(take.blocks(kind)) for kind in ENVELOPES),
        fx=sum(isinstance(one, Block) for chain in take.blocks("TAKEFX") for one in chain.children),
        source=source,
    )


def values_of(take: TakeLines) -> dict[str, float]:
    """Return a take's values by REAPER's names."""
    rate = take.line("PLAYRATE")
    if take.start is None:
        pan, volume, law = (_number(take.line("VOLPAN"), place, d) for place, d in _FIRST)
    else:
        pan, volume, law = (_number(take.line("TAKEVOLPAN"), place, d) for place, d in _LATER)
    return {
        "D_STARTOFFS": _number(take.line("SOFFS"), 0),
        "D_PLAYRATE": _number(rate, 0, 1.0),
        "B_PPITCH": _number(rate, 1, 1.0),
        "D_PITCH": _number(rate, 2),
        "I_PITCHMODE": _number(rate, 3, -1.0),
        "I_STRETCHFLAGS": _number(rate, 4),
        "F_STRETCHFADESIZE": _number(rate, 5, 0.0025),
        "D_VOL": volume,
        "D_PAN": pan,
        "D_PANLAW": law,
        "I_CHANMODE": _number(take.line("CHANMODE"), 0),
    }


#: Position of pan, volume and pan law: in the first take (after the item volume), and in others.
_FIRST = ((1, 0.0), (2, 1.0), (3, -1.0))
_LATER = ((0, 0.0), (1, 1.0), (2, -1.0))


def _source(block: Block) -> Source:
    kind = block.words[1] if len(block.words) > 1 else ""
    if kind != "SECTION":
        file = (block.line("FILE") or [])[1:2]
        return Source(type=kind, file=escaped("".join(file)))
    inner = block.blocks("SOURCE")
    mode = int(_number(block.line("MODE"), 1))
    section = Section(
        offset_s=_number(block.line("STARTPOS"), 1) if mode != WHOLE_REVERSED else 0.0,
        length_s=_number(block.line("LENGTH"), 1) if mode != WHOLE_REVERSED else 0.0,
        is_reversed=mode in (SECTION_REVERSED, WHOLE_REVERSED),
    )
    return Source(type=kind, section=section, parent=_source(inner[0]) if inner else None)


def _markers(words: list[str]) -> Iterator[tuple[float, float, float]]:
    marker: list[float] = []
    for word in [*words, "+"]:
        if word != "+":
            marker.append(_float(word, 0.0))
        elif len(marker) >= 2:
            yield marker[0], marker[1], marker[2] if len(marker) > 2 else 0.0
            marker = []


def _take_markers(take: TakeLines) -> Iterator[tuple[float, str, int]]:
    for one in take.children:
        if isinstance(one, TextLine) and one.key == "TKM":
            words = one.words[1:]
            yield _number(words, 0), _word(words, 1), int(_number(words, 2))


def _ext(take: TakeLines) -> str:
    for block in take.blocks("EXT"):
        found = block.line(EXT_KEY)
        if found is not None:
            return _word(found, 1)
    return ""


def _text(words: list[str] | None) -> str:
    return "" if words is None else _word(words, 1)


def _word(words: list[str], place: int) -> str:
    return western_text(words[place]) if len(words) > place else ""


def _number(words: list[str] | None, place: int, default: float = 0.0) -> float:
    if words is None or len(words) <= place:
        return default
    return _float(words[place], default)


def _float(word: str, default: float) -> float:
    try:
        value = float(word)
    except ValueError:
        return default
    return value if abs(value) < float("inf") else default
