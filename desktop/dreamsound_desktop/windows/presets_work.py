"""What is done with presets: used, heard, kept, renamed, copied, deleted and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from dreamsound_desktop.panels.presets import read_dropped
from dreamsound_desktop.state.document import with_band
from dreamsound_desktop.state.edits import Done
from dreamsound_desktop.windows.preset_dialog import PresetDialog
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.recipe.document import write_json
from dreamsound_studio.recipe.presets import (
    SUFFIX,
    Preset,
    Stored,
    check_name,
    delete_preset,
    path_of,
    save_preset,
    user_presets,
)
from dreamsound_studio.recipe.recipe import Recipe

if TYPE_CHECKING:
    from dreamsound_desktop.windows.main_window import MainWindow


class PresetsWork(QObject):
    """Does what the presets panel asks for."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        panel = self._panel = window.presets
        panel.chosen.connect(self.use)
        panel.audition_wanted.connect(self.audition)
        panel.blended.connect(self.take_blend)
        panel.save_wanted.connect(self.save)
        panel.edit_wanted.connect(self.edit)
        panel.duplicate_wanted.connect(self.duplicate)
        panel.delete_wanted.connect(self.delete)
        panel.export_wanted.connect(self.export)
        panel.import_wanted.connect(self.import_files)
        panel.favourite_wanted.connect(self.favour)
        panel.show_favourites(window.preferences.favourites)
        panel.files_dropped.connect(self.take_in)
        panel.problem.connect(lambda text: window.messages.say(text, key="preset"))
        panel.reload()
        window.actions_.bind("save_preset", self.save)
        window.actions_.bind("import_preset", self.import_files)

    def use(self, stored: Stored) -> None:
        """Take a preset's recipe."""
        document = self._window.session.current
        if document is None:
            self._say(self.tr("Open a sound first: a preset is used on it."))
            return
        name = stored.preset.name
        try:
            recipe = with_band(document.recipe, stored.preset.recipe)
        except DreamSoundError as error:
            self._say(str(error))
            return
        document.set_recipe(recipe, self.tr("Use preset {0}").format(name), preset=name)
        self._panel.choose(name)
        self._window.change_preferences(
            recent_presets=self._window.preferences.with_used(name).recent_presets
        )

    def favour(self, stored: Stored) -> None:
        """Make a preset a favourite, or one no longer."""
        name, known = stored.preset.name, self._window.preferences.favourites
        others = tuple(one for one in known if one != name)
        favourites = others if name in known else (*known, name)
        self._window.change_preferences(favourites=favourites)
        self._panel.show_favourites(favourites)

    def audition(self, stored: Stored) -> None:
        """Preview a preset on the current span; the recipe stays as it is."""
        document = self._window.session.current
        if document is None:
            self._say(self.tr("Open a sound first: a preset is heard on it."))
            return
        try:
            recipe = with_band(document.recipe, stored.preset.recipe)
        except DreamSoundError as error:
            self._say(str(error))
            return
        self._window.dreams.preview(recipe, stored.preset.name)

    def take_blend(self, recipe: Recipe, name: str) -> None:
        """Take a recipe between the document's and a preset's."""
        document = self._window.session.current
        if document is not None:
            text = self.tr("Blend with {0}").format(name)
            document.set_recipe(recipe, text, gesture=f"blend {name}", preset="")

    def save(self) -> None:
        """Ask for a name, and keep the recipe under it."""
        document = self._window.session.current
        if document is None:
            self._say(self.tr("Open a sound first: its recipe is kept."))
            return
        now = next((one for one in user_presets()[0] if one.preset.name == document.preset), None)
        tags, note = (now.preset.tags, now.preset.note) if now is not None else ((), "")
        dialog = PresetDialog(
            self.tr("Save preset"),
            document.preset,
            tags,
            note,
            self._panel.known_tags,
            self._window,
        )
        if dialog.exec():
            self.save_as(*dialog.told())

    def save_as(self, name: str, tags: tuple[str, ...] = (), note: str = "") -> bool:
        """Keep the recipe under a name; where that is taken, ask in place."""
        document = self._window.session.current
        if document is None:
            return False
        try:
            preset = Preset(name=name, recipe=document.recipe, tags=tags, note=note)
            check_name(name)
            if path_of(name).exists():
                self._window.messages.say(
                    self.tr("There is a preset “{0}” already.").format(name),
                    (self.tr("Replace it"), lambda: self._keep(preset, overwrite=True)),
                    key="preset",
                )
                return False
        except DreamSoundError as error:
            self._say(str(error))
            return False
        return self._keep(preset)

    def edit(self, stored: Stored) -> None:
        """Ask for another name, tags and note, and give them."""
        before = stored.preset
        dialog = PresetDialog(
            self.tr("Edit preset"),
            before.name,
            before.tags,
            before.note,
            self._panel.known_tags,
            self._window,
        )
        if dialog.exec():
            self.change(stored, *dialog.told())

    def change(
        self, stored: Stored, name: str, tags: tuple[str, ...] | None = None, note: str = ""
    ) -> None:
        """Give a preset another name, tags and note, so that it can be undone.

        Parameters
        ----------
        stored : Stored
            One of the user's.
        name : str
            The new name.
        tags : tuple of str, optional
            Without them, tags and note stay as they are.
        note : str, optional
            The new note.
        """
        before = stored.preset
        update: dict[str, object] = {"name": name}
        if tags is not None:
            update |= {"tags": tags, "note": note}
        after = before.model_copy(update=update)
        if after == before:
            return
        if name.casefold() != before.name.casefold() and not self._is_free(name):
            return

        def swap(old: Preset, new: Preset) -> None:
            if new.name == old.name:
                self._keep(new, overwrite=True)
            elif new.name.casefold() == old.name.casefold():
                # One file, where the system does not tell large letters from small ones.
                self._remove(old.name)
                self._keep(new)
            elif self._keep(new):
                # First the new one is there, then the old one goes: nothing is lost in between.
                self._remove(old.name)

        self._window.do(
            Done(
                self.tr("Edit preset {0}").format(before.name),
                lambda: swap(before, after),
                lambda: swap(after, before),
            )
        )

    def duplicate(self, stored: Stored) -> None:
        """Copy a preset, factory ones too, into one of the user's."""
        base, number = stored.preset.name, 2
        name = self.tr("{0} copy").format(base)
        while path_of(name).exists():
            name = self.tr("{0} copy {1}").format(base, number)
            number += 1
        self._keep(stored.preset.model_copy(update={"name": name}))

    def delete(self, stored: Stored) -> None:
        """Delete a preset, so that it can be undone."""
        preset = stored.preset
        self._window.do(
            Done(
                self.tr("Delete preset {0}").format(preset.name),
                lambda: self._remove(preset.name),
                lambda: self._keep(preset, overwrite=True),
            )
        )
        self._window.messages.say(
            self.tr("“{0}” was deleted.").format(preset.name),
            (self.tr("Undo"), lambda: self._keep(preset, overwrite=True)),
            key="preset",
            stays=False,
        )

    def export(self, presets: list[Stored]) -> None:
        """Ask for a file, and write a preset to it."""
        for stored in presets:
            name = f"{stored.preset.name}{SUFFIX}"
            path, _ = QFileDialog.getSaveFileName(
                self._window, self.tr("Export preset"), name, f"*{SUFFIX}"
            )
            if path:
                place = Path(path if path.endswith(SUFFIX) else path + SUFFIX)
                try:
                    write_json(place, stored.preset.as_dict(), overwrite=True)
                except DreamSoundError as error:
                    self._say(str(error))

    def import_files(self) -> None:
        """Ask for files, and copy them into the user's presets."""
        paths, _ = QFileDialog.getOpenFileNames(
            self._window, self.tr("Import presets"), "", f"*{SUFFIX};;*.json"
        )
        if paths:
            self.take_in([Path(path) for path in paths])

    def take_in(self, paths: list[Path]) -> None:
        """Copy preset files into the user's presets; one of a name that is taken gets another."""
        presets, problems = read_dropped(paths)
        for preset in presets:
            if path_of(preset.name).exists():
                self.duplicate(Stored(preset, None))
            else:
                self._keep(preset)
        for problem in problems:
            self._say(problem)

    def _is_free(self, name: str) -> bool:
        try:
            if not path_of(name).exists():
                return True
        except DreamSoundError as error:
            self._say(str(error))
            return False
        self._say(self.tr("There is a preset “{0}” already.").format(name))
        return False

    def _keep(self, preset: Preset, overwrite: bool = False) -> bool:
        try:
            save_preset(preset, overwrite)
        except DreamSoundError as error:
            self._say(str(error))
            return False
        self._panel.reload(preset.name)
        document = self._window.session.current
        if document is not None and document.recipe == preset.recipe:
            document.set_recipe(preset.recipe, self.tr("Save preset"), preset=preset.name)
        return True

    def _remove(self, name: str) -> None:
        try:
            delete_preset(name)
        except DreamSoundError as error:
            self._say(str(error))
        self._panel.reload()

    def _say(self, text: str) -> None:
        self._window.messages.say(text, key="preset")
