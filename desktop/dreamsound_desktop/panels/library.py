"""The library: search, star and reopen finished dreams."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from dreamsound_desktop.state.takes import score_text
from dreamsound_studio.library.library import open_library
from dreamsound_studio.library.records import DreamRecord, LibraryError

RECORD = Qt.ItemDataRole.UserRole
#: Maximum number of results shown.
MOST_SHOWN = 200
#: Search delay after the last keystroke.
TYPING_MS = 200
#: Column widths in letters; the first is a minimum and takes the remaining space.
WIDTHS = (18, 16, 16, 15, 0, 18)
#: The column that fits the stars in it.
STARS = 4


class LibraryTable(QTableWidget):
    """The table of dreams; rows drag out as files."""

    def __init__(self) -> None:
        super().__init__()
        titles = [self.tr("Sound"), self.tr("Preset"), self.tr("Class"), self.tr("Score"),
                  self.tr("★"), self.tr("Date")]  # fmt: skip
        self.setColumnCount(len(titles))
        self.setHorizontalHeaderLabels(titles)
        self.setAccessibleName(self.tr("Library"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(round(1.5 * self.fontMetrics().height()))
        self.setWordWrap(False)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(self.fontMetrics().height())
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(STARS, QHeaderView.ResizeMode.ResizeToContents)
        letter = self.fontMetrics().averageCharWidth()
        for column, width in enumerate(WIDTHS):
            if width:
                self.setColumnWidth(column, width * letter)
        header.sectionResized.connect(lambda column, *_: self.fit() if column else None)

    def fit(self) -> None:
        """Give the first column the remaining width; scroll if that is too little."""
        header = self.horizontalHeader()
        others = sum(header.sectionSize(column) for column in range(1, header.count()))
        least = WIDTHS[0] * self.fontMetrics().averageCharWidth()
        header.resizeSection(0, max(self.viewport().width() - others, least))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Use the full width."""
        super().resizeEvent(event)
        self.fit()

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802
        """Copy only: other programs must not move the files."""
        return Qt.DropAction.CopyAction

    def mimeData(self, items: list[QTableWidgetItem]) -> QMimeData:  # type: ignore[override]  # noqa: N802
        """Return the files of the dreams."""
        data = QMimeData()
        paths = []
        for row in sorted({item.row() for item in items}):
            first = self.item(row, 0)
            record: DreamRecord | None = None if first is None else first.data(RECORD)
            if record is None:
                continue
            paths += [render.path for render in record.renders if render.name == "dream"]
        data.setUrls([QUrl.fromLocalFile(path) for path in paths if Path(path).is_file()])
        return data


class LibraryPanel(QWidget):
    """Searches finished dreams; `open_wanted` emits the dream to reopen."""

    open_wanted = Signal(object)
    reveal_wanted = Signal(str)
    problem = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search sound, preset, class, tag…"))
        self.search.setAccessibleName(self.tr("Search library"))
        self.search.setClearButtonEnabled(True)
        self.stars = QComboBox()
        self.stars.setAccessibleName(self.tr("Minimum stars"))
        for stars in range(6):
            self.stars.addItem(self.tr("all") if stars == 0 else "★" * stars, stars)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self.reload)
        self.search.textChanged.connect(lambda _: self._typing.start())
        self.stars.activated.connect(lambda _: self.reload())
        self.table = LibraryTable()
        self.table.itemActivated.connect(lambda _: self._open())
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(
            lambda at: self.menu().popup(self.table.viewport().mapToGlobal(at))
        )
        self.status = QLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        row = QHBoxLayout()
        row.addWidget(self.search, 1)
        row.addWidget(self.stars)
        layout.addLayout(row)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.status)

    @property
    def current(self) -> DreamRecord | None:
        """The selected dream."""
        item = self.table.item(self.table.currentRow(), 0)
        return None if item is None else item.data(RECORD)

    def reload(self) -> None:
        """Run the search."""
        try:
            library = open_library()
            if library is None:
                self.status.setText(self.tr("The library is off."))
                return
            with closing(library):
                found = library.search(
                    self.search.text().strip() or None,
                    stars_at_least=self.stars.currentData() or None,
                    limit=MOST_SHOWN,
                )
                count = library.count()
        except LibraryError as error:
            self.status.setText(str(error))
            return
        self.table.setRowCount(len(found))
        for row, record in enumerate(found):
            for column, text in enumerate(self._texts(record)):
                item = QTableWidgetItem(text)
                item.setData(RECORD, record)
                item.setToolTip(record.source)
                self.table.setItem(row, column, item)
        self.status.setText(self.tr("{0} of {1} dreams").format(len(found), count))

    def star(self, stars: int) -> None:
        """Set the stars of the selected dream."""
        record = self.current
        if record is None or record.id is None:
            return
        try:
            library = open_library()
            if library is not None:
                with closing(library):
                    library.star(record.id, stars)
        except LibraryError as error:
            self.problem.emit(str(error))
        self.reload()

    def menu(self) -> QMenu:
        """Return the context menu of the selected dream."""
        menu = QMenu(self)
        record = self.current
        if record is not None:
            menu.addAction(self.tr("Reopen"), self._open)
            for render in record.renders[:1]:
                show = menu.addAction(self.tr("Show in folder"))
                show.triggered.connect(lambda _=False, path=render.path: self._reveal(path))
            stars = menu.addMenu(self.tr("Stars"))
            for number in range(6):
                text = self.tr("none") if number == 0 else "★" * number
                give = stars.addAction(text)
                give.triggered.connect(lambda _=False, number=number: self.star(number))
        return menu

    def _reveal(self, path: str) -> None:
        self.reveal_wanted.emit(path)

    def _open(self) -> None:
        if self.current is not None:
            self.open_wanted.emit(self.current)

    def _texts(self, record: DreamRecord) -> list[str]:
        score = ""
        if record.score_before is not None and record.score_after is not None:
            score = f"{score_text(record.score_before)} → {score_text(record.score_after)}"
        return [
            Path(record.source).name,
            record.preset,
            record.class_name,
            score,
            "★" * record.stars,
            record.ended[:16].replace("T", " "),
        ]
