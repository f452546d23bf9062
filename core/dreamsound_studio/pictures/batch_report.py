"""Batches: find the sounds in folders, and report the result of each."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from dreamsound_studio.audio.intake.foreign import (
    FOREIGN_ENDINGS,
    find_ffmpeg,
    foreign_kind,
    needs_ffmpeg,
)
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.files import free_number, numbered, write_atomic
from dreamsound_studio.pictures.html import STYLE, escape_html, judged_line, picture, player

#: Common file extensions of what libsndfile reads, and ffmpeg.
ENDINGS = (
    *(".wav", ".wave", ".rf64", ".bw64", ".bwf", ".w64", ".aif", ".aiff", ".aifc", ".caf"),
    *(".flac", ".ogg", ".oga", ".opus", ".mp3", ".au", ".snd"),
    *FOREIGN_ENDINGS,
)

#: Files that are named where none is taken.
_MOST_REASONS = 5


@dataclass(frozen=True)
class Sound:
    """A file in a batch.

    Attributes
    ----------
    path : pathlib.Path
        Path of the file.
    below : pathlib.Path
        Its folder, relative to the folder that was passed.
    """

    path: Path
    below: Path


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that a batch leaves out.

    Attributes
    ----------
    path : pathlib.Path
        Its path.
    why : str
        The reason, and what to do if there is something.
    """

    path: Path
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def sounds_in(
    places: list[Path], recursive: bool, out: Path, left_out: list[LeftOut] | None = None
) -> list[Sound]:
    """Return the sound files in folders, sorted by name; `places` may include files.

    Parameters
    ----------
    places : list of pathlib.Path
        Folders and files.
    recursive : bool
        Whether to search subfolders. Links to folders are not followed.
    out : pathlib.Path
        Output folder; files below it are skipped, since an earlier batch made them.
    left_out : list of LeftOut, optional
        Receives what is in the folders and left out.

    Raises
    ------
    AudioFileError
        A place is missing or unreadable, or no sound files were found.
    """
    found: dict[Path, Sound] = {}
    left_out = [] if left_out is None else left_out

    def take(sound: Sound) -> None:
        first = found.setdefault(sound.path.resolve(), sound)
        if first is not sound and first.path != sound.path:
            left_out.append(LeftOut(sound.path, f"the same file as {first.path}"))

    for place in places:
        if place.is_file():
            take(Sound(place, Path()))
            continue
        if not place.is_dir():
            raise AudioFileError(f"{place}: no such folder")
        for sound in _sounds_below(place, recursive, out.resolve(), left_out):
            take(sound)
    if not found:
        hint = "" if recursive else ". Pass --recursive to search subfolders."
        reasons = "; ".join(map(str, left_out[:_MOST_REASONS]))
        if reasons and not hint:
            hint = f" (left out: {reasons}{'; ...' * (len(left_out) > _MOST_REASONS)})"
        raise AudioFileError(f"No audio files found in {', '.join(map(str, places))}{hint}")
    return list(found.values())


def _sounds_below(
    place: Path, recursive: bool, out: Path, left_out: list[LeftOut]
) -> Iterator[Sound]:
    def failed(error: OSError) -> None:
        raise AudioFileError(f"{error.filename}: {error.strerror}") from error

    ffmpeg = find_ffmpeg()
    for folder, folders, names in os.walk(place, onerror=failed):
        here = Path(folder)
        below = []
        for name in sorted(folders):
            if why := _why_not_below(here / name, recursive, out):
                left_out.append(LeftOut(here / name, why))
            else:
                below.append(name)
        folders[:] = below
        for name in sorted(names):
            path = here / name
            if why := _why_not(path, out, ffmpeg):
                left_out.append(LeftOut(path, why))
            else:
                yield Sound(path, here.relative_to(place))


def _why_not_below(folder: Path, recursive: bool, out: Path) -> str:
    """Return why the sounds of a folder are left out; empty if they are taken."""
    if folder.name.startswith("."):
        return "a hidden folder"
    if folder.is_symlink():
        return "a link to a folder: name the folder itself"
    if folder.resolve() == out:
        return "the folder for the renders"
    return "" if recursive else "a folder: pass --recursive to take the sounds in it"


