"""The app's icons: line drawings on a 24 x 24 grid in the window's text colour."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

SIZES = (24, 48)
#: SVG shapes by name; lines are two units wide by default.
SHAPES = {
    "open": "<path d='M3 7v12h17l2-9H8l-2 9M3 7l1-2h5l2 2h7v3'/>",
    "play": "<path d='M7 4l13 8-13 8z' fill='currentColor'/>",
    "loop": "<path d='M5 11V9a3 3 0 0 1 3-3h11M16 3l3 3-3 3'/>"
    "<path d='M19 13v2a3 3 0 0 1-3 3H5M8 21l-3-3 3-3'/>",
    "preview": "<path d='M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7z'/>"
    "<circle cx='12' cy='12' r='3'/>",
    "render": "<path d='M12 3l2.4 6.6L21 12l-6.6 2.4L12 21l-2.4-6.6L3 12l6.6-2.4z'/>",
    "cancel": "<path d='M6 6l12 12M18 6L6 18'/>",
    "keep": "<path d='M6 4h12v16l-6-5-6 5z'/>",
    "undo": "<path d='M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3'/>",
    "redo": "<path d='M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3'/>",
    "fit": "<path d='M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5'/>",
    "zoom_in": "<circle cx='10' cy='10' r='6'/><path d='M15 15l6 6M7 10h6M10 7v6'/>",
    "zoom_out": "<circle cx='10' cy='10' r='6'/><path d='M15 15l6 6M7 10h6'/>",
    "ear": "<path d='M7 9a5 5 0 1 1 9 3c-2 2-2 3-2 5a3 3 0 0 1-5 1M10 9a2 2 0 1 1 3 2'/>",
    "grid": "<path d='M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z'/>",
    "again": "<path d='M4 12a8 8 0 1 0 3-6M7 2v4h4'/>",
    "pause": "<path d='M8 5v14M16 5v14' stroke-width='4'/>",
    "star": "<path d='M12 3l2.7 5.8 6.3.8-4.6 4.4 1.2 6.3L12 17.2l-5.6 3.1 1.2-6.3L3 9.6"
    "l6.3-.8z'/>",
    "folder": "<path d='M3 6h6l2 2h10v11H3z'/>",
    "settings": "<path d='M4 7h10M18 7h2M4 17h2M10 17h10'/><circle cx='16' cy='7' r='2'/>"
    "<circle cx='8' cy='17' r='2'/>",
    "help": "<circle cx='12' cy='12' r='9'/><path d='M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 17v.5'/>",
    "report": "<path d='M5 3h10l4 4v14H5zM9 12h6M9 16h6M9 8h2'/>",
    "search": "<circle cx='10' cy='10' r='6'/><path d='M15 15l6 6'/>",
    "save": "<path d='M4 4h13l3 3v13H4zM8 4v5h7V4M8 20v-6h8v6'/>",
}  # fmt: skip


def icon(name: str, palette: QPalette) -> QIcon:
    """Return an icon in a palette's colours; an empty one for an unknown name."""
    shape = SHAPES.get(name)
    made = QIcon()
    if shape is None:
        return made
    group = QPalette.ColorGroup
    for mode, of in ((QIcon.Mode.Normal, group.Active), (QIcon.Mode.Disabled, group.Disabled)):
        colour = palette.color(of, QPalette.ColorRole.ButtonText)
        for size in SIZES:
            made.addPixmap(_pixmap(shape, colour, size), mode)
    return made


def _pixmap(shape: str, colour: QColor, size: int) -> QPixmap:
    text = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' "
        "stroke='currentColor' stroke-width='2' stroke-linejoin='round' stroke-linecap='round'>"
        f"{shape}</svg>"
    ).replace("currentColor", colour.name())
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(text.encode())).render(painter)
    painter.end()
    return pixmap
