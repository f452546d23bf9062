"""The recipe of the active document: paper defaults, reset, and what the model hears."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject

from dreamsound_desktop.panels.dream import DreamPanel
from dreamsound_desktop.panels.presets import PresetsPanel
from dreamsound_desktop.panels.sound_tabs import SoundTabs
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.heard import ClassScores
from dreamsound_desktop.studio import Studio
from dreamsound_studio.recipe.recipe import Recipe


class RecipeController(QObject):
    """Shows a document's recipe in the Dream and Presets panels, and listens to its sound."""

    def __init__(
        self, studio: Studio, dream: DreamPanel, presets: PresetsPanel, tabs: SoundTabs
    ) -> None:
        super().__init__(studio)
        self._studio = studio
        self._dream = dream
        self._presets = presets
        self._tabs = tabs
        studio.actions.bind("listen", self.listen)
        studio.actions.bind("paper", self._set_paper)
        studio.actions.bind("reset_recipe", self._reset)
        studio.listening.heard.connect(self._on_heard)
        studio.listening.failed.connect(self._on_failed)
        studio.session.opened.connect(self._on_opened)
        dream.problem.connect(self._on_problem)

    def listen(self) -> None:
        """Show what the model hears in the sound."""
        document = self._studio.session.current
        if document is not None:
            self._studio.messages.show_status(self.tr("Analysing the sound…"))
            self._studio.listening.ask(document.path, document.recipe.model)

    def show_document(self, document: Document | None) -> None:
        """Show the recipe of a document, and what has been heard in it."""
        self._dream.show_document(document)
        self._presets.show_recipe(None if document is None else document.recipe)
        heard = None
        if document is not None:
            heard = self._studio.listening.known(document.path, document.recipe.model)
        self._dream.show_heard(heard)
        self._studio.actions["paper"].setChecked(document is not None and document.is_paper)

    def _set_paper(self, is_on: bool) -> None:
        document = self._studio.session.current
        if document is not None:
            document.set_paper(is_on, self.tr("As in the paper"))

    def _reset(self) -> None:
        document = self._studio.session.current
        if document is not None:
            document.set_recipe(Recipe(), self.tr("Reset recipe"), preset="")

    def _on_opened(self, document: Document) -> None:
        document.recipe_changed.connect(self._on_recipe)

    def _on_recipe(self) -> None:
        document = self._studio.session.current
        if document is not None:
            self._presets.show_recipe(document.recipe)
            self._studio.actions["paper"].setChecked(document.is_paper)

    def _on_problem(self, text: str) -> None:
        if text:
            self._studio.messages.say(text, key="recipe")
        else:
            self._studio.messages.clear("recipe")

    def _on_heard(self, path: Path, heard: ClassScores) -> None:
        document = self._studio.session.find(path)
        if document is None:
            return
        self._tabs.show_heard(document, heard)
        if document is self._studio.session.current:
            self._dream.show_heard(heard)

    def _on_failed(self, path: Path, reason: str) -> None:
        self._studio.messages.say(
            self.tr("Cannot analyse {0}: {1}").format(path.name, reason),
            (self.tr("Models…"), self._studio.actions["welcome"].trigger),
            key="listen",
        )
