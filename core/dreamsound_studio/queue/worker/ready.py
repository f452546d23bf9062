"""Finished files of a job that are about to move into place: another worker can complete them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from dreamsound_studio.durable import sync_files, sync_folders
from dreamsound_studio.files import put_in_place
from dreamsound_studio.jobs.keeping import keep_once
from dreamsound_studio.jobs.report import RenderFact
from dreamsound_studio.jobs.results import JobResult
from dreamsound_studio.library.records import DreamRecord, RenderRecord
from dreamsound_studio.render.note import file_sha256
from dreamsound_studio.render.places import next_free


@dataclass(frozen=True)
class ReadyJob:
    """A job whose renders are written, but perhaps not in place.

    Attributes
    ----------
    files : dict
        The files, by name; sidecars are among them.
    overwrite : bool
        Whether files may be replaced.
    result : JobResult
        The job's result, as the queue keeps it (`Report.result`).
    record : DreamRecord or None
        For the library.
    number : int
        The number in the files' places that is increased if one is taken; 0 if that is an error.
    """

    files: dict[str, RenderFact]
    overwrite: bool
    result: JobResult
    record: DreamRecord | None
    number: int = 0

    def as_dict(self) -> Mapping[str, object]:
        """Return it as plain JSON values."""
        return {
            "files": {name: asdict(fact) for name, fact in self.files.items()},
            "overwrite": self.overwrite,
            "report": self.result,
            "record": None if self.record is None else asdict(self.record),
            "number": self.number,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what :meth:`as_dict` was made of."""
        files = {name: RenderFact(**fact) for name, fact in values["files"].items()}
        return cls(
            files,
            values["overwrite"],
            values["report"],
            _record(values["record"]),
            # An earlier version does not have it.
            values.get("number", 0),
        )

    def put_in_place(self) -> JobResult | None:
        """Move the files into place, and the record into the library; return the result.

        Files that are in place already stay there, unless others cannot join them. If any other is
        missing or damaged, nothing is moved, and None returned.

        Raises
        ------
        NameTakenError
            Another file has the name of one: with a number, use the next (`renumbered`).
        AudioFileError
            A file cannot be renamed.
        """
        partial: dict[str, Path] = {}
        places: dict[str, Path] = {}
        for name, fact in self.files.items():
            here, there = Path(fact.partial), Path(fact.place)
            is_here = file_sha256(here) == fact.sha256
            # One that still has both names is moved again: it does not stay if others cannot. With
            # a number, an equal file is that of another job.
            is_equal = file_sha256(there) == fact.sha256
            if is_equal and not (is_here and (self.number or _are_same(here, there))):
                continue
            if not is_here:
                return None
            partial[name], places[name] = here, there
        if len(places) < len(self.files):
            # Whoever moved the others may have died before it waited for the disk.
            others = [Path(fact.place) for name, fact in self.files.items() if name not in places]
            with suppress(PermissionError):  # somebody has protected them since
                sync_files(others)
            sync_folders(place.parent for place in others)
        put_in_place(partial, places, self.overwrite and not self.number)
        warnings = [*self.result["warnings"], *keep_once(self.record)]
        return {**self.result, "warnings": warnings}

    def renumbered(self) -> Self:
        """Return it with the next number at which no file exists."""
        old = {name: Path(fact.place) for name, fact in self.files.items()}
        places, number = next_free(old, self.number)
        files = {
            # One may have moved already, where a file cannot have two names.
            name: replace(fact, place=str(places[name]))
            if Path(fact.partial).exists()
            else RenderFact(fact.place, str(places[name]), fact.sha256)
            for name, fact in self.files.items()
        }
        renders = {name: str(places[name]) for name in self.result["renders"]}
        record = self.record
        if record is not None:
            kept = tuple(replace(one, path=str(places[one.name])) for one in record.renders)
            record = replace(record, renders=kept)
        result: JobResult = {**self.result, "renders": renders}
        return replace(self, files=files, result=result, record=record, number=number)


def _are_same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def _record(values: Mapping[str, Any] | None) -> DreamRecord | None:
    if values is None:
        return None
    renders = tuple(RenderRecord(**one) for one in values["renders"])
    scores = {name: tuple(pair) for name, pair in values["scores"].items()}
    tags = tuple(values["tags"])
    return DreamRecord(**{**values, "renders": renders, "scores": scores, "tags": tags})
