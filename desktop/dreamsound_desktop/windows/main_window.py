"""The main window: documents in the centre, docks around them, and the controllers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget

from dreamsound_desktop.actions import Actions
from dreamsound_desktop.analysis.disk_cache import DiskCache, cache_folder
from dreamsound_desktop.background import Tasks
from dreamsound_desktop.key_guard import KeyGuard
from dreamsound_desktop.listening import Listening
from dreamsound_desktop.message_bar import MessageBar
from dreamsound_desktop.panels.dream import DreamPanel
from dreamsound_desktop.panels.library import LibraryPanel
from dreamsound_desktop.panels.live import LivePanel
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
from dreamsound_desktop.state.requests import JobFactory
from dreamsound_desktop.state.session import Session
from dreamsound_desktop.windows.bars import Bars
from dreamsound_desktop.windows.docks import Docks
from dreamsound_desktop.windows.dreams import Dreams
from dreamsound_desktop.windows.empty_page import EmptyPage
from dreamsound_desktop.windows.files import Files
from dreamsound_desktop.windows.hearing import PlaybackWork
from dreamsound_desktop.windows.help_work import HelpWork
from dreamsound_desktop.windows.presets_work import PresetsWork
from dreamsound_desktop.windows.sound_tabs import SoundTabs
from dreamsound_desktop.windows.undo import UndoStacks
from dreamsound_desktop.windows.view_work import ViewWork
from dreamsound_studio.errors import DreamSoundError

if TYPE_CHECKING:
    from dreamsound_desktop.views.sound_view import SoundView

AUTOSAVE_MS = 30_000
SOON_MS = 1500
TOLD_MS = 4000
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
        The app's data folder.
    queue_path : pathlib.Path, optional
        The queue file.
    """

    def __init__(self, folder: Path | None = None, queue_path: Path | None = None) -> None:
        super().__init__()
        self.folder = folder or app_folder()
        self.preferences, problem = read_preferences(self.folder)
        self.preferences.apply_models_folder()
        self.session = Session(self.folder)
        self.undo = UndoStacks(self)
        self.disk = DiskCache(cache_folder(), self.preferences.cache_limit_mb * 2**20)
        self.tasks = Tasks(2, self)
        self.client = QueueClient(queue_path, self)
        self.player = Player(self)
        self.player.use_device(self.preferences.output_device)
        self.listening = Listening(self)
        self.job_factory = JobFactory(self.preferences, cache_folder().parent / "previews")
        self.actions_ = Actions(self, self.preferences.shortcuts)
        self.messages = MessageBar()
        self._views: dict[Document, SoundView] = {}
        self._is_closing = False
        self.setObjectName("main")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self._make_middle()
        self._make_panels()
        self.bars = Bars(self)
        self._bind()
        self.playback = PlaybackWork(self)
        self.dreams = Dreams(self)
        self.files = Files(self)
        self.presets_work = PresetsWork(self)
        self.view_work = ViewWork(self)
        self.help_work = HelpWork(self)
        self._docks.restore()
        self._show_current()
        if problem:
            self.messages.say(problem, key="preferences")

    # -- construction ---------------------------------------------------------------------------

    def _make_middle(self) -> None:
        self.tabs = SoundTabs()
        self.tabs.currentChanged.connect(self._on_tab)
        self.tabs.close_wanted.connect(self._on_tab_closed)
        self.empty = EmptyPage(self.actions_)
        self.empty.wanted.connect(lambda path: self.files.open([path]))
        middle = QWidget()
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.messages)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.empty, 1)
        self.setCentralWidget(middle)

    def _make_panels(self) -> None:
        self.dream = DreamPanel(self.actions_)
        self.presets = PresetsPanel()
        self.takes = TakesPanel()
        self.live = LivePanel(self.actions_)
        self.queue = QueuePanel(self.client, self.actions_)
        self.library = LibraryPanel()
        panels: dict[str, tuple[str, QWidget]] = {
            "presets": (self.tr("Presets"), self.presets),
            "takes": (self.tr("Takes"), self.takes),
            "dream": (self.tr("Dream"), self.dream),
            "queue": (self.tr("Render queue"), self.queue),
            "library": (self.tr("Library"), self.library),
            "live": (self.tr("Live"), self.live),
        }
        self._docks = Docks(self, panels, self.folder)
        self.docks = self._docks.by_name

    def _bind(self) -> None:
        actions = self.actions_
        actions.bind("undo", self.undo.undo)
        actions.bind("redo", self.undo.redo)
        actions.bind("quit", self.close)
        actions.bind("reset_layout", self._docks.arrange)
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
        self.queue.summary_changed.connect(self.bars.show_queue)
        self.queue.files_dropped.connect(lambda paths: self.files.queue(paths))
        self.queue.open_wanted.connect(lambda job: self.files.open_job(job))
        self.queue.reveal_wanted.connect(lambda job: self.files.reveal_job(job))
        self.library.open_wanted.connect(lambda record: self.files.open_record(record))
        self.library.reveal_wanted.connect(lambda path: self.files.reveal(Path(path)))
        self.library.problem.connect(lambda text: self.messages.say(text, key="library"))
        self.listening.heard.connect(self._on_heard)
        self.listening.failed.connect(self._on_analysis_failed)
        self.takes.take_activated.connect(lambda _: self.playback.play())
        self.takes.menu_wanted.connect(lambda at: self.actions_.menu_of(TAKE_MENU, self).popup(at))
        self.dream.problem.connect(self._on_recipe_problem)
        self.dream.aim.found.connect(self.focus_sound)
        self._autosave = QTimer(self)
        self._autosave.setInterval(AUTOSAVE_MS)
        self._autosave.timeout.connect(self.save)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self.save)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            KeyGuard(app, self).left.connect(self.focus_sound)
            app.commitDataRequest.connect(lambda _: self.save())

    # -- start and end --------------------------------------------------------------------------

    def start(self, paths: list[Path] | None = None) -> None:
        """Start polling the queue, reopen the last session, then open `paths`."""
        self.client.start()
        ended, lines = self.session.restore()
        if not ended:
            self.messages.say(
                self.tr(
                    "DreamSound Studio did not quit cleanly last time. The last autosaved "
                    "session is restored."
                ),
                key="restored",
            )
        for line in lines:
            self.messages.say(line, key=line)
        self.library.reload()
        folder, store = self.job_factory.previews, self.session.store
        self.tasks.run(
            lambda _: tidy_previews(folder, store.renders()), lambda _: None, priority=-10
        )
        if paths:
            self.files.open(paths)
        self._autosave.start()
        self.save()

    def save(self, ended: bool = False) -> bool:
        """Save the session; report failures."""
        try:
            self.session.save(ended)
        except DreamSoundError as error:
            self.messages.say(
                self.tr("{0}. Check disk space and permissions, then try again.").format(error),
                (self.tr("Try again"), self.save),
                key="save",
            )
            return False
        self.messages.clear("save")
        return True

    def save_soon(self) -> None:
        """Save the session shortly after the last change."""
        if not self._is_closing:
            self._soon.start()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Save everything and release all resources."""
        if not self._is_closing:
            self._is_closing = True
            self._docks.keep()
            self._autosave.stop()
            self._soon.stop()
            self.save(ended=True)
            self._keep_preferences()
            self.help_work.close()
            self.player.close()
            self.listening.close()
            for view in self._views.values():
                view.close_view()
            self.tasks.close()
            self.playback.close()
            for document in self.session.documents:
                document.sound.close()
            self.client.close()
        super().closeEvent(event)

    # -- interface for other classes ------------------------------------------------------------

    @property
    def view(self) -> SoundView | None:
        """The view of the active document."""
        document = self.session.current
        return None if document is None else self._views.get(document)

    def panes(self) -> list[QWidget]:
        """Return the panes that F6 cycles through."""
        return [self.tabs, *(dock.widget() for dock in self.docks.values())]

    def do(self, edit: Edit) -> None:
        """Apply an undoable edit."""
        self.undo.push(edit, self.session.current)
        self.save_soon()

    def _edit(self, document: Document, edit: Edit) -> None:
        self.undo.push(edit, document)
        self.save_soon()

    def show_status(self, text: str) -> None:
        """Show a transient message in the status bar."""
        self.statusBar().showMessage(text, TOLD_MS)

    def change_preferences(self, **fields: Any) -> None:
        """Apply and save preferences."""
        preferences = Preferences.model_validate(self.preferences.model_dump() | fields)
        self.preferences = preferences
        self.job_factory.preferences = preferences
        self.disk.limit_bytes = preferences.cache_limit_mb * 2**20
        self.player.use_device(preferences.output_device)
        preferences.apply_models_folder()
        for view in self._views.values():
            view.set_preferences(preferences)
        self._keep_preferences()

    def _keep_preferences(self) -> None:
        try:
            save_preferences(self.preferences, self.folder)
        except (DreamSoundError, OSError) as error:
            self.messages.say(str(error), key="preferences")

    def set_volume(self, volume_db: float) -> None:
        """Set the volume."""
        self.player.set_volume_db(volume_db)
        self.bars.show_volume(volume_db)
        self.preferences = self.preferences.model_copy(update={"volume_db": float(volume_db)})
        self.show_status(self.tr("Volume {0:.0f} dB").format(volume_db))

    def open_for_another(self, paths: list[Path]) -> None:
        """Open sounds passed on by a second instance, and come to the front."""
        if self.isMinimized():
            self.showNormal()
        self.raise_()
        self.activateWindow()
        self.files.open(paths)

    def show_live(self) -> None:
        """Show the Live panel."""
        self.docks["live"].show()

    def focus_sound(self) -> None:
        """Focus the sound view, for its keys: Space plays, P previews."""
        if self.view is not None:
            self.view.wave_plot.setFocus()
        else:
            self.empty.open.setFocus()

    def report_idle_queue(self) -> None:
        """Report once when the queue becomes idle after running jobs."""
        self.help_work.report_idle_queue()

    def listen(self) -> None:
        """Show what the model hears in the sound."""
        document = self.session.current
        if document is not None:
            self.show_status(self.tr("Analysing the sound…"))
            self.listening.ask(document.path, document.recipe.model)

    # -- session changes ------------------------------------------------------------------------

    def _on_opened(self, document: Document) -> None:
        # Imported here: the window appears before the plotting library loads.
        from dreamsound_desktop.views.sound_view import SoundView

        document.recorder = lambda edit: self._edit(document, edit)
        view = SoundView(document, self.tasks, self.disk, self.preferences)
        view.seek_wanted.connect(self.playback.seek)
        view.play_wanted.connect(self.playback.play_from)
        view.failed.connect(lambda text: self.messages.say(text, key="view"))
        view.menu_wanted.connect(lambda at: self.actions_.menu_of(CONTEXT_MENU, self).popup(at))
        document.selection_changed.connect(self._show_selection)
        document.recipe_changed.connect(self._on_recipe)
        document.takes.changed.connect(self.save_soon)
        self._views[document] = view
        self.tabs.add(view, document.name, str(document.path))
        self.dreams.resume(document)
        self.save_soon()
        # Keys now go to the sound view: Space plays, P previews.
        view.wave_plot.setFocus()

    def _on_closed(self, document: Document) -> None:
        view = self._views.pop(document)
        self.playback.close_document(document)
        self.dreams.close_document(document)
        view.close_view()
        self.tabs.removeTab(self.tabs.indexOf(view))
        view.deleteLater()
        self.undo.forget(document)
        self.save_soon()

    def _show_current(self) -> None:
        document = self.session.current
        if self.player.is_playing:
            self.player.stop()
        self.tabs.setVisible(document is not None)
        self.empty.setVisible(document is None)
        self.undo.show(document)
        self.bars.show_document(document)
        if document is not None:
            self.tabs.setCurrentWidget(self._views[document])
            self.setWindowTitle(f"{document.name} - DreamSound Studio")
        else:
            self.setWindowTitle("DreamSound Studio")
            self.empty.show_recent(self.session.recent)
            self.empty.open.setFocus()
        self.dream.show_document(document)
        self.takes.show_document(document)
        self.presets.show_recipe(None if document is None else document.recipe)
        heard = None
        if document is not None:
            heard = self.listening.known(document.path, document.recipe.model)
        self.dream.show_heard(heard)
        self.actions_["paper"].setChecked(document is not None and document.is_paper)

    def _show_selection(self) -> None:
        self.bars.show_document(self.session.current)

    def _on_recipe(self) -> None:
        document = self.session.current
        if document is not None:
            self.presets.show_recipe(document.recipe)
            self.actions_["paper"].setChecked(document.is_paper)

    def _on_tab(self, place: int) -> None:
        document = self._document_of(self.tabs.widget(place))
        if document is not None:
            self.session.go_to(document)

    def _on_tab_closed(self, view: QWidget) -> None:
        document = self._document_of(view)
        if document is not None:
            self.session.close(document)

    def _document_of(self, view: QWidget | None) -> Document | None:
        return next((document for document, one in self._views.items() if one is view), None)

    def _on_heard(self, path: Path, heard: Any) -> None:
        document = self.session.find(path)
        if document is None:
            return
        self._views[document].show_heard(heard)
        if document is self.session.current:
            self.dream.show_heard(heard)

    def _on_analysis_failed(self, path: Path, reason: str) -> None:
        self.messages.say(
            self.tr("Cannot analyse {0}: {1}").format(path.name, reason),
            (self.tr("Models…"), self.help_work.show_models),
            key="listen",
        )

    def _on_untended(self, lines: str) -> None:
        message = self.tr("Render worker not running. You can still view and play files.")
        self.messages.say(
            f"{message}\n{lines}" if lines else message,
            (self.tr("Start worker"), self.client.start_worker),
            (self.tr("Worker log"), self.help_work.show_log),
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
        from dreamsound_studio.recipe.recipe import Recipe

        if self.session.current is not None:
            self.session.current.set_recipe(Recipe(), self.tr("Reset recipe"), preset="")

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Redraw the icons when the theme changes; check files when the window is activated."""
        super().changeEvent(event)
        if not hasattr(self, "help_work"):
            return  # still under construction
        if event.type() == QEvent.Type.PaletteChange:
            self.actions_.recolour(self.palette())
        elif event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.files.look_for_changes()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Accept files, folders and presets."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open dropped files."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.files.open(paths)