def _why_not(path: Path, out: Path, ffmpeg: str | None) -> str:
    """Return why a file is left out; empty if it is taken."""
    ending = path.suffix.casefold()
    if path.name.startswith("."):
        return "a hidden file"
    if ending not in ENDINGS:
        return f"not a sound, by its ending {ending}" if ending else "not a sound: it has no ending"
    if not path.is_file():
        return "a link to a missing file" if path.is_symlink() else "not a regular file"
    if path.resolve().parent == out:
        return "in the folder for the renders"
    if ending in FOREIGN_ENDINGS and ffmpeg is None:
        kind = foreign_kind(path)
        if kind is not None:
            return needs_ffmpeg(kind)
    return ""


@dataclass
class Row:
    """The result for one sound.

    Attributes
    ----------
    number : int
        1, 2, ...
    input : str
        The sound's path.
    out : str
        The folder of its renders.
    state : {"done", "skipped", "failed", "not begun"}
        The result.
    why : str
        The reason for a failure or skip.
    exit_code : int
        The command line's exit code for it.
    class_name : str
        The class that was maximised.
    before, after : float or None
        Its score before and after.
    judged : mapping or None
        What a second model hears in both, as `Judgement.as_dict` gives it.
    seconds : float
        Duration of the dream and its renders.
    renders : dict
        Paths of the renders.
    pictures : dict
        Spectrograms, ``before`` and ``after``, relative to the report.
    warnings : list of str
        Warnings to show.
    levels : str
        Which of its renders are softer than the source.
    """

    number: int
    input: str
    out: str
    state: Literal["done", "skipped", "failed", "not begun"] = "not begun"
    why: str = ""
    exit_code: int = 0
    class_name: str = ""
    before: float | None = None
    after: float | None = None
    judged: Mapping[str, Any] | None = None
    seconds: float = 0.0
    renders: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    levels: str = ""

    def outcome(self, name: str = "") -> str:
        """Return the state and the reason, with the sound's `name` unless the reason names it."""
        stem = re.escape(Path(self.input).stem)
        # The sound itself, or a render of it, in whatever folder.
        is_named = re.search(rf"(^|[/\\]){stem}[^/\\:]*\.\w+\b", self.why) is not None
        return ": ".join(filter(None, (self.state, "" if is_named else name, self.why)))


