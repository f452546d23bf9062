"""The window layout: docks, default positions, and saved state."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, QSettings, QSize, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

#: Version of the saved window state; other versions are ignored.
STATE_VERSION = 1
#: Size of a new window, in letter heights.
FIRST_SIZE = (100, 60)
#: Share of the screen that limits a new window, leaving room for its frame.
MOST_OF_SCREEN = 0.95
#: Default position of each panel.
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
    window : QMainWindow
        The window that has the docks.
    panels : dict
        Title and widget by name.
    folder : pathlib.Path
        Folder for the saved layout.
    """

    def __init__(
        self, window: QMainWindow, panels: dict[str, tuple[str, QWidget]], folder: Path
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
        """Apply the default layout."""
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

    def show_front(self, name: str) -> None:
        """Show a dock in front of those it shares its place with."""
        self.by_name[name].show()
        self.by_name[name].raise_()

    def keep(self) -> None:
        """Save the layout."""
        self._settings.setValue("geometry", self._window.saveGeometry())
        self._settings.setValue("state", self._window.saveState(STATE_VERSION))
        self._settings.sync()

    def restore(self) -> None:
        """Restore the saved layout."""
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
