"""The views of the open sounds, in tabs with close buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QTabBar, QTabWidget, QToolButton, QWidget

from dreamsound_desktop.icons import icon
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.heard import ClassScores
from dreamsound_desktop.studio import Studio

if TYPE_CHECKING:
    from dreamsound_desktop.views.sound_view import SoundView

#: Size of the cross, as a share of the letter height.
CROSS = 0.8


class SoundTabs(QTabWidget):
    """A view for each open sound; the visible tab is the studio's active document."""

    seek_wanted = Signal(float)
    play_wanted = Signal(float)
    menu_wanted = Signal(object)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._views: dict[Document, SoundView] = {}
        self.setDocumentMode(True)
        self.setMovable(False)
        self.setAccessibleName(self.tr("Sounds"))
        self.tabBar().setAccessibleName(self.tr("Sounds"))
        self.currentChanged.connect(self._on_tab)
        studio.preferences_changed.connect(self._apply_preferences)

    @property
    def view(self) -> SoundView | None:
        """The view of the active document."""
        document = self._studio.session.current
        return None if document is None else self._views.get(document)

    def add(self, document: Document) -> SoundView:
        """Add a view of an opened document, and return it."""
        # Imported here: the window appears before the plotting library loads.
        from dreamsound_desktop.views.sound_view import SoundView

        studio = self._studio
        view = SoundView(document, studio.tasks, studio.disk, studio.preferences)
        view.seek_wanted.connect(self.seek_wanted)
        view.play_wanted.connect(self.play_wanted)
        view.menu_wanted.connect(self.menu_wanted)
        view.failed.connect(lambda text: studio.messages.say(text, key="view"))
        self._views[document] = view
        place = self.addTab(view, document.name)
        self.setTabToolTip(place, str(document.path))
        self._add_cross(place, document)
        return view

    def remove(self, document: Document) -> None:
        """Remove the view of a closed document."""
        view = self._views.pop(document)
        view.close_view()
        self.removeTab(self.indexOf(view))
        view.deleteLater()

    def close_views(self) -> None:
        """Stop the work of all views."""
        for view in self._views.values():
            view.close_view()

    def show_document(self, document: Document) -> None:
        """Show the tab of a document."""
        self.setCurrentWidget(self._views[document])

    def show_heard(self, document: Document, heard: ClassScores) -> None:
        """Show what a model hears in a document."""
        self._views[document].show_heard(heard)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Redraw the crosses when the theme changes."""
        if event.type() == QEvent.Type.PaletteChange:
            for place in range(self.count()):
                button = self.tabBar().tabButton(place, QTabBar.ButtonPosition.RightSide)
                if isinstance(button, QToolButton):
                    button.setIcon(icon("cancel", self.palette()))
        super().changeEvent(event)

    def _add_cross(self, place: int, document: Document) -> None:
        button = QToolButton()
        button.setAutoRaise(True)
        # Not focusable: Ctrl+W does the same, and the Tab key has fewer stops.
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setToolTip(self.tr("Close {0}").format(document.name))
        button.setAccessibleName(self.tr("Close {0}").format(document.name))
        button.setIcon(icon("cancel", self.palette()))
        side = round(CROSS * self.fontMetrics().height())
        button.setIconSize(QSize(side, side))
        button.clicked.connect(lambda: self._studio.session.close(document))
        self.tabBar().setTabButton(place, QTabBar.ButtonPosition.RightSide, button)

    def _on_tab(self, place: int) -> None:
        view = self.widget(place)
        for document, one in self._views.items():
            if one is view:
                self._studio.session.go_to(document)

    def _apply_preferences(self) -> None:
        for view in self._views.values():
            view.set_preferences(self._studio.preferences)
