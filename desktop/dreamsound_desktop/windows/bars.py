"""The bars of the window: menus, tools, and what the status bar tells."""

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
#: Between what the status bar tells, as shares of a letter's height.
ROOM = 0.6


class Bars(QObject):
    """Makes the bars of a window, and writes into the status bar."""

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
        self.device_told = self._label(self.tr("What the last dream ran on"))
        self.sound_told = self._label(self.tr("The sound"))
        self.selection_told = self._label(self.tr("What is selected"))
        self.queue_told = self._label(self.tr("The render queue"))
        window.client.changed.connect(self._show_device)

    def fill_recent(self) -> None:
        """List what was open lately."""
        window = self._window
        self.recent_menu.clear()
        for path in window.session.recent:
            action = self.recent_menu.addAction(path.name)
            action.setToolTip(str(path))
            action.triggered.connect(lambda _=False, path=path: window.files.open([path]))
        self.recent_menu.addSeparator()
        clear = self.recent_menu.addAction(self.tr("Clear"))
        clear.triggered.connect(window.session.recent.clear)

    def show_document(self, document: Document | None) -> None:
        """Tell of another sound."""
        if document is None:
            self._tell(self.sound_told, "")
            self._tell(self.selection_told, "")
            return
        sound = document.sound
        known = {1: self.tr("mono"), 2: self.tr("stereo")}
        channels = known.get(sound.channels, self.tr("{0} channels").format(sound.channels))
        rate = self.tr("{0} Hz, {1}").format(sound.sample_rate_hz, channels)
        self._tell(self.sound_told, rate)
        span = document.selection
        self._tell(
            self.selection_told,
            self.tr("whole sound, {0:.2f} s").format(document.seconds)
            if span is None
            else self.tr("selection {0:.2f} s").format(span.seconds),
        )

    def show_queue(self, text: str) -> None:
        """Tell how far the queue is."""
        self._tell(self.queue_told, text)

    def show_volume(self, volume_db: float) -> None:
        """Put the slider where the volume is."""
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

    def _tell(self, label: QLabel, text: str) -> None:
        label.setText(text)
        label.setVisible(bool(text))

    def _show_device(self, jobs: list[Job]) -> None:
        for job in jobs:
            if job.progress.get("device"):
                self._tell(self.device_told, str(job.progress["device"]))
