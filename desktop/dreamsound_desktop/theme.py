"""Dark or light theme: follows the system or the preferences."""

from __future__ import annotations

from typing import Final, Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

Theme = Literal["system", "light", "dark"]
SCHEMES: Final = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}
_R = QPalette.ColorRole
#: For platforms that leave the colours to the app.
DARK: Final = {
    _R.Window: "#26282b", _R.WindowText: "#e6e6e6", _R.Base: "#17181a", _R.AlternateBase: "#1f2124",
    _R.Text: "#e6e6e6", _R.Button: "#34373b", _R.ButtonText: "#e6e6e6", _R.BrightText: "#ffffff",
    _R.ToolTipBase: "#34373b", _R.ToolTipText: "#f0f0f0", _R.PlaceholderText: "#8c9096",
    _R.Highlight: "#2f74b5", _R.HighlightedText: "#ffffff", _R.Link: "#6db3f2",
    _R.Light: "#4a4e53", _R.Midlight: "#3c4045", _R.Mid: "#2b2d30", _R.Dark: "#191a1c",
    _R.Shadow: "#000000",
}  # fmt: skip
#: Colour of disabled text.
DISABLED: Final = "#75797f"


def apply_theme(theme: Theme) -> None:
    """Apply a theme to all windows; Fusion looks the same on every platform."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return
    if app.style().objectName().casefold() != "fusion":
        app.setStyle("fusion")
    hints = QGuiApplication.styleHints()
    app.setPalette(QPalette())
    if hasattr(hints, "setColorScheme"):  # Qt 6.8
        hints.setColorScheme(SCHEMES[theme])
    is_dark = app.palette().color(_R.Window).lightness() < 128
    if theme == "dark" and not is_dark:
        app.setPalette(dark_palette())
    elif theme == "light" and is_dark:
        app.setPalette(app.style().standardPalette())


def dark_palette() -> QPalette:
    """Return the app's dark palette."""
    palette = QPalette()
    for role, name in DARK.items():
        palette.setColor(role, QColor(name))
    for role in (_R.WindowText, _R.Text, _R.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(DISABLED))
    return palette
