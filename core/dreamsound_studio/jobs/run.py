"""Run a job: dream a sound, write its renders, keep it in the library. Every driver comes here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.audio.formats import check_holds
from dreamsound_studio.audio.source import read_source
from dreamsound_studio.control import Control
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.dream.records import RawDream, Snapshot, StepEvent
from dreamsound_studio.jobs.keeping import keep_in_library, library_record
from dreamsound_studio.jobs.models import Loaded
from dreamsound_studio.jobs.report import Report
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.library.records import DreamRecord
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.files import FIELDS, Places
from dreamsound_studio.recipe.naming import LATE, fields_in
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.write import Ready, check_places, planned_paths, write_renders


class Progress(Protocol):
    """Receives a dream's progress and messages."""

    def step(self, event: StepEvent) -> None:
        """Report a step."""

    def note(self, text: str) -> None:
        """Report current activity other than a step."""

    def say(self, text: str) -> None:
        """Report a message that stays visible."""


@dataclass
class Sounds:
    """The sounds of a job, read.

    Attributes
    ----------
    clip : Clip
        The input, or its span or cut.
    targets : dict
        The sounds of the recipe's fields, such as ``target`` and ``target_b``.
    start : Clip or None
        An earlier dream to continue from.
    """

    clip: Clip
    targets: dict[str, Clip | None] = field(default_factory=dict)
    start: Clip | None = None

    @classmethod
    def read(cls, spec: JobSpec, place_of: Callable[[str], Path] = Path) -> Sounds:
        """Read the sounds of a job.

        Parameters
        ----------
        spec : JobSpec
            The job.
        place_of : callable, optional
            Maps a path of the job to its path on this machine.

        Raises
        ------
        AudioFileError, RecipeError
            A sound cannot be read, or the span does not fit.
        """

        def read(path: str | None) -> Clip | None:
            return None if path is None else read_clip(place_of(path))

        clip = read_source(place_of(spec.input), spec.span, spec.cut)
        targets = {name: read(getattr(spec.recipe, name)) for name in FIELDS}
        return cls(clip, targets, read(spec.from_render))

    def close(self) -> None:
        """Release scratch files."""
        for sound in (self.clip, *self.targets.values(), self.start):
            if sound is not None:
                sound.samples.close()


@dataclass(frozen=True)
class Hooks:
    """What a driver adds to a run.

    Attributes
    ----------
    places : mapping or callable, optional
        Where the recipe's files are on this machine, as `Dreamer` takes it.
    on_step : callable, optional
        Called between two steps with the dreamer, whose snapshot can be taken then.
    on_dream : callable, optional
        Called with the dream before it is written.
    on_ready : callable, optional
        Called with the files, the report and the library's record once all renders are written,
        before the first is moved into place.
    tag : str
        As in `write_renders`.
    snapshot : Snapshot, optional
        Of this same dream, interrupted, to continue from.
    earlier_blocks : sequence of (int, int)
        As in `PatientDreamer`.
    label : str
        Name of the job in messages; by default its input.
    steps : int, optional
        Finish after this many steps, even if the recipe has more.
    """

    places: Places | None = None
    on_step: Callable[[Dreamer], None] | None = None
    on_dream: Callable[[RawDream], None] | None = None
    on_ready: Callable[[Ready, Report, DreamRecord | None], None] | None = None
    tag: str = ""
    snapshot: Snapshot | None = None
    earlier_blocks: Sequence[tuple[int, int]] = ()
    label: str = ""
    steps: int | None = None


NO_HOOKS = Hooks()


def dreamer_of(
    spec: JobSpec,
    sounds: Sounds,
    model: Model,
    *,
    control: Control | None = None,
    on_warning: Callable[[str], None] | None = None,
    hooks: Hooks = NO_HOOKS,
) -> PatientDreamer:
    """Return the dreamer of a job: every driver's dream starts here."""
    return PatientDreamer(
        sounds.clip,
        spec.recipe,
        model,
        **sounds.targets,
        start=sounds.start,
        control=control,
        keep_every=spec.keep_every,
        on_warning=on_warning,
        snapshot=hooks.snapshot,
        places=hooks.places,
        earlier_blocks=hooks.earlier_blocks,
    )


