"""A document: a sound that is open, what shall be done with it, and what has been."""

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
from dreamsound_desktop.state.takes import Take, TakeList
from dreamsound_studio.errors import DreamSoundError, RecipeError
from dreamsound_studio.pictures.html import write_whole
from dreamsound_studio.recipe.document import read_json, recipe_from
from dreamsound_studio.recipe.presets import set_fields, with_fields
from dreamsound_studio.recipe.recipe import PAPER_FIELDS, Recipe

VERSION = 1
#: What of a recipe says what is dreamed of.
AIM = ("class_", "at", "layer", "objective")


class Document:
    """A sound that is open.

    Parameters
    ----------
    path : pathlib.Path
        The sound.

    Attributes
    ----------
    sound : OpenSound
        Its samples.
    recipe : Recipe
        What shall be done with it.
    preset : str
        The preset that the recipe came from.
    selection : TimeSpan or None
        The part that shall be dreamed; None is all.
    takes : TakeList
        What has been dreamed.
    keep_every : int
        A render keeps every so many steps; 0 keeps none.
    playhead_s : float
        Where playing begins.
    recorder : callable
        Given every edit; makes it by calling its `redo`. The app puts it onto its undo stack.

    Raises
    ------
    AudioFileError
        It cannot be read.
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
        """Its file's name."""
        return self.path.name

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.sound.seconds

    # -- editing --------------------------------------------------------------------------------

    def set_fields(self, text: str, gesture: str = "", **fields: Any) -> None:
        """Change fields of the recipe, so that it can be undone.

        Parameters
        ----------
        text : str
            What was done, for the menu.
        gesture : str, optional
            Edits of one gesture are undone together.
        **fields
            By their names in `Recipe`; None takes the default.

        Raises
        ------
        RecipeError
            Together they make no sense; nothing is changed.
        """
        told = {
            name: value
            for name, value in self.recipe.model_dump(exclude_defaults=True).items()
            if name != "schema_version"
        }
        if set(fields) & set(AIM) - {"at"}:
            told = {name: value for name, value in told.items() if name not in AIM}
        told |= fields
        self.set_recipe(Recipe.make(**told), text, gesture)

    def set_recipe(
        self, recipe: Recipe, text: str, gesture: str = "", preset: str | None = None
    ) -> None:
        """Change the recipe, and the preset it came from, so that it can be undone."""
        before = self.recipe, self.preset
        after = recipe, self.preset if preset is None else preset
        if before != after:
            self.recorder(Assign(text, self._put_recipe, before, after, gesture))

    def set_paper(self, paper: bool, text: str) -> None:
        """Take the paper's formulas literally, or the studio's."""
        fields = dict.fromkeys(PAPER_FIELDS)
        if paper:
            fields = dict(PAPER_FIELDS)
            if self.recipe.layer is not None or self.recipe.objective is not None:
                del fields["at"]
        elif self.recipe.layer is not None or self.recipe.objective is not None:
            fields.pop("at")
        told = self.recipe.model_dump(exclude_defaults=True, exclude={"schema_version"})
        self.set_recipe(Recipe.make(**(told | fields)), text)

    @property
    def is_paper(self) -> bool:
        """Whether the recipe takes the paper's formulas literally."""
        return all(
            getattr(self.recipe, name) == value
            for name, value in PAPER_FIELDS.items()
            if name != "at" or (self.recipe.layer is None and self.recipe.objective is None)
        )

    def select(self, span: TimeSpan | None, text: str, gesture: str = "") -> None:
        """Choose the part that shall be dreamed, so that it can be undone."""
        chosen = None if span is None else span.clipped(self.seconds)
        if chosen != self.selection:
            self.recorder(Assign(text, self._put_selection, self.selection, chosen, gesture))

    def set_band(
        self, low_hz: float | None, high_hz: float | None, text: str, gesture: str = ""
    ) -> None:
        """Choose the frequency band that may change; it goes into the recipe."""
        half = self.sound.sample_rate_hz / 2
        low = None if low_hz is None or low_hz < 1 else round(low_hz, 1)
        high = None if high_hz is None or high_hz >= half * 0.999 else round(high_hz, 1)
        self.set_fields(text, gesture, band_low_hz=low, band_high_hz=high)

    def move_playhead(self, seconds: float) -> None:
        """Put the playhead somewhere in the sound."""
        self.playhead_s = min(max(seconds, 0.0), self.seconds)
        self.playhead_moved.emit()

    def rename_take(self, number: int, name: str, text: str) -> None:
        """Give a take another name, so that it can be undone."""
        before = self.takes[number]
        after = before.model_copy(update={"name": name})
        self.recorder(Assign(text, self.takes.put, before, after))

    def star_take(self, number: int, stars: int, text: str) -> None:
        """Give a take stars, 0 to 5, so that it can be undone."""
        before = self.takes[number]
        after = before.model_copy(update={"stars": min(max(stars, 0), 5)})
        self.recorder(Assign(text, self.takes.put, before, after))

    def _put_recipe(self, told: tuple[Recipe, str]) -> None:
        self.recipe, self.preset = told
        self.recipe_changed.emit()

    def _put_selection(self, span: TimeSpan | None) -> None:
        self.selection = span
        self.selection_changed.emit()

    # -- kept -----------------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """Return what is kept of it, as plain JSON values."""
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

    def take_up(self, told: dict[str, Any]) -> None:
        """Go on from what was kept; what makes no sense of it is left out."""
        try:
            self.recipe = recipe_from(told.get("recipe") or {})
            self.preset = str(told.get("preset") or "")
        except RecipeError:
            self.recipe, self.preset = Recipe(), ""
        span = told.get("selection")
        if isinstance(span, list) and len(span) == 2:
            self.selection = TimeSpan(float(span[0]), float(span[1])).clipped(self.seconds)
        keep_every = told.get("keep_every")
        self.keep_every = keep_every if isinstance(keep_every, int) and keep_every > 0 else 0
        playhead = told.get("playhead_s")
        if isinstance(playhead, int | float):
            self.playhead_s = min(max(float(playhead), 0.0), self.seconds)
        takes = []
        for one in told.get("takes") or []:
            try:
                takes.append(Take.model_validate(one))
            except ValueError:
                continue
        self.takes = TakeList(takes)


