"""One job, from claimed to over: read, dreamed, written, put in place, told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from dreamsound import __version__
from dreamsound.api import read_source
from dreamsound.audio import Clip, read_clip
from dreamsound.control import Control
from dreamsound.dreamer import Dreamer, Snapshot, StepEvent
from dreamsound.dreaming import Dreaming, Loaded, keep_in_library
from dreamsound.errors import AudioFileError, DreamSoundError, RenderCancelled
from dreamsound.library.records import DreamRecord, LibraryError, RenderRecord
from dreamsound.objective import text_of
from dreamsound.objective_text import GuideAtom
from dreamsound.provenance import file_sha256
from dreamsound.queue import inbox
from dreamsound.queue.caught import collected
from dreamsound.queue.checkpoint import EVERY_S, Checkpoints
from dreamsound.queue.records import Job
from dreamsound.queue.request import JobRequest
from dreamsound.queue.stamp import FileStamp
from dreamsound.queue.states import LostJobError
from dreamsound.queue.store import Store
from dreamsound.queue.warm import WarmModels
from dreamsound.recipe import Recipe
from dreamsound.recipe_file import recipe_from
from dreamsound.render import Ready, partial_files, put_in_place

#: Sounds that a recipe names.
TARGETS = ("target", "target_b")
#: Progress within a step is told at most so often.
TELL_S = 0.1
#: The time that a step takes is that of the last few.
STEPS_OF_ETA = 5


@dataclass(frozen=True)
class Surroundings:
    """What a worker gives all its jobs.

    Attributes
    ----------
    store : Store
        The queue.
    worker : str
        The worker's name there.
    models : WarmModels
        Its models.
    checkpoint_every_s : float
        At most one in so many seconds.
    say : callable
        Takes a line for the worker's log.
    """

    store: Store
    worker: str
    models: WarmModels
    checkpoint_every_s: float = EVERY_S
    say: Callable[[str], None] = lambda _: None


class JobRun:
    """A job that this worker has claimed.

    Parameters
    ----------
    around : Surroundings
        The worker's.
    job : Job
        As it was claimed.
    on_block : callable, optional
        Called between any two blocks of work; may wait.
    """

    def __init__(
        self, around: Surroundings, job: Job, on_block: Callable[[], None] | None = None
    ) -> None:
        self.around = around
        self.job = job
        self.control = Control(self._between_blocks, on_block)
        #: Whether the worker leaves: the job then goes back to the queue.
        self.leaving = False
        self._told_s = 0.0
        self._began_s = time.monotonic()
        self._step_seconds: list[float] = []
        self._progress: dict[str, Any] = {"phase": "reading", "step": 0, "share": 0.0}
        self._warnings: list[str] = []

    def run(self) -> Job | None:
        """Carry the job out; return it as it is then, or None where it was taken away.

        Whatever goes wrong with it is told in the queue, not raised.
        """
        store, worker, number = self.around.store, self.around.worker, self.job.id
        try:
            job = store.done(number, worker, self._result())
        except LostJobError:
            return None
        except RenderCancelled:
            # Called off while the worker was about to leave: then it is cancelled.
            if self.leaving and store.wish(number) != "cancel":
                return store.give_back(number, worker)
            job = store.cancelled(number, worker)
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker goes on
            line = " ".join(str(error).split()) or type(error).__name__
            if not isinstance(error, DreamSoundError):
                line = f"{type(error).__name__}: {line}"
            job = store.failed(number, worker, line, type(error).__name__)
        if job.state != "failed":
            # With what is there, a job that failed can be tried again from where it was.
            self._checkpoints({}).remove()
        if job.is_over:
            inbox.tell_over(store, job)
        return job

    def look(self) -> None:
        """See what the user wants of the job."""
        wanted = self.around.store.wish(self.job.id)
        if not wanted and self.job.job_folder is not None:
            wanted = inbox.wish(self.job.job_folder)
            with suppress(DreamSoundError):  # over in the meantime
                if wanted == "cancel":
                    self.around.store.cancel(self.job.id)
                elif wanted == "finish":
                    self.around.store.finish(self.job.id)
        if wanted == "cancel":
            self.control.cancel()
        elif wanted == "finish":
            self.control.finish()

    # -- what is done ---------------------------------------------------------------------------

    def _result(self) -> dict[str, Any]:
        with self.control.in_charge():
            request = self._request()
            out = Path(request.out)
            finished = self._put_in_place(out)
            if finished is not None:
                return finished
            return self._dream(request, out)

    def _request(self) -> JobRequest:
        document = json.loads(self.job.request)
        # Paths of a job folder may be relative to it.
        folder = Path(self.job.job_folder or Path.home())
        return JobRequest.make(document, f"job {self.job.id}").settled(folder)

    def _dream(self, request: JobRequest, out: Path) -> dict[str, Any]:
        for left in partial_files(out, self._tag):
            left.unlink(missing_ok=True)
        source = Path(request.input)
        recipe = recipe_from(request.recipe)
        self._tell({"phase": "reading", "steps": recipe.steps}, True)
        named = (request.input, recipe.target, recipe.target_b, request.from_render)
        dreaming = Dreaming(
            recipe,
            lambda recipe: self._load(recipe, request.trust),
            request.options,
            {},
            {"date": date.today().isoformat()} | request.values,
            [Path(path) for path in named if path is not None],
            keep_every=request.keep_every,
            tag=self._tag,
            on_ready=self._ready,
        )
        if dreaming.is_skipped(source, out, request.number):
            return {"skipped": True, "warnings": ["its renders are there"], "renders": {}}
        self._check_unchanged(request, source)
        with collected() as told:
            clip = read_source(source, request.span)
            dreaming.targets = {name: _read(getattr(recipe, name)) for name in TARGETS}
            start = _read(request.from_render)
        self._warnings += told
        weights_sha256 = dreaming.model().weights_sha256
        checkpoints = self._checkpoints(self._key(request, recipe, weights_sha256))
        snapshot, dreaming.recipe = self._resumed(checkpoints, recipe)
        dreaming.on_step = lambda dreamer: self._checkpoint(checkpoints, dreamer)
        self._tell({"phase": "dreaming"}, True)
        report, dream = dreaming.dream(
            clip, request.input, out, request.number, self, self.control, start, snapshot
        )
        dream.close()
        for sound in (clip, *dreaming.targets.values(), start):
            if sound is not None:
                sound.samples.close()
        return self._told(report)

    def _told(self, report: dict[str, Any]) -> dict[str, Any]:
        """Return a report as the queue keeps it: each step is in the renders."""
        return report | {
            "steps": len(report["steps"]),
            "warnings": self._warnings + report["warnings"],
            "seconds": time.monotonic() - self._began_s,
        }

    def _load(self, recipe: Recipe, trust: bool) -> Loaded:
        self._tell({"phase": "loading the model"}, True)
        loaded = self.around.models.load(recipe, trust)
        self._tell({"device": loaded.device})
        return loaded

    def _check_unchanged(self, request: JobRequest, source: Path) -> None:
        if request.seen is None or not source.is_file() or request.seen.fits(source):
            return
        if request.if_changed == "fail":
            raise AudioFileError(
                f"{source} has changed since the job was added; `dreamsound queue retry "
                f"{self.job.id}` takes it as it is now"
            )
        self._warnings.append("the input has changed since the job was added: taken as it is now")

    # -- checkpoints ----------------------------------------------------------------------------

    def _checkpoints(self, key: dict[str, Any]) -> Checkpoints:
        folder = self.around.store.checkpoints_of(self.job)
        return Checkpoints(folder, key, self.around.checkpoint_every_s)

    def _key(self, request: JobRequest, recipe: Recipe, weights_sha256: str) -> dict[str, Any]:
        """Return what decides the dream, as plain JSON values."""
        guides = [atom.path for atom in text_of(recipe).atoms if isinstance(atom, GuideAtom)]
        paths = [request.input, recipe.target, recipe.target_b, request.from_render, *guides]
        stamps = [None if path is None else FileStamp.of(Path(path)) for path in paths]
        return {
            "engine": __version__,
            "recipe": recipe.as_dict(),
            "weights": weights_sha256,
            "files": [None if stamp is None else asdict(stamp) for stamp in stamps],
            "span": request.span,
            "keep_every": request.keep_every,
        }

    def _checkpoint(self, checkpoints: Checkpoints, dreamer: Dreamer) -> None:
        problem = checkpoints.problem
        place = checkpoints.offer(dreamer)
        if place is not None:
            self.around.store.set_checkpoint(self.job.id, self.around.worker, place)
        elif checkpoints.problem and checkpoints.problem != problem:
            self.say(checkpoints.problem)

    def _resumed(self, checkpoints: Checkpoints, recipe: Recipe) -> tuple[Snapshot | None, Recipe]:
        """Return where to go on from, and the recipe to go on by."""
        found = checkpoints.newest()
        if found is None:
            return None, recipe
        snapshot, ran_by = found
        self._tell({"step": len(snapshot.steps), "resumed": len(snapshot.steps)})
        self.say(f"goes on after step {len(snapshot.steps)}")
        # Where memory did not suffice, the block was halved on the way.
        block_patches = recipe_from(ran_by).block_patches
        return snapshot, recipe.model_copy(update={"block_patches": block_patches})

    # -- putting in place, once -----------------------------------------------------------------

    @property
    def _tag(self) -> str:
        return f"dreamsound-{self.job.token}-"

    def _ready(self, made: Ready, report: dict[str, Any], record: DreamRecord | None) -> None:
        """Remember what is about to be put in place: if this process dies now, another does it."""
        files = {
            name: {
                "partial": str(partial),
                "place": str(made.places[name]),
                "sha256": file_sha256(partial),
            }
            for name, partial in made.partial.items()
        }
        ready = {
            "files": files,
            "overwrite": self._request().options.overwrite,
            "report": self._told(report),
            "record": None if record is None else asdict(record),
        }
        self.around.store.set_ready(self.job.id, self.around.worker, ready)

    def _put_in_place(self, out: Path) -> dict[str, Any] | None:
        """Finish what another worker had ready when it died; None where it has to be made again."""
        if self.job.ready is None:
            return None
        ready = json.loads(self.job.ready)
        partial: dict[str, Path] = {}
        places: dict[str, Path] = {}
        whole = True
        done: list[Path] = []
        for name, file in ready["files"].items():
            place, made = Path(file["place"]), Path(file["partial"])
            if file_sha256(place) == file["sha256"]:
                done.append(place)
            elif file_sha256(made) == file["sha256"]:
                partial[name], places[name] = made, place
            else:
                whole = False
        if not whole:
            # What is in place already would be in the way of the same made again.
            for place in done:
                place.unlink(missing_ok=True)
            self.around.store.set_ready(self.job.id, self.around.worker, None)
            return None
        put_in_place(partial, places, ready["overwrite"])
        for left in partial_files(out, self._tag):
            left.unlink(missing_ok=True)
        report: dict[str, Any] = ready["report"]
        report["warnings"] += self._kept(ready["record"])
        return report

    def _kept(self, record: dict[str, Any] | None) -> list[str]:
        """Add a dream to the library, unless the worker that died had done that."""
        from dreamsound.library import open_library

        if record is None:
            return []
        renders = tuple(RenderRecord(**one) for one in record["renders"])
        try:
            library = open_library()
            if library is None:
                return []
            with library:
                known = {(r.path, r.sha256) for one in library.list(100) for r in one.renders}
        except LibraryError as error:
            return [f"not in the library: {error}"]
        if all((render.path, render.sha256) in known for render in renders):
            return []
        scores = {name: tuple(pair) for name, pair in record["scores"].items()}
        tags = tuple(record["tags"])
        return keep_in_library(
            DreamRecord(**record | {"renders": renders, "scores": scores, "tags": tags})
        )

    # -- telling --------------------------------------------------------------------------------

    def step(self, event: StepEvent) -> None:
        """Tell of a step."""
        self._step_seconds = [*self._step_seconds, event.seconds][-STEPS_OF_ETA:]
        self._tell(
            {
                "phase": "dreaming",
                "step": event.step,
                "share": 0.0,
                "loss": event.loss,
                "class": event.class_name,
                "score": event.score,
            },
            True,
        )

    def note(self, text: str) -> None:
        """Tell what is being done apart from steps."""
        self._tell({"phase": text}, True)

    def say(self, text: str) -> None:
        """Put a line into the worker's log."""
        self.around.say(f"job {self.job.id}: {text.removeprefix('dreamsound: ')}")

    def _between_blocks(self, share: float) -> None:
        self._tell({"share": round(share, 4)})

    def _tell(self, news: dict[str, Any], at_once: bool = False) -> None:
        self._progress |= news
        now_s = time.monotonic()
        if not at_once and now_s - self._told_s < TELL_S:
            return
        self._told_s = now_s
        progress = self._progress | {
            "elapsed_s": round(now_s - self._began_s, 3),
            "eta_s": self._eta_s(),
        }
        if not self.around.store.report_progress(self.job.id, self.around.worker, progress):
            # Taken for dead, and somebody else has it: nothing of it may be written here.
            self.control.cancel()
            raise LostJobError(f"job {self.job.id} is no longer this worker's")
        if self.job.job_folder is not None:
            inbox.tell(self.around.store.job(self.job.id), progress)

    def _eta_s(self) -> float | None:
        """Return how many seconds the steps that are left will take, if that can be said."""
        if not self._step_seconds:
            return None
        left = float(self._progress["steps"] - self._progress["step"] - self._progress["share"])
        return round(max(left, 0.0) * sum(self._step_seconds) / len(self._step_seconds), 1)


def _read(path: str | None) -> Clip | None:
    return None if path is None else read_clip(path)
