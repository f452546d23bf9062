"""The menu bar, toolbar and status bar of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QLabel, QMenu, QSlider, QToolBar

from dreamsound_desktop.actions import FILE, MENUS, VIEW, translated
from dreamsound_desktop.panels.meter import Meter
from dreamsound_desktop.state.document import Document
from dreamsound_studio.queue.store.records import Job

if TYPE_CHECKING:
    from dreamsound_desktop.windows.main_window import MainWindow

TOOLBAR = (
    "open", "", "undo", "redo", "", "play", "loop", "", "preview", "render", "finish", "cancel",
    "", "listen", "variations", "again", "", "zoom_in", "zoom_out", "zoom_all",
)  # fmt: skip
#: Padding of status bar items, as shares of the letter height.
ROOM = 0.6


class Bars(QObject):
    """Builds the bars of a window and updates the status bar."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.menus: dict[str, QMenu] = {}
        for title in MENUS:
            menu = window.menuBar().addMenu(translated(title))
            window.actions_.fill_menu(menu, title)
            self.menus[title] = menu
        self.recent_menu = QMenu(self.tr("Open &recent"), window)
        self.recent_menu.setToolTipsVisible(True)
        self.recent_menu.aboutToShow.connect(self.fill_recent)
        self.menus[FILE].insertMenu(window.actions_["add_folder"], self.recent_menu)
        panels = self.menus[VIEW].addMenu(self.tr("Panels"))
        for dock in window.docks.values():
            panels.addAction(dock.toggleViewAction())
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.meter = Meter(window.player)
        self._make_tools()
        self._room = round(ROOM * window.fontMetrics().height())
        self.device_label = self._label(self.tr("Device of the last dream"))
        self.sound_label = self._label(self.tr("Sound format"))
        self.selection_label = self._label(self.tr("Selection"))
        self.queue_label = self._label(self.tr("Render queue"))
        window.client.changed.connect(self._show_device)

    def fill_recent(self) -> None:
        """List the recent sounds."""
        window = self._window
        self.recent_menu.clear()
        for path in window.session.recent:
            action = self.recent_menu.addAction(path.name)
            action.setToolTip(str(path))
            action.triggered.connect(lambda _=False, path=path: window.files.open([path]))
        self.recent_menu.addSeparator()
        clear = self.recent_menu.addAction(self.tr("Clear list"))
        clear.triggered.connect(window.session.recent.clear)

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

    def show_volume(self, volume_db: float) -> None:
        """Set the volume slider."""
        if round(volume_db) != self.volume.value():
            self.volume.setValue(round(volume_db))

    def _make_tools(self) -> None:
        window = self._window
        toolbar = QToolBar(self.tr("Tools"))
        toolbar.setObjectName("tools")
        window.addToolBar(toolbar)
        for name in TOOLBAR:
            if name:
                toolbar.addAction(window.actions_[name])
            else:
                toolbar.addSeparator()
        self.volume.setRange(-60, 0)
        self.volume.setAccessibleName(self.tr("Volume, dB"))
        self.volume.setMaximumWidth(10 * window.fontMetrics().height())
        self.volume.setValue(round(window.preferences.volume_db))
        self.volume.setToolTip(self.tr("Volume"))
        self.volume.valueChanged.connect(window.set_volume)
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

    def _show_device(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.progress.get("device"):
                self._set_text(self.device_label, str(job.progress["device"]))
