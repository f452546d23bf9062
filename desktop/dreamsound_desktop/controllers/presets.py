"""Preset actions: use, audition, save, edit, duplicate, delete, import, export."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from dreamsound_desktop.controllers.dreams import DreamController
from dreamsound_desktop.dialogs.preset_dialog import PresetDialog
from dreamsound_desktop.panels.preset_list import read_dropped
from dreamsound_desktop.panels.presets import PresetsPanel
from dreamsound_desktop.state.document import with_band
from dreamsound_desktop.state.edits import Done
from dreamsound_desktop.studio import Studio
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


class PresetController(QObject):
    """Carries out the requests of the Presets panel."""

    def __init__(
        self, studio: Studio, panel: PresetsPanel, dreams: DreamController, parent: QWidget
    ) -> None:
        super().__init__(studio)
        self._studio = studio
        self._panel = panel
        self._dreams = dreams
        self._parent = parent
        panel.chosen.connect(self.use)
        panel.audition_wanted.connect(self.audition)
        panel.blended.connect(self.use_blend)
        panel.save_wanted.connect(self.save)
        panel.edit_wanted.connect(self.edit)
        panel.duplicate_wanted.connect(self.duplicate)
        panel.delete_wanted.connect(self.delete)
        panel.export_wanted.connect(self.export)
        panel.import_wanted.connect(self.import_files)
        panel.favourite_wanted.connect(self.toggle_favourite)
        panel.show_favourites(studio.preferences.favourites)
        panel.files_dropped.connect(self.import_presets)
        panel.problem.connect(self._say)
        panel.reload()
        studio.actions.bind("save_preset", self.save)
        studio.actions.bind("import_preset", self.import_files)

    def use(self, stored: Stored) -> None:
        """Use a preset's recipe."""
        document = self._studio.session.current
        if document is None:
            self._say(self.tr("No sound open. Open a sound to use a preset on."))
            return
        name = stored.preset.name
        try:
            recipe = with_band(document.recipe, stored.preset.recipe)
        except DreamSoundError as error:
            self._say(str(error))
            return
        document.set_recipe(recipe, self.tr("Use preset {0}").format(name), preset=name)
        self._panel.choose(name)
        self._studio.change_preferences(
            recent_presets=self._studio.preferences.with_used(name).recent_presets
        )

    def toggle_favourite(self, stored: Stored) -> None:
        """Add a preset to the favourites, or remove it."""
        name, known = stored.preset.name, self._studio.preferences.favourites
        others = tuple(one for one in known if one != name)
        favourites = others if name in known else (*known, name)
        self._studio.change_preferences(favourites=favourites)
        self._panel.show_favourites(favourites)

    def audition(self, stored: Stored) -> None:
        """Preview a preset on the current span; keeps the recipe."""
        document = self._studio.session.current
        if document is None:
            self._say(self.tr("No sound open. Open a sound to audition presets on."))
            return
        try:
            recipe = with_band(document.recipe, stored.preset.recipe)
        except DreamSoundError as error:
            self._say(str(error))
            return
        self._dreams.preview(recipe, stored.preset.name)

    def use_blend(self, recipe: Recipe, name: str) -> None:
        """Use a blend of the document's recipe and a preset's."""
        document = self._studio.session.current
        if document is not None:
            text = self.tr("Blend with {0}").format(name)
            document.set_recipe(recipe, text, gesture=f"blend {name}", preset="")

    def save(self) -> None:
        """Choose a name and save the recipe under it."""
        document = self._studio.session.current
        if document is None:
            self._say(self.tr("No sound open. Open a sound to save its recipe."))
            return
        now = next((one for one in user_presets()[0] if one.preset.name == document.preset), None)
        tags, note = (now.preset.tags, now.preset.note) if now is not None else ((), "")
        dialog = PresetDialog(
            self.tr("Save preset"),
            document.preset,
            tags,
            note,
            self._panel.known_tags,
            self._parent,
        )
        if dialog.exec():
            self.save_as(*dialog.values())

    def save_as(self, name: str, tags: tuple[str, ...] = (), note: str = "") -> bool:
        """Save the recipe under a name; if the name is taken, ask in place."""
        document = self._studio.session.current
        if document is None:
            return False
        try:
            preset = Preset(name=name, recipe=document.recipe, tags=tags, note=note)
            check_name(name)
            if path_of(name).exists():
                self._studio.messages.say(
                    self.tr("A preset named “{0}” exists. Replace it?").format(name),
                    (self.tr("Replace"), lambda: self._keep(preset, overwrite=True)),
                    key="preset",
                )
                return False
        except DreamSoundError as error:
            self._say(str(error))
            return False
        return self._keep(preset)

    def edit(self, stored: Stored) -> None:
        """Edit name, tags and note."""
        before = stored.preset
        dialog = PresetDialog(
            self.tr("Edit preset"),
            before.name,
            before.tags,
            before.note,
            self._panel.known_tags,
            self._parent,
        )
        if dialog.exec():
            self.change(stored, *dialog.values())

    def change(
        self, stored: Stored, name: str, tags: tuple[str, ...] | None = None, note: str = ""
    ) -> None:
        """Change a preset's name, tags and note, undoably.

        Parameters
        ----------
        stored : Stored
            A user preset.
        name : str
            The new name.
        tags : tuple of str, optional
            If omitted, tags and note stay.
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
                # On a case-insensitive file system, both names mean one file.
                self._remove(old.name)
                self._keep(new)
            elif self._keep(new):
                # Write the new file before deleting the old one, so that nothing is lost.
                self._remove(old.name)

        self._studio.do(
            Done(
                self.tr("Edit preset {0}").format(before.name),
                lambda: swap(before, after),
                lambda: swap(after, before),
            )
        )

    def duplicate(self, stored: Stored) -> None:
        """Copy a preset, factory or not, to the user's presets."""
        base, number = stored.preset.name, 2
        name = self.tr("{0} copy").format(base)
        while path_of(name).exists():
            name = self.tr("{0} copy {1}").format(base, number)
            number += 1
        self._keep(stored.preset.model_copy(update={"name": name}))

    def delete(self, stored: Stored) -> None:
        """Delete a preset, undoably."""
        preset = stored.preset
        self._studio.do(
            Done(
                self.tr("Delete preset {0}").format(preset.name),
                lambda: self._remove(preset.name),
                lambda: self._keep(preset, overwrite=True),
            )
        )
        self._studio.messages.say(
            self.tr("Deleted “{0}”.").format(preset.name),
            (self.tr("Undo"), lambda: self._keep(preset, overwrite=True)),
            key="preset",
            stays=False,
        )

    def export(self, presets: list[Stored]) -> None:
        """Choose a file and export presets to it."""
        for stored in presets:
            name = f"{stored.preset.name}{SUFFIX}"
            path, _ = QFileDialog.getSaveFileName(
                self._parent, self.tr("Export preset"), name, f"*{SUFFIX}"
            )
            if path:
                place = Path(path if path.endswith(SUFFIX) else path + SUFFIX)
                try:
                    write_json(place, stored.preset.as_dict(), overwrite=True)
                except DreamSoundError as error:
                    self._say(str(error))

    def import_files(self) -> None:
        """Choose files and import them as user presets."""
        paths, _ = QFileDialog.getOpenFileNames(
            self._parent, self.tr("Import presets"), "", f"*{SUFFIX};;*.json"
        )
        if paths:
            self.import_presets([Path(path) for path in paths])

    def import_presets(self, paths: list[Path]) -> None:
        """Import preset files; renames presets whose name is taken."""
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
        self._say(self.tr("A preset named “{0}” exists. Choose another name.").format(name))
        return False

    def _keep(self, preset: Preset, overwrite: bool = False) -> bool:
        try:
            save_preset(preset, overwrite)
        except DreamSoundError as error:
            self._say(str(error))
            return False
        self._panel.reload(preset.name)
        document = self._studio.session.current
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
        self._studio.messages.say(text, key="preset")
