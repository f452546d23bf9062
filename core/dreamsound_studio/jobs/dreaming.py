"""From a sound file to its renders: what every command and the worker do with one input."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.formats import check_holds
from dreamsound_studio.control import Control
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.dream.records import Dream, Snapshot, StepEvent
from dreamsound_studio.library.library import DreamRecord, LibraryError, library_path, open_library
from dreamsound_studio.library.of_dream import record_of
from dreamsound_studio.recipe.files import Places
from dreamsound_studio.recipe.naming import LATE, fields_in
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RenderOptions
from dreamsound_studio.render.write import Ready, check_places, planned_paths, write_renders

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model


@dataclass(frozen=True)
class Loaded:
    """A loaded model.

    Attributes
    ----------
    model : Model
        The model.
    device : str
        The device it runs on.
    notes : list of str
        Warnings about it.
    """

    model: Model
    device: str
    notes: list[str]


class Line(Protocol):
    """Receives a dream's progress and messages."""

    def step(self, event: StepEvent) -> None:
        """Report a step."""

    def note(self, text: str) -> None:
        """Report current activity other than a step."""

    def say(self, text: str) -> None:
        """Report a message that stays visible."""


@dataclass
class Dreaming:
    """The settings that all inputs of a command share.

    Attributes
    ----------
    recipe : Recipe
        The recipe.
    load : callable
        Finds and loads the recipe's model; called once.
    options : RenderOptions
        What to write.
    targets : dict
        ``target`` and ``target_b``.
    values : dict
        Template values for the renders' names.
    protected : list of pathlib.Path
        Files that are never replaced: all inputs, and the files written so far.
    keep_every : int
        As in `Dreamer`.
    tag : str
        As in `write_renders`.
    on_step : callable, optional
        Called between two steps with the dreamer, whose snapshot can be taken then.
    on_ready : callable, optional
        Called with the report and the library's record once all renders of an input are written,
        before the first is moved into place.
    keeps_records : bool
        Whether to add the dream to this user's library; otherwise its record only goes to
        `on_ready`.
    places : mapping or callable, optional
        As `Dreamer` takes it.
    """

    recipe: Recipe
    load: Callable[[Recipe], Loaded]
    options: RenderOptions
    targets: dict[str, Clip | None]
    values: dict[str, str]
    protected: list[Path]
    keep_every: int = 0
    tag: str = ""
    on_step: Callable[[Dreamer], None] | None = None
    on_ready: Callable[[Ready, dict[str, Any], DreamRecord | None], None] | None = None
    keeps_records: bool = True
    places: Places | None = None

    def __post_init__(self) -> None:
        self._loaded: Loaded | None = None
        self._loading = threading.Lock()
        self._writing = threading.Lock()

    def is_skipped(self, path: Path, out: Path, number: int) -> bool:
        """Return whether to skip an input because its renders exist.

        Raises
        ------
        AudioFileError
            They exist, and must not be replaced.
        """
        kept = range(self.keep_every, self.recipe.steps, self.keep_every or 1)
        steps = tuple(kept) if self.keep_every else ()
        if fields_in(self.options.name) & set(LATE):
            return False
        places = planned_paths(path.stem, out, self.options, steps, self._values(number))
        if self.options.clash == "skip" and any(place.exists() for place in places.values()):
            return True
        check_places(places, self.protected, self.options.overwrite)
        return False

    def model(self) -> Model:
        """Return the model, loaded on the first call."""
        with self._loading:
            if self._loaded is None:
                self._loaded = self.load(self.recipe)
            return self._loaded.model

    @property
    def model_notes(self) -> list[str]:
        """Warnings about the model."""
        return [] if self._loaded is None else self._loaded.notes

    def dream(
        self,
        clip: Clip,
        path: str,
        out: Path,
        number: int,
        line: Line,
        control: Control,
        start: Clip | None = None,
        snapshot: Snapshot | None = None,
    ) -> tuple[dict[str, Any], Dream]:
        """Dream one input, write its renders, and add it to the library.

        Parameters
        ----------
        clip : Clip
            The input.
        path : str
            Its name in messages.
        out : pathlib.Path
            Output folder of its renders.
        number : int
            Number of the input, from 1; tells inputs of the same name apart.
        line : Line
            Receives progress and messages.
        control : Control
            Stops the dream.
        start : Clip, optional
            An earlier dream to continue from.
        snapshot : Snapshot, optional
            Snapshot of this same dream, interrupted.

        Returns
        -------
        (dict, Dream)
            The report as plain JSON values; and the dream, which the caller must close.
        """

        def note(text: str) -> None:
            line.say(f"dreamsound: {path}: {text}")

        def writing(name: str) -> None:
            control.check_cancelled()
            line.note(f"writing {name}")

        check_holds(self.options.format, clip.sample_rate_hz, clip.channels, path)
        with control.in_charge():
            dream = self._dreamed(clip, line, note, control, start, snapshot)
        report: dict[str, Any] = {}
        record: DreamRecord | None = None

        def ready(made: Ready) -> None:
            nonlocal record
            written = made.written
            report.update(self._report(path, dream))
            report["gain_db"] = written.gain_db
            report["renders"] = {name: str(place) for name, place in written.paths.items()}
            report["warnings"] = [*self.model_notes, *dream.warnings, *written.notes]
            preset = self.values.get("preset", "")
            make = library_record if self.keeps_records else _record
            record, unkept = make(dream, written.paths, preset, made.partial)
            for text in [*written.notes, *unkept]:
                note(text)
            report["warnings"] += unkept
            if self.on_ready is not None:
                self.on_ready(made, report, record)

        try:
            # One after another: two of the same name must not both find it free.
            with control.in_charge(), self._writing:
                written = write_renders(
                    dream,
                    out,
                    self.options,
                    values=self._values(number),
                    sources=self.protected,
                    on_progress=writing,
                    tag=self.tag,
                    on_ready=ready,
                )
                self.protected += written.paths.values()
            change = f"{dream.initial.score:.3f} → {dream.final.score:.3f}"
            line.note(f"{dream.final.class_name} {change}")
            unkept = keep_in_library(record) if self.keeps_records else []
            for text in unkept:
                note(text)
            report["warnings"] += unkept
        except BaseException:
            dream.close()
            raise
        return report, dream

    def _dreamed(
        self,
        clip: Clip,
        line: Line,
        note: Callable[[str], None],
        control: Control,
        start: Clip | None,
        snapshot: Snapshot | None,
    ) -> Dream:
        """Dream, with smaller blocks where memory runs out."""
        dreamer = PatientDreamer(
            clip,
            self.recipe,
            self.model(),
            target=self.targets.get("target"),
            target_b=self.targets.get("target_b"),
            start=start,
            control=control,
            keep_every=self.keep_every,
            on_warning=note,
            snapshot=snapshot,
            places=self.places,
        )
        for event in dreamer.steps():
            line.step(event)
            if self.on_step is not None and not dreamer.dreamer.ended:
                self.on_step(dreamer.dreamer)
        return dreamer.result()

    def _values(self, number: int) -> dict[str, str]:
        return self.values | {"n": f"{number:03d}"}

    def _report(self, path: str, dream: Dream) -> dict[str, Any]:
        clip = dream.source
        return {
            "input": path,
            "model": dream.model_name,
            "weights_sha256": dream.weights_sha256,
            "device": "" if self._loaded is None else self._loaded.device,
            "sample_rate_hz": clip.sample_rate_hz,
            "channels": clip.channels,
            "samples": clip.samples.length,
            "start": clip.start,
            "steps": [_step(event) for event in dream.steps],
            "initial": _heard(dream.initial),
            "final": _heard(dream.final),
            "recipe": dream.recipe.model_copy(update={"model": dream.model_name}).as_dict(),
        }


