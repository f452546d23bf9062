"""Runs on a farm machine: one job in a Dask task.

It needs nothing of the queue but the job itself. It sends progress and checkpoints as events of a
topic; a Dask event stops it; renders stay on this machine until they are fetched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamsound_studio._version import __version__
from dreamsound_studio.control import Control
from dreamsound_studio.dream.records import RawDream, StepEvent
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.jobs.checkpoint import Checkpoints
from dreamsound_studio.jobs.hooks import Hooks
from dreamsound_studio.jobs.models import WarmModels, default_budget
from dreamsound_studio.jobs.report import Report
from dreamsound_studio.jobs.resumable import ProgressValue, ResumableJob
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.jobs.thread_warnings import thread_warnings
from dreamsound_studio.queue.farm.messages import (
    PROBE,
    FarmFile,
    FarmNews,
    FarmOrder,
    FarmOutcome,
    Pieces,
)
from dreamsound_studio.render.note import file_sha256
from dreamsound_studio.render.write import Ready

if TYPE_CHECKING:
    from dreamsound_studio.library.records import DreamRecord

#: How often a task checks whether to stop; each check asks the scheduler.
LOOK_S = 1.0
#: Shortest interval of progress within a step: it goes through the scheduler.
REPORT_S = 1.0

_MODELS: list[WarmModels] = []
_MAKING = threading.Lock()


class NeedsFilesError(Exception):
    """A machine cannot see some files, or sees different files under their names."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__(paths)
        self.paths = paths


def dream_job(
    order: FarmOrder, contents: dict[str, Pieces], checkpoint: dict[str, Pieces]
) -> FarmOutcome:
    """Carry out a job on this machine.

    Dask runs a task again if it loses the machine or the result, perhaps while the first run goes
    on: every run has files of its own.

    Parameters
    ----------
    order : FarmOrder
        The job.
    contents : dict
        Files that travel by value, by path.
    checkpoint : dict
        Files of a checkpoint to resume from, by name, ``step-N/...``.

    Raises
    ------
    NeedsFilesError
        Files must travel by value.
    DreamSoundError
        As for a job anywhere else.
    """
    from distributed import get_worker

    scratch = Path(tempfile.mkdtemp(prefix="dreamsound-", dir=Path(get_worker().local_directory)))
    try:
        return _outcome(order, contents, checkpoint, scratch)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _outcome(
    order: FarmOrder, contents: dict[str, Pieces], checkpoint: dict[str, Pieces], scratch: Path
) -> FarmOutcome:
    from distributed import get_worker

    places = _places(order.files, contents, scratch)
    shared = Path(order.folder)
    # Another user's folder can be seen, but not written to.
    is_shared = _reads(shared / PROBE, order.probe) and os.access(shared, os.W_OK | os.X_OK)
    _unpack(checkpoint, scratch / "checkpoints")
    progress = _Progress(order)
    finished: dict[str, Path] = {}
    records: list[DreamRecord | None] = []

    def dreamed(dream: RawDream) -> None:
        del dream
        if is_shared and not _reads(shared / PROBE, order.probe):
            raise AudioFileError(f"{shared}: removed, the job has ended elsewhere")

    def ready(made: Ready, report: Report, record: DreamRecord | None) -> None:
        del report
        finished.update(made.places)
        records.append(record)

    spec = JobSpec.from_json(order.spec)
    # The queue's machine decides about existing files: names here are always free.
    options = spec.options.model_copy(update={"clash": "refuse", "overwrite": False})
    out = (shared if is_shared else scratch) / uuid.uuid4().hex[:8]
    job = ResumableJob(
        spec.model_copy(update={"options": options, "out": str(out)}),
        partial(_models().load, trusted=order.trusted),
        progress,
        progress.control,
        lambda key: Checkpoints(
            scratch / "checkpoints",
            {**key, **order.key, "engine": __version__},
            order.checkpoint_every_s,
        ),
        progress.checkpoint,
        Hooks(on_dream=dreamed, on_ready=ready),
        place_of=lambda path: places[path],
        keeps_records=False,
    )
    with thread_warnings(), _stopped_by_events(order, progress):
        report = job.run([])
    machine, files = get_worker().address, _finished_files(finished, out)
    return FarmOutcome(report, records[0], machine, files, not is_shared, str(scratch))


