"""What the queue's machine and a farm machine send each other; Dask pickles it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreamsound_studio.dream.records import StepEvent
    from dreamsound_studio.jobs.report import Report
    from dreamsound_studio.jobs.resumable import ProgressValue
    from dreamsound_studio.library.records import DreamRecord

#: A file that travels by value, in pieces.
Pieces = list[bytes]
#: Name of the file that shows whether a machine shares the output folder.
PROBE = "probe"


@dataclass(frozen=True)
class FarmOrder:
    """A job for a machine of the farm.

    Attributes
    ----------
    spec : str
        The settled job as JSON (`JobSpec.to_json`).
    files : dict
        SHA-256 of each file that the job reads, by its path.
    token, attempt : str
        Name the job's events, and this attempt.
    topic : str
        Dask topic of progress and checkpoints.
    folder : str
        A folder beside the renders' place, used if the machine shares it.
    probe : str
        Content of the file `PROBE` there.
    key : mapping
        Values that determine the dream besides recipe and model.
    checkpoint_every_s : float
        Shortest interval between checkpoints, seconds.
    trusted : tuple of str
        Fingerprints of the job's foreign SavedModels that the queue's user has trusted.
    """

    spec: str
    files: dict[str, str]
    token: str
    attempt: str
    topic: str
    folder: str
    probe: str
    key: Mapping[str, object]
    checkpoint_every_s: float
    trusted: tuple[str, ...] = ()

    def event(self, what: str) -> str:
        """Return the name of an attempt's event: ``stop``, and how, ``finish``, set before it."""
        return f"dreamsound-{what}-{self.token}-{self.attempt}"


@dataclass(frozen=True)
class FarmFile:
    """A finished file on a machine: its name, path there, hash, and size in bytes."""

    name: str
    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class FarmOutcome:
    """The outcome of an order.

    Attributes
    ----------
    report : Report
        The report.
    record : DreamRecord or None
        For the library of the queue's machine.
    machine : str
        Address of the machine.
    files : dict
        The finished files, by name.
    here : bool
        Whether they are on the machine alone, and have to be fetched.
    scratch : str
        The machine's folder to remove afterwards.
    """

    report: Report
    record: DreamRecord | None
    machine: str
    files: dict[str, FarmFile]
    here: bool
    scratch: str


@dataclass(frozen=True)
class FarmNews:
    """A message about a running job; only what is new is set.

    Attributes
    ----------
    token, attempt : str
        The job and the attempt.
    began : str
        Address of the machine that has begun.
    progress : dict
        Changed fields of the progress.
    step : StepEvent or None
        A finished step.
    say : str
        A line for the log.
    checkpoint : str
        Folder of a new checkpoint on the machine.
    files : dict
        Sizes of its files in bytes, by name.
    """

    token: str
    attempt: str
    began: str = ""
    progress: dict[str, ProgressValue] = field(default_factory=dict)
    step: StepEvent | None = None
    say: str = ""
    checkpoint: str = ""
    files: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> FarmNews:
        """Return the news of a plain message, as :meth:`plain` gives it and Dask passes it on."""
        from dreamsound_studio.dream.records import StepEvent

        # Dask's scheduler adds a field of its own: the machine's address.
        known = {one.name: message[one.name] for one in fields(cls)}
        step = known["step"]
        return cls(**known | {"step": None if step is None else StepEvent(**step)})

    def plain(self) -> dict[str, object]:
        """Return plain values: Dask's events are not pickled."""
        return asdict(self)
