"""Runs on a farm machine: one job in a Dask task.

It needs nothing of the queue but the job itself. It sends progress and checkpoints as events of a
topic; a Dask event stops it; renders stay on this machine until they are fetched.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamsound_studio._version import __version__
from dreamsound_studio.control import Control
from dreamsound_studio.dream.records import StepEvent
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.jobs.checkpoint import Checkpoints
from dreamsound_studio.jobs.models import WarmModels, default_budget
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.run import Carrying
from dreamsound_studio.jobs.thread_warnings import thread_warnings
from dreamsound_studio.render.note import file_sha256
from dreamsound_studio.render.write import Ready

if TYPE_CHECKING:
    from dreamsound_studio.library.records import DreamRecord

#: How often a task checks whether to stop; each check asks the scheduler.
LOOK_S = 1.0
#: Shortest interval of progress within a step: it goes through the scheduler.
TELL_S = 1.0
PROBE = "probe"

_MODELS: list[WarmModels] = []
_MAKING = threading.Lock()

#: A file that travels by value, in pieces.
Pieces = list[bytes]


class NeedsFilesError(Exception):
    """A machine cannot see some files, or sees different files under their names."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__(paths)
        self.paths = paths


def dream_job(
    order: dict[str, Any], contents: dict[str, Pieces], checkpoint: dict[str, Pieces]
) -> dict[str, Any]:
    """Carry out a job on this machine.

    Parameters
    ----------
    order : dict
        ``request`` (a settled `JobRequest` as JSON), ``files`` (path to sha256), ``token`` and
        ``attempt`` (which name its events), ``topic``, ``folder`` (beside the renders' place, used
        if this machine can see it) with ``probe`` (the contents of its file), ``key`` and
        ``checkpoint_every_s``.
    contents : dict
        Files that travel by value, by path.
    checkpoint : dict
        Files of a checkpoint to continue from, by name, ``step-N/...``.

    Returns
    -------
    dict
        ``report``, ``record`` (of the library) and ``files`` (name to path, sha256, size); ``here``
        is whether they must be fetched, and ``scratch`` what to remove afterwards.

    Raises
    ------
    NeedsFilesError
        Files must travel by value.
    DreamSoundError
        As for any other job.
    """
    from distributed import get_worker

    here = Path(get_worker().local_directory)
    scratch = Path(tempfile.mkdtemp(prefix="dreamsound-", dir=here))
    try:
        places = _places(order["files"], contents, scratch)
        shared = Path(order["folder"])
        is_shared = _reads(shared / PROBE, order["probe"])
        out = shared if is_shared else scratch / "renders"
        _unpack(checkpoint, scratch / "checkpoints")
        teller = _Teller(order)
        made: dict[str, Any] = {}

        def ready(all_: Ready, report: dict[str, Any], record: DreamRecord | None) -> None:
            made["record"] = None if record is None else asdict(record)
            made["places"] = {name: str(place) for name, place in all_.places.items()}
            del report

        request = JobRequest.model_validate_json(order["request"])
        # Existing names matter where the renders will be: here all names are free.
        options = request.options.model_copy(update={"clash": "refuse", "overwrite": False})
        with thread_warnings(), _stopped_by_events(order, teller):
            report = Carrying(
                request.model_copy(update={"options": options}),
                out,
                lambda path: places[path],
                _models().load,
                teller,
                teller.control,
                lambda key: Checkpoints(
                    scratch / "checkpoints",
                    key | order["key"] | {"engine": __version__},
                    order["checkpoint_every_s"],
                ),
                teller.checkpoint,
                {"on_ready": ready, "keeps_records": False},
            ).carry_out([])
        files = {
            name: {
                "path": path,
                "sha256": file_sha256(Path(path)),
                "size": Path(path).stat().st_size,
            }
            for name, path in made["places"].items()
        }
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return {
        "report": report,
        "record": made["record"],
        "files": files,
        "here": not is_shared,
        "scratch": str(scratch),
    }


def read_piece(path: str, start: int, size: int) -> bytes:
    """Return part of a file on this machine, for fetching."""
    with Path(path).open("rb") as file:
        file.seek(start)
        return file.read(size)


def remove_folder(path: str) -> None:
    """Remove a job's folder on this machine."""
    shutil.rmtree(path, ignore_errors=True)


class _Teller:
    """Sends progress as Dask events."""

    def __init__(self, order: dict[str, Any]) -> None:
        import time

        from distributed import get_worker

        self._worker = get_worker()
        self._order = order
        self._clock = time.monotonic
        self._told_s = 0.0
        self._news: dict[str, Any] = {}
        self.control = Control(lambda share: self.tell({"share": round(share, 4)}))
        self._send({"began": self._worker.address})

    def tell(self, news: dict[str, Any], at_once: bool = False) -> None:
        self._news |= news
        if at_once or self._clock() - self._told_s >= TELL_S:
            self._told_s = self._clock()
            self._send({"progress": self._news})
            self._news = {}

    def step(self, event: StepEvent) -> None:
        self._send({"step": asdict(event)})

    def note(self, text: str) -> None:
        self.tell({"phase": text}, True)

    def say(self, text: str) -> None:
        self._send({"say": text})

    def checkpoint(self, place: Path) -> None:
        files = {path.name: path.stat().st_size for path in place.iterdir()}
        self._send({"checkpoint": str(place), "files": files})

    def _send(self, message: dict[str, Any]) -> None:
        about = {name: self._order[name] for name in ("token", "attempt")}
        self._worker.log_event(self._order["topic"], about | message)


@contextmanager
def _stopped_by_events(order: dict[str, Any], teller: _Teller) -> Iterator[None]:
    """Cancel or finish the dream on a Dask event."""
    from distributed import Event, get_client

    client = get_client()
    stop, finish = (Event(event_name(order, what), client) for what in ("stop", "finish"))
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_S):
            try:
                if not stop.is_set():
                    continue
                if finish.is_set():
                    teller.control.finish()
                else:
                    teller.control.cancel()
            except (OSError, RuntimeError):
                # The scheduler is lost: nobody waits for this any more.
                teller.control.cancel()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def event_name(order: dict[str, Any], what: str) -> str:
    """Return the name of an attempt's event: ``stop``, or ``finish``, which is set before it."""
    return f"dreamsound-{what}-{order['token']}-{order['attempt']}"


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
