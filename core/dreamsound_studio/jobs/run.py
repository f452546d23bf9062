"""Run a job: dream a sound, write its renders, keep it in the library. Every driver comes here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.formats import check_holds
from dreamsound_studio.control import Control
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.dream.records import RawDream, change_of
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.jobs.hooks import NO_HOOKS, Hooks, Progress
from dreamsound_studio.jobs.judge import Judge, judge_of
from dreamsound_studio.jobs.keeping import keep_in_library, library_record
from dreamsound_studio.jobs.models import Loaded
from dreamsound_studio.jobs.report import Report
from dreamsound_studio.jobs.sounds import Sounds
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.library.records import DreamRecord
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.naming import LATE, fields_in
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.level_notes import is_level_note
from dreamsound_studio.render.write import Ready, check_places, planned_paths, write_renders


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
        most_patches=hooks.most_patches,
        on_block=hooks.on_block,
    )


class Runner:
    """Runs the jobs of one command or worker.

    Parameters
    ----------
    load : callable
        Finds and loads a recipe's model; called once.
    protected : iterable of pathlib.Path
        Files that are never replaced, besides those that a job reads: in the end also what was
        written.
    keeps_records : bool, optional
        Whether to add dreams to this user's library; otherwise records only go to
        `Hooks.on_ready`.
    """

    def __init__(
        self,
        load: Callable[[Recipe], Loaded],
        protected: Iterable[Path] = (),
        *,
        keeps_records: bool = True,
    ) -> None:
        self._load = load
        self._protected = list(protected)
        self._keeps_records = keeps_records
        self._loaded: Loaded | None = None
        self._judge: Judge | None = None
        self._loading = threading.Lock()
        self._writing = threading.Lock()

    def model(self, spec: JobSpec) -> Loaded:
        """Return the model of the jobs, loaded at the first call, as is a judge that is named."""
        with self._loading:
            if self._loaded is None:
                loaded = self._load(spec.recipe)
                self._judge = Judge(self._load_named, judge_of(spec))
                self._judge.prepare(loaded.model)
                self._loaded = loaded
            return self._loaded

    @property
    def model_notes(self) -> list[str]:
        """Warnings about the model, once it is loaded."""
        return [] if self._loaded is None else self._loaded.notes

    def check_format(self, spec: JobSpec, clip: Clip) -> None:
        """Raise `AudioFileError` if the format of a job's renders cannot hold its sound."""
        check_holds(
            spec.options.format, clip.sample_rate_hz, clip.channels, spec.input, clip.speakers
        )

    def is_skipped(self, spec: JobSpec) -> bool:
        """Return whether to skip a job because its renders exist.

        Raises
        ------
        AudioFileError
            They exist, and must not be replaced.
        RecipeError
            Their names are not known before the dream.
        """
        fields = fields_in(spec.options.name)
        if "catid" in fields and not spec.values.get("catid"):
            if spec.options.clash == "skip":
                raise RecipeError(
                    "clash skip needs names known before the dream. Pass --catid or remove {catid}."
                )
            return False  # the dreamed class suggests it
        if fields & set(LATE):
            return False
        every = spec.keep_every
        kept = tuple(range(every, spec.recipe.step_count, every)) if every else ()
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
            if self._judge is not None:
                with control.in_charge():
                    say = _sayer(spec, progress, hooks)
                    self._judge.judge(dream, control, progress.note, say)
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
            if hooks.on_event is not None:
                hooks.on_event(dreamer.dreamer, event)
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
        say = _sayer(spec, progress, hooks)
        described: list[tuple[Report, DreamRecord | None]] = []

        def writing(name: str) -> None:
            control.check_cancelled()
            progress.note(f"writing {name}")

        def ready(made: Ready) -> None:
            report, record = self._describe(spec, dream, made, say, hooks.tells_levels)
            report.seconds = time.monotonic() - began_s
            described.append((report, record))
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
        report, record = described[-1]
        progress.note(change_of(dream.initial, dream.final))
        if self._keeps_records:
            report.warnings += _kept(record, say)
        return report

    def _describe(
        self,
        spec: JobSpec,
        dream: RawDream,
        made: Ready,
        say: Callable[[str], None],
        tells_levels: bool,
    ) -> tuple[Report, DreamRecord | None]:
        """Return the report and the library's record of files that are not yet in their places."""
        report = Report.of(dream, spec.input, self.model(spec).device, made.written)
        report.warnings[:0] = self.model_notes
        record, unkept = library_record(
            dream,
            made.written.paths,
            spec.values.get("preset", ""),
            made.partial,
            always=not self._keeps_records,
        )
        notes = [*made.written.notes, *unkept]
        for text in notes if tells_levels else [one for one in notes if not is_level_note(one)]:
            say(text)
        report.warnings += unkept
        return report, record

    def _load_named(self, model: str) -> Model:
        return self._load(Recipe(model=model)).model

    def _sources(self, spec: JobSpec) -> list[Path]:
        return [*self._protected, *map(Path, spec.files())]


def _sayer(spec: JobSpec, progress: Progress, hooks: Hooks) -> Callable[[str], None]:
    """Return what prints a message about a job."""
    return lambda text: progress.say(f"dreamsound: {hooks.label or spec.input}: {text}")


def _kept(record: DreamRecord | None, say: Callable[[str], None]) -> list[str]:
    """Add a record to the library; return why that failed, if it did."""
    unkept = keep_in_library(record)
    for text in unkept:
        say(text)
    return unkept


def _values(spec: JobSpec) -> dict[str, str]:
    """Return the values of the fields in the renders' names."""
    return {"date": date.today().isoformat()} | spec.values | {"n": f"{spec.number:03d}"}
