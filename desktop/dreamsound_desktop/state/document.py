"""A document: an open sound, its recipe, and its takes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.state.edits import Assign, Edit
from dreamsound_desktop.state.events import Event
from dreamsound_desktop.state.markers import Marker, markers_of
from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_desktop.state.takes import DreamTake, TakeList
from dreamsound_studio.errors import DreamSoundError, RecipeError
from dreamsound_studio.files import write_atomic
from dreamsound_studio.recipe.document import read_json, recipe_from
from dreamsound_studio.recipe.presets import set_fields, with_fields
from dreamsound_studio.recipe.recipe import PAPER_FIELDS, Recipe

VERSION = 1
#: Recipe fields that define what to dream of.
AIM = ("class_", "at", "layer", "objective")


class Document:
    """An open sound.

    Parameters
    ----------
    path : pathlib.Path
        The sound file.

    Attributes
    ----------
    sound : OpenSound
        Its samples.
    recipe : Recipe
        The recipe for the next dream.
    preset : str
        Name of the preset the recipe comes from.
    selection : TimeSpan or None
        The part to dream; None for the whole sound.
    takes : TakeList
        Finished dreams.
    keep_every : int
        A render keeps every n-th step; 0 keeps none.
    playhead_s : float
        Start of playback.
    recorder : callable
        Receives every edit and applies it with `redo`. The app pushes it onto its undo stack.

    Raises
    ------
    AudioFileError
        The sound cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.sound = OpenSound(path)
        self.path = path
        self.recipe = Recipe()
        self.preset = ""
        self.selection: TimeSpan | None = None
        self.takes = TakeList()
        self.markers: tuple[Marker, ...] = markers_of(path, self.sound.sample_rate_hz)
        self.keep_every = 0
        self.playhead_s = 0.0
        self.recorder: Callable[[Edit], None] = lambda edit: edit.redo()
        self.recipe_changed: Event[[]] = Event()
        self.selection_changed: Event[[]] = Event()
        self.playhead_moved: Event[[]] = Event()

    @property
    def name(self) -> str:
        """File name of the sound."""
        return self.path.name

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.sound.seconds

    # -- editing --------------------------------------------------------------------------------

    def set_fields(self, text: str, gesture: str = "", **fields: Any) -> None:
        """Change recipe fields, undoably.

        Parameters
        ----------
        text : str
            Description for the Undo menu.
        gesture : str, optional
            Edits of one gesture undo together.
        **fields
            Fields of `Recipe`; None resets to the default.

        Raises
        ------
        RecipeError
            The combination is invalid; nothing changes.
        """
        values = self.recipe.given()
        if set(fields) & set(AIM) - {"at"}:
            values = {name: value for name, value in values.items() if name not in AIM}
        values |= fields
        self.set_recipe(Recipe.make(**values), text, gesture)

    def set_recipe(
        self, recipe: Recipe, text: str, gesture: str = "", preset: str | None = None
    ) -> None:
        """Change the recipe and its preset name, undoably."""
        before = self.recipe, self.preset
        after = recipe, self.preset if preset is None else preset
        if before != after:
            self.recorder(Assign(text, self._put_recipe, before, after, gesture))

    def set_paper(self, paper: bool, text: str) -> None:
        """Switch between the paper's literal formulas and the studio's."""
        fields = dict.fromkeys(PAPER_FIELDS)
        if paper:
            fields = dict(PAPER_FIELDS)
            if self.recipe.layer is not None or self.recipe.objective is not None:
                del fields["at"]
        elif self.recipe.layer is not None or self.recipe.objective is not None:
            fields.pop("at")
        self.set_recipe(Recipe.make(**(self.recipe.given() | fields)), text)

    @property
    def is_paper(self) -> bool:
        """Whether the recipe uses the paper's literal formulas."""
        return all(
            getattr(self.recipe, name) == value
            for name, value in PAPER_FIELDS.items()
            if name != "at" or (self.recipe.layer is None and self.recipe.objective is None)
        )

    def select(self, span: TimeSpan | None, text: str, gesture: str = "") -> None:
        """Select the part to dream, undoably."""
        chosen = None if span is None else span.clipped(self.seconds)
        if chosen != self.selection:
            self.recorder(Assign(text, self._put_selection, self.selection, chosen, gesture))

    def set_band(
        self, low_hz: float | None, high_hz: float | None, text: str, gesture: str = ""
    ) -> None:
        """Set the recipe's frequency band, undoably."""
        half = self.sound.sample_rate_hz / 2
        low = None if low_hz is None or low_hz < 1 else round(low_hz, 1)
        high = None if high_hz is None or high_hz >= half * 0.999 else round(high_hz, 1)
        self.set_fields(text, gesture, band_low_hz=low, band_high_hz=high)

    def move_playhead(self, seconds: float) -> None:
        """Move the playhead."""
        self.playhead_s = min(max(seconds, 0.0), self.seconds)
        self.playhead_moved.emit()

    def rename_take(self, number: int, name: str, text: str) -> None:
        """Rename a take, undoably."""
        before = self.takes[number]
        after = before.model_copy(update={"name": name})
        self.recorder(Assign(text, self.takes.put, before, after))

    def star_take(self, number: int, stars: int, text: str) -> None:
        """Give a take 0 to 5 stars, undoably."""
        before = self.takes[number]
        after = before.model_copy(update={"stars": min(max(stars, 0), 5)})
        self.recorder(Assign(text, self.takes.put, before, after))

    def _put_recipe(self, recipe_and_preset: tuple[Recipe, str]) -> None:
        self.recipe, self.preset = recipe_and_preset
        self.recipe_changed.emit()

    def _put_selection(self, span: TimeSpan | None) -> None:
        self.selection = span
        self.selection_changed.emit()

    # -- saved state ----------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """Return the saved state as plain JSON values."""
        return {
            "version": VERSION,
            "path": str(self.path),
            "recipe": set_fields(self.recipe),
            "preset": self.preset,
            "selection": None
            if self.selection is None
            else [self.selection.start_s, self.selection.stop_s],
            "keep_every": self.keep_every,
            "playhead_s": self.playhead_s,
            "takes": [take.model_dump(mode="json") for take in self.takes],
        }

    def restore_state(self, state: dict[str, Any]) -> None:
        """Restore saved state, skipping invalid entries."""
        try:
            self.recipe = recipe_from(state.get("recipe") or {})
            self.preset = str(state.get("preset") or "")
        except RecipeError:
            self.recipe, self.preset = Recipe(), ""
        span = state.get("selection")
        if isinstance(span, list) and len(span) == 2:
            self.selection = TimeSpan(float(span[0]), float(span[1])).clipped(self.seconds)
        keep_every = state.get("keep_every")
        self.keep_every = keep_every if isinstance(keep_every, int) and keep_every > 0 else 0
        playhead = state.get("playhead_s")
        if isinstance(playhead, int | float):
            self.playhead_s = min(max(float(playhead), 0.0), self.seconds)
        takes = []
        for one in state.get("takes") or []:
            try:
                takes.append(DreamTake.model_validate(one))
            except ValueError:
                continue
        self.takes = TakeList(takes)


