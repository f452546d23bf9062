"""Finished files of a job that are about to move into place: another worker can complete them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from dreamsound_studio.jobs.report import RenderFact
from dreamsound_studio.jobs.results import JobResult
from dreamsound_studio.library.records import DreamRecord, RenderRecord


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
    """

    files: dict[str, RenderFact]
    overwrite: bool
    result: JobResult
    record: DreamRecord | None

    def as_dict(self) -> Mapping[str, object]:
        """Return it as plain JSON values."""
        return {
            "files": {name: asdict(fact) for name, fact in self.files.items()},
            "overwrite": self.overwrite,
            "report": self.result,
            "record": None if self.record is None else asdict(self.record),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what :meth:`as_dict` was made of."""
        files = {name: RenderFact(**fact) for name, fact in values["files"].items()}
        return cls(files, values["overwrite"], values["report"], _record(values["record"]))

    @property
    def paths(self) -> tuple[dict[str, Path], dict[str, Path]]:
        """Where each file is, and where it goes."""
        partial = {name: Path(fact.partial) for name, fact in self.files.items()}
        return partial, {name: Path(fact.place) for name, fact in self.files.items()}


def _record(values: Mapping[str, Any] | None) -> DreamRecord | None:
    if values is None:
        return None
    renders = tuple(RenderRecord(**one) for one in values["renders"])
    scores = {name: tuple(pair) for name, pair in values["scores"].items()}
    tags = tuple(values["tags"])
    return DreamRecord(**{**values, "renders": renders, "scores": scores, "tags": tags})