class DocumentStore:
    """What is kept of documents between sessions, a small file for each sound.

    Parameters
    ----------
    folder : pathlib.Path
        Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, path: Path) -> Document:
        """Open a sound, with what was kept of it; raises `AudioFileError` as `Document` does."""
        document = Document(path)
        try:
            told = read_json(self._place(path))
        except DreamSoundError:
            return document
        if isinstance(told, dict) and told.get("version") == VERSION:
            document.take_up(told)
        return document

    def save(self, document: Document) -> None:
        """Keep what a document is; raises `AudioFileError` where it cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._place(document.path), json.dumps(document.as_dict(), indent=1))

    def renders(self) -> set[str]:
        """Return every file that a take of any document has."""
        found: set[str] = set()
        for place in self.folder.glob("*.json"):
            try:
                told = read_json(place)
                for take in told.get("takes") or []:
                    found.update(take.get("renders", {}).values())
            except (DreamSoundError, AttributeError):
                continue
        return found

    def _place(self, path: Path) -> Path:
        digest = hashlib.sha256(str(path).encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / f"{digest[:24]}.json"


def with_band(now: Recipe, recipe: Recipe) -> Recipe:
    """Return a preset's recipe, in which the band that was chosen for the sound stays."""
    band = {
        name: getattr(now, name)
        for name in ("band_low_hz", "band_high_hz")
        if getattr(recipe, name) is None
    }
    return with_fields(recipe, False, band)
