"""The desktop app (PySide6, pyqtgraph) will live here; nothing of it is written yet."""