def _finished_files(finished: dict[str, Path], out: Path) -> dict[str, FarmFile]:
    """Move a run's files out of its folder, under names of their own; return them.

    The folder is this machine's user's: the queue's user may not be allowed to take files from it.
    """
    files = {}
    for number, (name, path) in enumerate(finished.items()):
        place = path.replace(out.with_name(f"{out.name}-{number}"))
        files[name] = FarmFile(
            path.name, str(place), file_sha256(place) or "", place.stat().st_size
        )
    out.rmdir()
    return files


def read_piece(path: str, start: int, size: int) -> bytes:
    """Return part of a file on this machine, for fetching."""
    with Path(path).open("rb") as file:
        file.seek(start)
        return file.read(size)


def remove_folder(path: str) -> None:
    """Remove a job's folder on this machine."""
    shutil.rmtree(path, ignore_errors=True)


class _Progress:
    """Sends progress as events of Dask's."""

    def __init__(self, order: FarmOrder) -> None:
        from distributed import get_worker

        self._worker = get_worker()
        self._order = order
        self._reported_s = 0.0
        self._changes: dict[str, ProgressValue] = {}
        self.control = Control(lambda share: self.change(share=round(share, 4)))
        self._send(FarmNews(order.token, order.attempt, began=self._worker.address))

    def change(self, at_once: bool = False, **fields: ProgressValue) -> None:
        self._changes |= fields
        if at_once or time.monotonic() - self._reported_s >= REPORT_S:
            self._reported_s = time.monotonic()
            self._send(self._news(progress=self._changes))
            self._changes = {}

    def step(self, event: StepEvent) -> None:
        self._send(self._news(step=event))

    def note(self, text: str) -> None:
        self.change(True, phase=text)

    def say(self, text: str) -> None:
        self._send(self._news(say=text))

    def checkpoint(self, place: Path) -> None:
        files = {path.name: path.stat().st_size for path in place.iterdir()}
        self._send(self._news(checkpoint=str(place), files=files))

    def _news(self, **new: Any) -> FarmNews:
        return FarmNews(self._order.token, self._order.attempt, **new)

    def _send(self, news: FarmNews) -> None:
        self._worker.log_event(self._order.topic, news.plain())


@contextmanager
def _stopped_by_events(order: FarmOrder, progress: _Progress) -> Iterator[None]:
    """Cancel or finish the dream on a Dask event."""
    from distributed import Event, get_client

    client = get_client()
    stop, finish = (Event(order.event(what), client) for what in ("stop", "finish"))
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_S):
            try:
                if not stop.is_set():
                    continue
                if finish.is_set():
                    progress.control.finish()
                else:
                    progress.control.cancel()
            except (OSError, RuntimeError):
                # The scheduler is lost: nobody waits for this any more.
                progress.control.cancel()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _models() -> WarmModels:
    with _MAKING:
        if not _MODELS:
            _MODELS.append(WarmModels(default_budget()))
        return _MODELS[0]


def _places(files: dict[str, str], contents: dict[str, Pieces], scratch: Path) -> dict[str, Path]:
    """Return the path of each file on this machine, after checking its hash."""
    places: dict[str, Path] = {}
    missing = []
    for number, (path, sha256) in enumerate(files.items()):
        if path in contents:
            # A separate folder: two files may have the same name, which also names the renders.
            places[path] = scratch / f"file{number}" / Path(path).name
            _write(contents[path], places[path])
            if file_sha256(places[path]) != sha256:
                raise AudioFileError(f"{path}: damaged in transit to the farm")
        elif file_sha256(Path(path)) == sha256:
            places[path] = Path(path)
        else:
            missing.append(path)
    if missing:
        raise NeedsFilesError(missing)
    return places


def _unpack(checkpoint: dict[str, Pieces], folder: Path) -> None:
    for name, pieces in checkpoint.items():
        step, file = name.split("/")
        _write(pieces, folder / step / file)


def _write(pieces: Pieces, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.writelines(pieces)


def _reads(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        return False
