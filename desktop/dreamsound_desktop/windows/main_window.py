"""The main window: documents in the middle, docks around them, and what holds it all together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QEvent, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QUndoStack
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QLabel,
    QMainWindow,
    QMenu,
    QSlider,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from dreamsound.errors import DreamSoundError
from dreamsound_desktop.actions import MENUS, Actions, translated
from dreamsound_desktop.analysis.disk_cache import DiskCache, cache_folder
from dreamsound_desktop.background import Tasks
from dreamsound_desktop.key_guard import KeyGuard
from dreamsound_desktop.listening import Listening
from dreamsound_desktop.message_bar import MessageBar
from dreamsound_desktop.panels.dream import DreamPanel
from dreamsound_desktop.panels.library import LibraryPanel
from dreamsound_desktop.panels.live import LivePanel
from dreamsound_desktop.panels.meter import Meter
from dreamsound_desktop.panels.presets import PresetsPanel
from dreamsound_desktop.panels.queue import QueuePanel
from dreamsound_desktop.panels.takes import TakesPanel
from dreamsound_desktop.playback.player import Player
from dreamsound_desktop.queue_client import QueueClient
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.edits import Edit
from dreamsound_desktop.state.preferences import (
    Preferences,
    app_folder,
    read_preferences,
    save_preferences,
)
from dreamsound_desktop.state.previews import tidy_previews
from dreamsound_desktop.state.requests import Asking
from dreamsound_desktop.state.session import Session
from dreamsound_desktop.windows.dreams import Dreams
from dreamsound_desktop.windows.files import Files
from dreamsound_desktop.windows.hearing import Hearing
from dreamsound_desktop.windows.help_work import HelpWork
from dreamsound_desktop.windows.presets_work import PresetsWork
from dreamsound_desktop.windows.undo import EditCommand
from dreamsound_desktop.windows.view_work import ViewWork

if TYPE_CHECKING:
    from dreamsound_desktop.views.sound_view import SoundView

#: Of the window's state; what an older version kept is not taken.
STATE_VERSION = 1
AUTOSAVE_MS = 30_000
SOON_MS = 1500
TOLD_MS = 4000
MOST_UNDONE = 500
TOOLBAR = (
    "open", "", "undo", "redo", "", "play", "loop", "", "preview", "render", "finish", "cancel",
    "", "listen", "variations", "again", "", "zoom_in", "zoom_out", "zoom_all",
)  # fmt: skip
CONTEXT_MENU = (
    "play", "preview", "render", "", "select_all", "select_none", "zoom_selection", "zoom_all",
    "band_none", "", "next_scale", "next_colours", "next_channel", "fft_larger", "fft_smaller",
    "", "listen", "reveal",
)  # fmt: skip
TAKE_MENU = ("play", "star_take", "", "again", "export_take", "reveal", "", "remove_take")


class MainWindow(QMainWindow):
    """The window of the app.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Where the app keeps its things.
    queue_path : pathlib.Path, optional
        The file of the queue.
    """

    def __init__(self, folder: Path | None = None, queue_path: Path | None = None) -> None:
        super().__init__()
        self.folder = folder or app_folder()
        self.preferences, problem = read_preferences(self.folder)
        self.preferences.apply_models_folder()
        self.session = Session(self.folder)
        self.undo = QUndoStack(self)
        self.undo.setUndoLimit(MOST_UNDONE)
        self.disk = DiskCache(cache_folder(), self.preferences.cache_limit_mb * 2**20)
        self.tasks = Tasks(2, self)
        self.client = QueueClient(queue_path, self)
        self.player = Player(self)
        self.player.device_name = self.preferences.output_device
        self.listening = Listening(self)
        self.asking = Asking(self.preferences, cache_folder().parent / "previews")
        self.actions_ = Actions(self, self.preferences.shortcuts)
        self.settings = QSettings(str(self.folder / "window.ini"), QSettings.Format.IniFormat)
        self.messages = MessageBar()
        self._views: dict[Document, SoundView] = {}
        self._is_closing = False
        self.setObjectName("main")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self._make_middle()
        self._make_docks()
        self._make_bars()
        self._bind()
        self.hearing = Hearing(self)
        self.dreams = Dreams(self)
        self.files = Files(self)
        self.presets_work = PresetsWork(self)
        self.view_work = ViewWork(self)
        self.help_work = HelpWork(self)
        self._restore_layout()
        self._show_current()
        if problem:
            self.messages.say(problem, key="preferences")

    # -- made -----------------------------------------------------------------------------------

    def _make_middle(self) -> None:
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setTabsClosable(True)
        self.tabs.setMovable(False)
        self.tabs.setAccessibleName(self.tr("Sounds"))
        self.tabs.tabBar().setAccessibleName(self.tr("Sounds"))
        self.tabs.currentChanged.connect(self._on_tab)
        self.tabs.tabCloseRequested.connect(self._on_tab_closed)
        self.empty = QLabel(
            self.tr("Drop sounds here, or open them with {0}").format(
                QKeySequence(QKeySequence.StandardKey.Open).toString(
                    QKeySequence.SequenceFormat.NativeText
                )
            )
        )
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        middle = QWidget()
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.messages)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.empty, 1)
        self.setCentralWidget(middle)

    def _make_docks(self) -> None:
        self.dream = DreamPanel(self.actions_)
        self.presets = PresetsPanel()
        self.takes = TakesPanel()
        self.live = LivePanel(self.actions_)
        self.queue = QueuePanel(self.client, self.actions_)
        self.library = LibraryPanel()
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        below = Qt.DockWidgetArea.BottomDockWidgetArea
        self.docks = {
            "presets": self._dock("presets", self.tr("Presets"), self.presets, left),
            "takes": self._dock("takes", self.tr("Takes"), self.takes, left),
            "dream": self._dock("dream", self.tr("Dream"), self.dream, right),
            "queue": self._dock("queue", self.tr("Render queue"), self.queue, below),
            "library": self._dock("library", self.tr("Library"), self.library, below),
            "live": self._dock("live", self.tr("Live"), self.live, below),
        }
        self._arrange()

    def _dock(self, name: str, title: str, panel: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(panel)
        dock.setAccessibleName(title)
        self.addDockWidget(area, dock)
        return dock

    def _arrange(self) -> None:
        """Put the docks where they are at first."""
        docks = self.docks
        for dock in docks.values():
            dock.setFloating(False)
            dock.show()
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, docks["presets"])
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, docks["takes"])
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, docks["dream"])
        below = Qt.DockWidgetArea.BottomDockWidgetArea
        for name in ("queue", "library", "live"):
            self.addDockWidget(below, docks[name])
        self.tabifyDockWidget(docks["queue"], docks["library"])
        docks["queue"].raise_()
        unit = self.fontMetrics().height()
        self.resizeDocks([docks["presets"], docks["dream"]], [17 * unit, 24 * unit],
                         Qt.Orientation.Horizontal)  # fmt: skip
        self.resizeDocks([docks["queue"], docks["live"]], [42 * unit, 38 * unit],
                         Qt.Orientation.Horizontal)  # fmt: skip
        self.resizeDocks([docks["queue"]], [16 * unit], Qt.Orientation.Vertical)
        corner = Qt.Corner
        self.setCorner(corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.setCorner(corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)

    def _make_bars(self) -> None:
        bar = self.menuBar()
        self._menus: dict[str, QMenu] = {}
        for title in MENUS:
            menu = bar.addMenu(translated(title))
            self.actions_.fill_menu(menu, title)
            self._menus[title] = menu
        self.recent_menu = QMenu(self.tr("Open &recent"), self)
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        self._menus[MENUS[0]].insertMenu(self.actions_["add_folder"], self.recent_menu)
        panels = self._menus[MENUS[2]].addMenu(self.tr("Panels"))
        for dock in self.docks.values():
            panels.addAction(dock.toggleViewAction())
        self.toolbar = QToolBar(self.tr("Tools"))
        self.toolbar.setObjectName("tools")
        self.addToolBar(self.toolbar)
        for name in TOOLBAR:
            if name:
                self.toolbar.addAction(self.actions_[name])
            else:
                self.toolbar.addSeparator()
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.volume.setRange(-60, 0)
        self.volume.setAccessibleName(self.tr("Volume, dB"))
        self.volume.setMaximumWidth(10 * self.fontMetrics().height())
        self.volume.setValue(round(self.preferences.volume_db))
        self.volume.setToolTip(self.tr("Volume"))
        self.volume.valueChanged.connect(self.set_volume)
        self.meter = Meter(self.player)
        self.toolbar.addSeparator()
        self.toolbar.addWidget(self.volume)
        self.toolbar.addWidget(self.meter)
        status = self.statusBar()
        self.sound_told, self.selection_told, self.queue_told = QLabel(), QLabel(), QLabel()
        for label in (self.sound_told, self.selection_told, self.queue_told):
            status.addPermanentWidget(label)

    def _bind(self) -> None:
        actions = self.actions_
        actions.bind("undo", self.undo.undo)
        actions.bind("redo", self.undo.redo)
        actions.bind("quit", self.close)
        actions.bind("reset_layout", self._arrange)
        actions.bind("listen", self.listen)
        actions.bind("search_class", self._search_class)
        actions.bind("paper", self._set_paper)
        actions.bind("reset_recipe", self._reset_recipe)
        self.undo.canUndoChanged.connect(actions["undo"].setEnabled)
        self.undo.canRedoChanged.connect(actions["redo"].setEnabled)
        self.undo.undoTextChanged.connect(
            lambda text: actions["undo"].setText(self.tr("&Undo {0}").format(text))
        )
        self.undo.redoTextChanged.connect(
            lambda text: actions["redo"].setText(self.tr("&Redo {0}").format(text))
        )
        for name in ("undo", "redo"):
            actions[name].setEnabled(False)
        session = self.session
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.current_changed.connect(self._show_current)
        client = self.client
        client.failed.connect(lambda text: self.messages.say(text, key="queue"))
        client.untended.connect(self._on_untended)
        client.tended.connect(lambda: self.messages.clear("worker"))
        self.queue.told.connect(self.queue_told.setText)
        self.queue.files_dropped.connect(lambda paths: self.files.queue(paths))
        self.queue.open_wanted.connect(lambda job: self.files.open_job(job))
        self.queue.reveal_wanted.connect(lambda job: self.files.reveal_job(job))
        self.library.open_wanted.connect(lambda record: self.files.open_record(record))
        self.library.reveal_wanted.connect(lambda path: self.files.reveal(Path(path)))
        self.library.problem.connect(lambda text: self.messages.say(text, key="library"))
        self.listening.heard.connect(self._on_heard)
        self.listening.failed.connect(self._on_not_heard)
        self.takes.take_activated.connect(lambda _: self.hearing.play())
        self.takes.menu_wanted.connect(lambda at: self.actions_.menu_of(TAKE_MENU, self).popup(at))
        self.dream.problem.connect(self._on_recipe_problem)
        self._autosave = QTimer(self)
        self._autosave.setInterval(AUTOSAVE_MS)
        self._autosave.timeout.connect(self.save)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self.save)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            KeyGuard(app, self)
            app.commitDataRequest.connect(lambda _: self.save())

    # -- started and ended ----------------------------------------------------------------------

    def start(self, paths: list[Path] | None = None) -> None:
        """Look at the queue, and open what was open; then what is asked for."""
        self.client.start()
        ended, lines = self.session.restore()
        for document in self.session.documents:
            self.dreams.take_up(document)
        if not ended:
            self.messages.say(
                self.tr(
                    "DreamSound Studio did not end properly the last time. What was open is here "
                    "again, as it was kept last."
                ),
                key="restored",
            )
        for line in lines:
            self.messages.say(line, key=line)
        self.library.reload()
        folder, store = self.asking.previews, self.session.store
        self.tasks.run(
            lambda _: tidy_previews(folder, store.renders()), lambda _: None, priority=-10
        )
        if paths:
            self.files.open(paths)
        self._autosave.start()
        self.save()

    def save(self, ended: bool = False) -> bool:
        """Keep what is open; say where that cannot be."""
        try:
            self.session.save(ended)
        except DreamSoundError as error:
            self.messages.say(
                self.tr("{0}. Make room, and it is kept at once.").format(error),
                (self.tr("Try again"), self.save),
                key="save",
            )
            return False
        self.messages.clear("save")
        return True

    def save_soon(self) -> None:
        """Keep what is open, when nothing more has changed for a moment."""
        if not self._is_closing:
            self._soon.start()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Keep everything, and let go of everything."""
        if not self._is_closing:
            self._is_closing = True
            self.settings.setValue("geometry", self.saveGeometry())
            self.settings.setValue("state", self.saveState(STATE_VERSION))
            self.settings.sync()
            self._autosave.stop()
            self._soon.stop()
            self.save(ended=True)
            self.player.close()
            self.listening.close()
            for view in self._views.values():
                view.close_view()
            self.tasks.close()
            self.hearing.close()
            for document in self.session.documents:
                document.sound.close()
            self.client.close()
        super().closeEvent(event)

    def _restore_layout(self) -> None:
        geometry, state = self.settings.value("geometry"), self.settings.value("state")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        else:
            unit = self.fontMetrics().height()
            self.resize(100 * unit, 60 * unit)
        if isinstance(state, QByteArray):
            self.restoreState(state, STATE_VERSION)

    # -- asked by others ------------------------------------------------------------------------

    @property
    def view(self) -> SoundView | None:
        """The view of the document that is worked on."""
        document = self.session.current
        return None if document is None else self._views.get(document)

    def panes(self) -> list[QWidget]:
        """Return what F6 goes through."""
        return [self.tabs, *(dock.widget() for dock in self.docks.values())]

    def do(self, edit: Edit) -> None:
        """Make an edit that can be undone."""
        self.undo.push(EditCommand(edit))
        self.save_soon()

    def tell(self, text: str) -> None:
        """Say something in passing, in the status bar."""
        self.statusBar().showMessage(text, TOLD_MS)

    def change_preferences(self, **fields: Any) -> None:
        """Take other preferences, and keep them."""
        told = Preferences.model_validate(self.preferences.model_dump() | fields)
        self.preferences = told
        self.asking.preferences = told
        self.disk.limit_bytes = told.cache_limit_mb * 2**20
        self.player.device_name = told.output_device
        told.apply_models_folder()
        for view in self._views.values():
            view.set_preferences(told)
        try:
            save_preferences(told, self.folder)
        except (DreamSoundError, OSError) as error:
            self.messages.say(str(error), key="preferences")

    def set_volume(self, volume_db: float) -> None:
        """Set the volume."""
        self.player.set_volume_db(volume_db)
        if round(volume_db) != self.volume.value():
            self.volume.setValue(round(volume_db))
        self.preferences = self.preferences.model_copy(update={"volume_db": float(volume_db)})
        self.tell(self.tr("Volume {0:.0f} dB").format(volume_db))

    def show_live(self) -> None:
        """Show what is being dreamed."""
        self.docks["live"].show()

    def queue_rests(self) -> None:
        """Nothing runs any more: say so once, where something has run."""
        self.help_work.queue_rests()

    def listen(self) -> None:
        """Show what the model hears in the sound."""
        document = self.session.current
        if document is not None:
            self.tell(self.tr("The model listens…"))
            self.listening.ask(document.path, document.recipe.model)

    # -- what follows the session ---------------------------------------------------------------

    def _on_opened(self, document: Document) -> None:
        # Imported here: the window is there before what paints is loaded.
        from dreamsound_desktop.views.sound_view import SoundView

        document.recorder = self.do
        view = SoundView(document, self.tasks, self.disk, self.preferences)
        view.seek_wanted.connect(self.hearing.seek)
        view.play_wanted.connect(self.hearing.play_from)
        view.failed.connect(lambda text: self.messages.say(text, key="view"))
        view.menu_wanted.connect(lambda at: self.actions_.menu_of(CONTEXT_MENU, self).popup(at))
        document.selection_changed.connect(self._show_selection)
        document.recipe_changed.connect(self._on_recipe)
        document.takes.changed.connect(self.save_soon)
        self._views[document] = view
        self.tabs.addTab(view, document.name)
        self.tabs.setTabToolTip(self.tabs.count() - 1, str(document.path))

    def _on_closed(self, document: Document) -> None:
        view = self._views.pop(document)
        self.hearing.close_document(document)
        self.dreams.close_document(document)
        view.close_view()
        self.tabs.removeTab(self.tabs.indexOf(view))
        view.deleteLater()
        # Edits of a sound that is closed can be undone no longer.
        self.undo.clear()
        self.save_soon()

    def _show_current(self) -> None:
        document = self.session.current
        if self.player.is_playing:
            self.player.stop()
        self.tabs.setVisible(document is not None)
        self.empty.setVisible(document is None)
        if document is not None:
            self.tabs.setCurrentWidget(self._views[document])
            self.setWindowTitle(f"{document.name} - DreamSound Studio")
            sound = document.sound
            self.sound_told.setText(
                self.tr("{0} Hz, {1} channels").format(sound.sample_rate_hz, sound.channels)
            )
        else:
            self.setWindowTitle("DreamSound Studio")
            self.sound_told.clear()
        self.dream.show_document(document)
        self.takes.show_document(document)
        self.presets.show_recipe(None if document is None else document.recipe)
        heard = None
        if document is not None:
            heard = self.listening.known(document.path, document.recipe.model)
        self.dream.show_heard(heard)
        self.actions_["paper"].setChecked(document is not None and document.is_paper)
        self._show_selection()

    def _show_selection(self) -> None:
        document = self.session.current
        if document is None:
            self.selection_told.clear()
            return
        span = document.selection
        self.selection_told.setText(
            self.tr("whole sound, {0:.2f} s").format(document.seconds)
            if span is None
            else self.tr("selection {0:.2f} s").format(span.seconds)
        )

    def _on_recipe(self) -> None:
        document = self.session.current
        if document is not None:
            self.presets.show_recipe(document.recipe)
            self.actions_["paper"].setChecked(document.is_paper)

    def _on_tab(self, place: int) -> None:
        document = self._document_at(place)
        if document is not None:
            self.session.go_to(document)

    def _on_tab_closed(self, place: int) -> None:
        document = self._document_at(place)
        if document is not None:
            self.session.close(document)

    def _document_at(self, place: int) -> Document | None:
        view = self.tabs.widget(place)
        return next((document for document, one in self._views.items() if one is view), None)

    def _on_heard(self, path: Path, heard: Any) -> None:
        document = self.session.find(path)
        if document is None:
            return
        self._views[document].show_heard(heard)
        if document is self.session.current:
            self.dream.show_heard(heard)

    def _on_not_heard(self, path: Path, reason: str) -> None:
        self.messages.say(
            self.tr("The model could not listen to {0}: {1}").format(path.name, reason),
            (self.tr("Models…"), self.help_work.show_models),
            key="listen",
        )

    def _on_untended(self, lines: str) -> None:
        told = self.tr("No worker runs, so nothing is dreamed; files can still be seen and heard.")
        self.messages.say(
            f"{told}\n{lines}" if lines else told,
            (self.tr("Start it again"), self.client.start_worker),
            (self.tr("Worker's log"), self.help_work.show_log),
            key="worker",
        )

    def _on_recipe_problem(self, text: str) -> None:
        if text:
            self.messages.say(text, key="recipe")
        else:
            self.messages.clear("recipe")

    # -- actions --------------------------------------------------------------------------------

    def _search_class(self) -> None:
        self.docks["dream"].show()
        self.docks["dream"].raise_()
        self.dream.aim.focus_search()

    def _set_paper(self, is_on: bool) -> None:
        if self.session.current is not None:
            self.session.current.set_paper(is_on, self.tr("As in the paper"))

    def _reset_recipe(self) -> None:
        from dreamsound.recipe import Recipe

        if self.session.current is not None:
            self.session.current.set_recipe(Recipe(), self.tr("Reset the recipe"), preset="")

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for path in self.session.recent:
            action = self.recent_menu.addAction(path.name)
            action.setToolTip(str(path))
            action.triggered.connect(lambda _=False, path=path: self.files.open([path]))
        self.recent_menu.addSeparator()
        clear = self.recent_menu.addAction(self.tr("Clear"))
        clear.triggered.connect(self.session.recent.clear)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Draw the icons anew when the window goes from dark to light."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "actions_"):
            self.actions_.recolour(self.palette())
        super().changeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take files, folders and presets."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open what is dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.files.open(paths)
