"""The menu bar, toolbar and status bar of the window."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDockWidget, QLabel, QMainWindow, QMenu, QSlider, QToolBar

from dreamsound_desktop.actions.table import FILE, MENUS, VIEW, translated
from dreamsound_desktop.panels.meter import Meter
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.studio import Studio
from dreamsound_studio.queue.store.records import Job

TOOLBAR = (
    "open", "", "undo", "redo", "", "play", "loop", "", "preview", "render", "finish", "cancel",
    "", "listen", "variations", "again", "", "zoom_in", "zoom_out", "zoom_all",
)  # fmt: skip
#: Padding of status bar items, as shares of the letter height.
ROOM = 0.6


class Bars(QObject):
    """Builds the bars of a window and updates the status bar.

    Parameters
    ----------
    window : QMainWindow
        The window that has the bars.
    studio : Studio
        What they show.
    docks : iterable of QDockWidget
        The docks that the View menu shows and hides.
    """

    #: The path of a recent sound.
    open_wanted = Signal(object)

    def __init__(self, window: QMainWindow, studio: Studio, docks: Iterable[QDockWidget]) -> None:
        super().__init__(window)
        self._window = window
        self._studio = studio
        self.menus: dict[str, QMenu] = {}
        for title in MENUS:
            menu = window.menuBar().addMenu(translated(title))
            studio.actions.fill_menu(menu, title)
            self.menus[title] = menu
        self.recent_menu = QMenu(self.tr("Open &recent"), window)
        self.recent_menu.setToolTipsVisible(True)
        self.recent_menu.aboutToShow.connect(self.fill_recent)
        self.menus[FILE].insertMenu(studio.actions["add_folder"], self.recent_menu)
        panels = self.menus[VIEW].addMenu(self.tr("Panels"))
        for dock in docks:
            panels.addAction(dock.toggleViewAction())
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.meter = Meter(studio.player)
        self._make_tools()
        self._room = round(ROOM * window.fontMetrics().height())
        self.device_label = self._label(self.tr("Device of the last dream"))
        self.sound_label = self._label(self.tr("Sound format"))
        self.selection_label = self._label(self.tr("Selection"))
        self.queue_label = self._label(self.tr("Render queue"))
        studio.client.changed.connect(self._show_device)
        studio.volume_changed.connect(self._show_volume)
        studio.messages.status_changed.connect(window.statusBar().showMessage)

    def fill_recent(self) -> None:
        """List the recent sounds."""
        recent = self._studio.session.recent
        self.recent_menu.clear()
        for path in recent:
            action = self.recent_menu.addAction(path.name)
            action.setToolTip(str(path))
            action.triggered.connect(lambda _=False, path=path: self.open_wanted.emit(path))
        self.recent_menu.addSeparator()
        clear = self.recent_menu.addAction(self.tr("Clear list"))
        clear.triggered.connect(recent.clear)

    def show_document(self, document: Document | None) -> None:
        """Show another sound's format and selection."""
        if document is None:
            self._set_text(self.sound_label, "")
            self._set_text(self.selection_label, "")
            return
        sound = document.sound
        known = {1: self.tr("mono"), 2: self.tr("stereo")}
        channels = known.get(sound.channels, self.tr("{0} channels").format(sound.channels))
        rate = self.tr("{0} Hz, {1}").format(sound.sample_rate_hz, channels)
        self._set_text(self.sound_label, rate)
        span = document.selection
        self._set_text(
            self.selection_label,
            self.tr("whole sound, {0:.2f} s").format(document.seconds)
            if span is None
            else self.tr("selection {0:.2f} s").format(span.seconds),
        )

    def show_queue(self, text: str) -> None:
        """Show the queue's progress."""
        self._set_text(self.queue_label, text)

    def _make_tools(self) -> None:
        window, studio = self._window, self._studio
        toolbar = QToolBar(self.tr("Tools"))
        toolbar.setObjectName("tools")
        window.addToolBar(toolbar)
        for name in TOOLBAR:
            if name:
                toolbar.addAction(studio.actions[name])
            else:
                toolbar.addSeparator()
        self.volume.setRange(-60, 0)
        self.volume.setAccessibleName(self.tr("Volume, dB"))
        self.volume.setMaximumWidth(10 * window.fontMetrics().height())
        self.volume.setValue(round(studio.preferences.volume_db))
        self.volume.setToolTip(self.tr("Volume"))
        self.volume.valueChanged.connect(studio.set_volume)
        toolbar.addSeparator()
        toolbar.addWidget(self.volume)
        toolbar.addWidget(self.meter)

    def _label(self, tip: str) -> QLabel:
        label = QLabel()
        label.setToolTip(tip)
        label.setContentsMargins(self._room, 0, self._room, 0)
        label.hide()
        self._window.statusBar().addPermanentWidget(label)
        return label

    def _set_text(self, label: QLabel, text: str) -> None:
        label.setText(text)
        label.setVisible(bool(text))

    def _show_volume(self, volume_db: float) -> None:
        if round(volume_db) != self.volume.value():
            self.volume.setValue(round(volume_db))

    def _show_device(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.progress.get("device"):
                self._set_text(self.device_label, str(job.progress["device"]))
