"""One sound after another through the same model: what ``render`` and ``batch`` have in common."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dreamsound.audio import Clip
from dreamsound.cli.fetching import load_telling, watching
from dreamsound.control import Control
from dreamsound.dreamer import Dream, Dreamer, StepEvent
from dreamsound.formats import check_holds
from dreamsound.library.records import LibraryError
from dreamsound.models.catalog import find_weights
from dreamsound.models.tables import table_of
from dreamsound.naming import LATE, fields_in
from dreamsound.objective import check_names
from dreamsound.recipe import Recipe
from dreamsound.render import RenderOptions, check_places, planned_paths, write_renders

if TYPE_CHECKING:
    from dreamsound.models.base import Model


class Line(Protocol):
    """Where a dream tells how far it is."""

    def step(self, event: StepEvent) -> None:
        """Tell of a step."""

    def note(self, text: str) -> None:
        """Tell what is being done apart from steps."""

    def say(self, text: str) -> None:
        """Tell what stays."""


@dataclass
class Dreaming:
    """What is the same for all inputs of a command.

    Attributes
    ----------
    recipe : Recipe
        What to do.
    options : RenderOptions
        What is written.
    targets : dict
        ``target`` and ``target_b``.
    values : dict
        For the names of renders.
    protected : list of pathlib.Path
        Files that are never replaced: what is read, and in the end what was written.
    trust : bool
        Whether a foreign SavedModel may run.
    keep_every : int
        As `Dreamer` takes it.
    """

    recipe: Recipe
    options: RenderOptions
    targets: dict[str, Clip | None]
    values: dict[str, str]
    protected: list[Path]
    trust: bool = False
    keep_every: int = 0
    model_notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._model: Model | None = None
        self._device = ""
        self._loading = threading.Lock()
        self._writing = threading.Lock()

    def is_skipped(self, path: Path, out: Path, number: int) -> bool:
        """Return whether an input is left out, its renders being there.

        Raises
        ------
        AudioFileError
            They are there, and must not be replaced.
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
        """Return the model, loaded at the first call."""
        with self._loading:
            if self._model is None:
                # Before TensorFlow is imported, which takes long: it may not be to be had.
                with watching(self.trust) as watch:
                    weights = find_weights(self.recipe.model, watch)
                check_names(self.recipe, table_of(weights))
                from dreamsound.models.runtime import device_name

                self._device = device_name()
                self._model = load_telling(weights, self.model_notes)
            return self._model

    def dream(
        self,
        clip: Clip,
        path: str,
        out: Path,
        number: int,
        line: Line,
        control: Control,
        start: Clip | None = None,
    ) -> tuple[dict[str, Any], Dream]:
        """Dream one input, write its renders, and keep it in the library.

        Parameters
        ----------
        clip : Clip
            The input.
        path : str
            What it is called.
        out : pathlib.Path
            Where its renders go.
        number : int
            Which it is, from 1: inputs are told apart by it even where their names are the same.
        line : Line
            Where to tell.
        control : Control
            To stop it.
        start : Clip, optional
            An earlier dream to go on from.

        Returns
        -------
        (dict, Dream)
            The report as plain JSON values; and the dream, to be closed by the caller.
        """

        def note(text: str) -> None:
            line.say(f"dreamsound: {path}: {text}")

        def writing(name: str) -> None:
            control.check(1.0)
            line.note(f"writing {name}")

        check_holds(self.options.format, clip.sample_rate_hz, clip.channels, path)
        dreamer = Dreamer(
            clip,
            self.recipe,
            self.model(),
            **self.targets,
            start=start,
            control=control,
            keep_every=self.keep_every,
            on_warning=note,
        )
        for event in dreamer.steps():
            line.step(event)
        dream = dreamer.result()
        try:
            # One after another: two of the same name must not both find it free.
            with self._writing:
                written = write_renders(
                    dream,
                    out,
                    self.options,
                    values=self._values(number),
                    sources=self.protected,
                    on_progress=writing,
                )
                self.protected += written.paths.values()
            for text in written.notes:
                note(text)
            change = f"{dream.initial.score:.3f} → {dream.final.score:.3f}"
            line.note(f"{dream.final.class_name} {change}")
            report = self._report(path, dream) | {
                "gain_db": written.gain_db,
                "renders": {name: str(place) for name, place in written.paths.items()},
                "warnings": [*self.model_notes, *dream.warnings, *written.notes],
            }
            unkept = keep_in_library(dream, written.paths, self.values.get("preset", ""))
            for text in unkept:
                note(text)
            report["warnings"] += unkept
        except BaseException:
            dream.close()
            raise
        return report, dream

    def _values(self, number: int) -> dict[str, str]:
        return self.values | {"n": f"{number:03d}"}

    def _report(self, path: str, dream: Dream) -> dict[str, Any]:
        clip = dream.source
        return {
            "input": path,
            "model": dream.model_name,
            "weights_sha256": dream.weights_sha256,
            "device": self._device,
            "sample_rate_hz": clip.sample_rate_hz,
            "channels": clip.channels,
            "samples": clip.samples.length,
            "start": clip.start,
            "steps": [_step(event) for event in dream.steps],
            "initial": _heard(dream.initial),
            "final": _heard(dream.final),
            "recipe": dream.recipe.model_copy(update={"model": dream.model_name}).as_dict(),
        }


def keep_in_library(dream: Dream, renders: dict[str, Path], preset: str) -> list[str]:
    """Add a finished dream to the user's library, if there is one; return why it was not."""
    from dreamsound.library import open_library
    from dreamsound.library.of_dream import record_of

    try:
        library = open_library()
        if library is not None:
            with library:
                library.add(record_of(dream, renders, preset))
    except LibraryError as error:
        return [f"not in the library: {error}"]
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