def library_record(
    dream: Dream,
    renders: dict[str, Path],
    preset: str,
    written_at: dict[str, Path] | None = None,
) -> tuple[DreamRecord | None, list[str]]:
    """Return the library's record, None without a library; and why there is none."""
    if library_path() is None:
        return None, []
    return _record(dream, renders, preset, written_at)


def _record(
    dream: Dream, renders: dict[str, Path], preset: str, written_at: dict[str, Path] | None
) -> tuple[DreamRecord | None, list[str]]:
    try:
        return record_of(dream, renders, preset, written_at), []
    except LibraryError as error:
        return None, [f"not added to the library: {error}"]


def keep_in_library(record: DreamRecord | None) -> list[str]:
    """Add a record to the user's library, if there is one; return why it failed."""
    try:
        library = None if record is None else open_library()
        if record is not None and library is not None:
            with library:
                library.add(record)
    except LibraryError as error:
        return [f"not added to the library: {error}"]
    return []


def _step(event: StepEvent) -> dict[str, Any]:
    told = asdict(event)
    told["class"] = told.pop("class_name")
    return told


def _heard(event: StepEvent) -> dict[str, Any]:
    return {
        "class": event.class_name,
        "class_index": event.class_index,
        "score": event.score,
        "loss": event.loss,
    }
