"""Dark or light: as the system has it, or as preferred."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

Theme = Literal["system", "light", "dark"]
SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


def apply_theme(theme: Theme) -> None:
    """Take a theme, for all windows; Fusion looks the same on every system."""
    app = QApplication.instance()
    if isinstance(app, QApplication) and app.style().objectName().casefold() != "fusion":
        app.setStyle("fusion")
    hints = QGuiApplication.styleHints()
    if hasattr(hints, "setColorScheme"):  # Qt 6.8
        hints.setColorScheme(SCHEMES[theme])