class Runner:
    """Runs the jobs of one command or worker.

    Parameters
    ----------
    load : callable
        Finds and loads a recipe's model, given whether a foreign one may run; called once.
    protected : iterable of pathlib.Path
        Files that are never replaced, besides those that a job reads: in the end also what was
        written.
    keeps_records : bool, optional
        Whether to add dreams to this user's library; otherwise records only go to
        `Hooks.on_ready`.
    """

    def __init__(
        self,
        load: Callable[[Recipe, bool], Loaded],
        protected: Iterable[Path] = (),
        *,
        keeps_records: bool = True,
    ) -> None:
        self._load = load
        self._protected = list(protected)
        self._keeps_records = keeps_records
        self._loaded: Loaded | None = None
        self._loading = threading.Lock()
        self._writing = threading.Lock()

    def model(self, spec: JobSpec) -> Loaded:
        """Return the model of the jobs, loaded at the first call."""
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load(spec.recipe, spec.trust)
            return self._loaded

    @property
    def model_notes(self) -> list[str]:
        """Warnings about the model, once it is loaded."""
        return [] if self._loaded is None else self._loaded.notes

    def check_format(self, spec: JobSpec, clip: Clip) -> None:
        """Raise `AudioFileError` if the format of a job's renders cannot hold its sound."""
        check_holds(spec.options.format, clip.sample_rate_hz, clip.channels, spec.input)

    def is_skipped(self, spec: JobSpec) -> bool:
        """Return whether to skip a job because its renders exist.

        Raises
        ------
        AudioFileError
            They exist, and must not be replaced.
        """
        if fields_in(spec.options.name) & set(LATE):
            return False
        every = spec.keep_every
        kept = tuple(range(every, spec.recipe.steps, every)) if every else ()
        stem, out = Path(spec.input).stem, Path(spec.out)
        places = planned_paths(stem, out, spec.options, kept, _values(spec))
        if spec.options.clash == "skip" and any(place.exists() for place in places.values()):
            return True
        check_places(places, self._sources(spec), spec.options.overwrite)
        return False

    def run(
        self,
        spec: JobSpec,
        sounds: Sounds,
        progress: Progress,
        control: Control,
        hooks: Hooks = NO_HOOKS,
    ) -> tuple[Report, RawDream]:
        """Dream a sound, write its renders, and add it to the library.

        Parameters
        ----------
        spec : JobSpec
            The job.
        sounds : Sounds
            Its sounds.
        progress : Progress
            Receives progress and messages.
        control : Control
            Stops the dream.
        hooks : Hooks, optional
            What the driver adds.

        Returns
        -------
        (Report, RawDream)
            The report; and the dream, which the caller must close.

        Raises
        ------
        DreamSoundError
            The job fails or was cancelled.
        """
        began_s = time.monotonic()
        clip = sounds.clip
        self.check_format(spec, clip)
        with control.in_charge():
            dream = self._dream(spec, sounds, progress, control, hooks)
        try:
            if hooks.on_dream is not None:
                hooks.on_dream(dream)
            report = self._write(spec, dream, progress, control, hooks, began_s)
        except BaseException:
            dream.close()
            raise
        return report, dream

    def _dream(
        self, spec: JobSpec, sounds: Sounds, progress: Progress, control: Control, hooks: Hooks
    ) -> RawDream:
        dreamer = dreamer_of(
            spec,
            sounds,
            self.model(spec).model,
            control=control,
            on_warning=_sayer(spec, progress, hooks),
            hooks=hooks,
        )
        if hooks.steps == 0:
            control.finish()
        for event in dreamer.steps():
            progress.step(event)
            if event.step == hooks.steps:
                control.finish()
            if hooks.on_step is not None and not dreamer.dreamer.ended:
                hooks.on_step(dreamer.dreamer)
        return dreamer.result()

    def _write(
        self,
        spec: JobSpec,
        dream: RawDream,
        progress: Progress,
        control: Control,
        hooks: Hooks,
        began_s: float,
    ) -> Report:
        report: Report | None = None
        record: DreamRecord | None = None

        say = _sayer(spec, progress, hooks)

        def writing(name: str) -> None:
            control.check_cancelled()
            progress.note(f"writing {name}")

        def ready(made: Ready) -> None:
            nonlocal report, record
            report = Report.of(dream, spec.input, self.model(spec).device, made.written)
            report.warnings[:0] = self.model_notes
            record, unkept = library_record(
                dream,
                made.written.paths,
                spec.values.get("preset", ""),
                made.partial,
                always=not self._keeps_records,
            )
            for text in [*made.written.notes, *unkept]:
                say(text)
            report.warnings += unkept
            report.seconds = time.monotonic() - began_s
            if hooks.on_ready is not None:
                hooks.on_ready(made, report, record)

        # One after another: two of the same name must not both find it free.
        with control.in_charge(), self._writing:
            written = write_renders(
                dream,
                Path(spec.out),
                spec.options,
                stem=Path(spec.input).stem or None,
                values=_values(spec),
                sources=self._sources(spec),
                on_progress=writing,
                tag=hooks.tag,
                on_ready=ready,
            )
            self._protected += written.paths.values()
        assert report is not None  # noqa: S101 - write_renders has called ready
        progress.note(
            f"{dream.final.class_name} {dream.initial.score:.3f} → {dream.final.score:.3f}"
        )
        unkept = keep_in_library(record) if self._keeps_records else []
        for text in unkept:
            say(text)
        report.warnings += unkept
        return report

    def _sources(self, spec: JobSpec) -> list[Path]:
        return [*self._protected, *map(Path, spec.files())]


def _sayer(spec: JobSpec, progress: Progress, hooks: Hooks) -> Callable[[str], None]:
    """Return what prints a message about a job."""
    return lambda text: progress.say(f"dreamsound: {hooks.label or spec.input}: {text}")


def _values(spec: JobSpec) -> dict[str, str]:
    """Return the values of the fields in the renders' names."""
    return {"date": date.today().isoformat()} | spec.values | {"n": f"{spec.number:03d}"}