@dataclass
class BatchReport:
    """The result of a batch.

    Attributes
    ----------
    out : pathlib.Path
        Output folder, which also holds the report.
    name : str
        Base name of the report's files.
    rows : list of Row
        One for each sound.
    seconds : float
        Total duration.
    left_out : list of LeftOut
        What is in the folders and is not in the batch.
    levels : str
        How many renders are softer than their sources, in one line.
    """

    out: Path
    name: str
    rows: list[Row]
    seconds: float = 0.0
    left_out: list[LeftOut] = field(default_factory=list)
    levels: str = ""

    @classmethod
    def beginning(cls, out: Path, rows: list[Row], stem: str = "batch_report") -> BatchReport:
        """Start a report under a name not used yet."""

        def is_taken(number: int) -> bool:
            name = numbered(stem, number)
            return any(out.glob(f"{name}.*")) or (out / name).exists()

        return cls(out, numbered(stem, free_number(is_taken)), rows)

    @property
    def pictures(self) -> Path:
        """The folder of the report's pictures."""
        return self.out / self.name

    def of(self, state: str) -> list[Row]:
        """Return the rows in a state."""
        return [row for row in self.rows if row.state == state]

    def text(self, most_left_out: int | None = None) -> str:
        """Return the report as plain text.

        Parameters
        ----------
        most_left_out : int, optional
            How many of the files that were left out are named; by default all.
        """
        states = ("done", "skipped", "failed", "not begun")
        counts = [f"{len(self.of(state))} {state}" for state in states if self.of(state)]
        lines = [f"{', '.join(counts)}, of {len(self.rows)}, in {_duration(self.seconds)}"]
        lines += [row.outcome(row.input) for row in self.of("failed")]
        lines += [row.outcome(row.input) for row in self.of("skipped")]
        named = self.left_out[:most_left_out]
        lines += [f"left out: {one}" for one in named]
        if more := len(self.left_out) - len(named):
            lines.append(f"left out: {more} more, see {self.name}.txt")
        lines += [remarks] if (remarks := self.remarks()) else []
        lines.append(f"renders: {self.out}")
        return "\n".join(lines)

    def remarks(self) -> str:
        """Return how many renders are softer, and how many warnings there are; or nothing."""
        count = sum(len(row.warnings) for row in self.rows)
        lines = [self.levels, f"warnings: {count}" if count else ""]
        remarks = "; ".join(filter(None, lines))
        return f"{remarks}, see {self.name}.html" if remarks else ""

    def write(self) -> None:
        """Write the report as text, JSON and HTML, each atomically.

        Raises
        ------
        AudioFileError
            A file cannot be written.
        """
        values = {
            "seconds": self.seconds,
            "inputs": [asdict(row) for row in self.rows],
            "left_out": [{"input": str(one.path), "why": one.why} for one in self.left_out],
        }
        write_atomic(self.out / f"{self.name}.txt", f"{self.text()}\n")
        write_atomic(self.out / f"{self.name}.json", json.dumps(values, indent=1))
        write_atomic(self.out / f"{self.name}.html", self.page())

    def page(self) -> str:
        """Return the report as an HTML page."""
        summary = self.text().splitlines()[0]
        # Rows that need attention come first.
        order = ("failed", "not begun", "done", "skipped")
        cards = "\n".join(self._card(row) for state in order for row in self.of(state))
        rest = "".join(f"<li>{escape_html(one)}</li>" for one in self.left_out)
        if rest:
            count = len(self.left_out)
            rest = f"<details><summary>left out: {count}</summary><ul>{rest}</ul></details>"
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width">\n'
            f"<title>{escape_html(summary)}</title>\n<style>{STYLE}{ROWS}</style></head>\n<body>"
            f"<header><h1>{escape_html(summary)}</h1></header>\n<main>\n{cards}\n</main>{rest}\n"
            f"</body></html>\n"
        )

    def _card(self, row: Row) -> str:
        lines = filter(None, [row.levels, *row.warnings])
        notes = "".join(f'<p class="warning">{escape_html(line)}</p>' for line in lines)
        if row.state != "done":
            kind = "error" if row.state == "failed" else "warning"
            content, pair = f'<p class="{kind}">{escape_html(row.outcome())}</p>{notes}', ""
        else:
            before, after = row.before or 0, row.after or 0
            score = f"{escape_html(row.class_name)} {before:.3f} → {after:.3f}, {row.seconds:.1f} s"
            if not row.class_name:  # of a model without classes
                score = f"{row.seconds:.1f} s"
            players = [
                player(render, os.path.relpath(path, self.out))
                for render, path in row.renders.items()
            ]
            rest = f"<details><summary>more</summary>{''.join(players[1:])}{notes}</details>"
            content = f"<p>{score}</p>{judged_line(row.judged)}{players[0]}{rest}"
            pair = "".join(picture(row.pictures.get(which)) for which in ("before", "after"))
        return (
            f"<article><div><h2>{row.number} {escape_html(Path(row.input).name)}</h2>"
            f'<p class="warning">{escape_html(row.input)}</p>{content}</div>{pair}</article>'
        )


#: One row for each sound: its result, and the spectrograms before and after.
ROWS = """
main { grid-template-columns: 1fr }
article { display: grid; grid-template-columns: minmax(280px, 1fr) 1fr 1fr; gap: 1rem }
article img { height: 150px } summary { color: var(--soft); font-size: .85rem }
@media (max-width: 900px) { article { grid-template-columns: 1fr } }
"""


def _duration(seconds: float) -> str:
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left} s" if minutes else f"{seconds:.1f} s"
