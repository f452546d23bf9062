"""Where things are in the window: the docks, how they lie at first, and as they were left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, QSettings, QSize, Qt
from PySide6.QtWidgets import QDockWidget, QWidget

if TYPE_CHECKING:
    from dreamsound_desktop.windows.main_window import MainWindow

#: Of the window's state; what an older version kept is not taken.
STATE_VERSION = 1
#: Of a new window, in heights of a letter.
FIRST_SIZE = (100, 60)
#: Of the screen, which a new window stays within: its frame has to have room too.
MOST_OF_SCREEN = 0.95
#: Where each panel is at first.
AREAS = {
    "presets": Qt.DockWidgetArea.LeftDockWidgetArea,
    "takes": Qt.DockWidgetArea.LeftDockWidgetArea,
    "dream": Qt.DockWidgetArea.RightDockWidgetArea,
    "queue": Qt.DockWidgetArea.BottomDockWidgetArea,
    "library": Qt.DockWidgetArea.BottomDockWidgetArea,
    "live": Qt.DockWidgetArea.BottomDockWidgetArea,
}


class Docks(QObject):
    """The docks of a window, by name.

    Parameters
    ----------
    window : MainWindow
        That they are around.
    panels : dict
        By name: title, and what is in it.
    folder : pathlib.Path
        Where the layout is kept.
    """

    def __init__(
        self, window: MainWindow, panels: dict[str, tuple[str, QWidget]], folder: Path
    ) -> None:
        super().__init__(window)
        self._window = window
        self._settings = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
        self.by_name: dict[str, QDockWidget] = {}
        for name, (title, panel) in panels.items():
            dock = QDockWidget(title, window)
            dock.setObjectName(name)
            dock.setWidget(panel)
            dock.setAccessibleName(title)
            window.addDockWidget(AREAS[name], dock)
            self.by_name[name] = dock
        self.arrange()

    def arrange(self) -> None:
        """Put the docks where they are at first."""
        window, docks = self._window, self.by_name
        for name, dock in docks.items():
            dock.setFloating(False)
            dock.show()
            window.addDockWidget(AREAS[name], dock)
        window.tabifyDockWidget(docks["queue"], docks["library"])
        docks["queue"].raise_()
        unit = window.fontMetrics().height()
        flat, upright = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        window.resizeDocks([docks["presets"], docks["dream"]], [19 * unit, 24 * unit], flat)
        window.resizeDocks([docks["queue"], docks["live"]], [56 * unit, 24 * unit], flat)
        window.resizeDocks([docks["queue"]], [16 * unit], upright)
        corner = Qt.Corner
        window.setCorner(corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        window.setCorner(corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)

    def keep(self) -> None:
        """Keep where everything is."""
        self._settings.setValue("geometry", self._window.saveGeometry())
        self._settings.setValue("state", self._window.saveState(STATE_VERSION))
        self._settings.sync()

    def restore(self) -> None:
        """Put everything where it was left."""
        geometry, state = self._settings.value("geometry"), self._settings.value("state")
        if isinstance(geometry, QByteArray):
            self._window.restoreGeometry(geometry)
        else:
            unit = self._window.fontMetrics().height()
            wanted = QSize(FIRST_SIZE[0] * unit, FIRST_SIZE[1] * unit)
            most = self._window.screen().availableSize() * MOST_OF_SCREEN
            self._window.resize(wanted.boundedTo(most))
        if isinstance(state, QByteArray):
            self._window.restoreState(state, STATE_VERSION)