class DocumentStore:
    """Saved state of documents, one small file per sound.

    Parameters
    ----------
    folder : pathlib.Path
        Created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, path: Path) -> Document:
        """Open a sound with its saved state; raises `AudioFileError` like `Document`."""
        document = Document(path)
        try:
            state = read_json(self._place(path))
        except DreamSoundError:
            return document
        if isinstance(state, dict) and state.get("version") == VERSION:
            document.restore_state(state)
        return document

    def save(self, document: Document) -> None:
        """Save a document's state; raises `AudioFileError` if it cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self._place(document.path), json.dumps(document.as_dict(), indent=1))

    def renders(self) -> set[str]:
        """Return the render files of all takes of all documents."""
        found: set[str] = set()
        for place in self.folder.glob("*.json"):
            try:
                state = read_json(place)
                for take in state.get("takes") or []:
                    found.update(take.get("renders", {}).values())
            except (DreamSoundError, AttributeError):
                continue
        return found

    def _place(self, path: Path) -> Path:
        digest = hashlib.sha256(str(path).encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / f"{digest[:24]}.json"


def with_band(now: Recipe, recipe: Recipe) -> Recipe:
    """Return a preset's recipe with the sound's current band."""
    band = {
        name: getattr(now, name)
        for name in ("band_low_hz", "band_high_hz")
        if getattr(recipe, name) is None
    }
    return with_fields(recipe, False, band)
