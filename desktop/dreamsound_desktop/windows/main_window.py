"""The main window: documents in the centre, docks around them, and what connects them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget

from dreamsound_desktop.controllers.dreams import DreamController
from dreamsound_desktop.controllers.files import FileController
from dreamsound_desktop.controllers.help import HelpController
from dreamsound_desktop.controllers.job_follower import JobFollower
from dreamsound_desktop.controllers.playback import PlaybackController
from dreamsound_desktop.controllers.presets import PresetController
from dreamsound_desktop.controllers.recipe import RecipeController
from dreamsound_desktop.controllers.showing import ShowingController
from dreamsound_desktop.controllers.view import ViewController
from dreamsound_desktop.panels.dream import DreamPanel
from dreamsound_desktop.panels.library import LibraryPanel
from dreamsound_desktop.panels.live import LivePanel
from dreamsound_desktop.panels.presets import PresetsPanel
from dreamsound_desktop.panels.queue import QueuePanel
from dreamsound_desktop.panels.sound_tabs import SoundTabs
from dreamsound_desktop.panels.takes import TakesPanel
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.studio import Studio
from dreamsound_desktop.windows.bars import Bars
from dreamsound_desktop.windows.docks import Docks
from dreamsound_desktop.windows.empty_page import EmptyPage
from dreamsound_desktop.windows.key_guard import KeyGuard
from dreamsound_desktop.windows.message_bar import MessageBar

if TYPE_CHECKING:
    from dreamsound_desktop.views.sound_view import SoundView

CONTEXT_MENU = (
    "play", "preview", "render", "", "select_all", "select_none", "zoom_selection", "zoom_all",
    "band_none", "", "next_scale", "next_colours", "next_channel", "fft_larger", "fft_smaller",
    "", "listen", "reveal",
)  # fmt: skip
TAKE_MENU = (
    "play",
    "star_take",
    "",
    "again",
    "compare_takes",
    "export_take",
    "reveal",
    "",
    "remove_take",
)


class MainWindow(QMainWindow):
    """The window of the app: shows a studio.

    Parameters
    ----------
    folder : pathlib.Path, optional
        The app's data folder.
    queue_path : pathlib.Path, optional
        The queue file.
    """

    def __init__(self, folder: Path | None = None, queue_path: Path | None = None) -> None:
        super().__init__()
        self.studio = Studio(folder, queue_path, self)
        self.session = self.studio.session
        self.client = self.studio.client
        self.player = self.studio.player
        self.actions_ = self.studio.actions
        self.actions_.show_in(self)
        self._is_closing = False
        self.setObjectName("main")
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self._make_middle()
        self._make_panels()
        self.bars = Bars(self, self.studio, self.docks.values())
        self._make_controllers()
        self._connect()
        self._docks.restore()
        self._show_current()

    # -- construction ---------------------------------------------------------------------------

    def _make_middle(self) -> None:
        self.messages = MessageBar(self.studio.messages)
        self.tabs = SoundTabs(self.studio)
        self.empty = EmptyPage(self.actions_)
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
        self._docks = Docks(self, panels, self.studio.folder)
        self.docks = self._docks.by_name

    def _make_controllers(self) -> None:
        studio = self.studio
        self.playback = PlaybackController(studio, self.takes, self.tabs)
        self.showing = ShowingController(studio, self.takes, self.tabs, self.playback)
        follower = JobFollower(studio, self.takes, self.live, self.library, self.playback)
        self.dreams = DreamController(studio, self.takes, follower, self)
        self.recipe = RecipeController(studio, self.dream, self.presets, self.tabs)
        self.presets_work = PresetController(studio, self.presets, self.dreams, self)
        self.files = FileController(studio, self.takes, self.presets_work, self)
        self.view_work = ViewController(studio, self.playback, self.tabs, self.panes())
        self.help_work = HelpController(studio, self.dream.aim, self)

    def _connect(self) -> None:
        actions, files, say = self.actions_, self.files, self.studio.messages.say
        actions.bind("quit", self.close)
        actions.bind("reset_layout", self._docks.arrange)
        actions.bind("search_class", self._search_class)
        self.session.opened.connect(self._on_opened)
        self.session.closed.connect(self._on_closed)
        self.session.current_changed.connect(self._show_current)
        self.empty.wanted.connect(lambda path: files.open([path]))
        self.bars.open_wanted.connect(lambda path: files.open([path]))
        self.queue.summary_changed.connect(self.bars.show_queue)
        self.queue.files_dropped.connect(files.queue)
        self.queue.open_wanted.connect(files.open_job)
        self.queue.reveal_wanted.connect(files.reveal_job)
        self.library.open_wanted.connect(files.open_record)
        self.library.reveal_wanted.connect(lambda path: files.reveal(Path(path)))
        self.library.problem.connect(lambda text: say(text, key="library"))
        self.tabs.menu_wanted.connect(lambda at: actions.menu_of(CONTEXT_MENU, self).popup(at))
        self.takes.menu_wanted.connect(lambda at: actions.menu_of(TAKE_MENU, self).popup(at))
        self.dreams.requested.connect(self.docks["live"].show)
        self.dream.aim.found.connect(self.focus_sound)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            KeyGuard(app, self).left.connect(self.focus_sound)
            app.commitDataRequest.connect(lambda _: self.save())

    # -- start and end --------------------------------------------------------------------------

    def start(self, paths: list[Path] | None = None) -> None:
        """Start the studio, reopen the last session, then open `paths`."""
        self.studio.start()
        self.library.reload()
        if paths:
            self.files.open(paths)
        self.save()

    def save(self) -> bool:
        """Save the session; report failures."""
        return self.studio.save()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Save everything and release all resources."""
        if not self._is_closing:
            self._is_closing = True
            self._docks.keep()
            self.studio.end()
            self.help_work.close()
            self.player.close()
            self.studio.listening.close()
            self.tabs.close_views()
            self.studio.tasks.close()
            self.playback.close()
            self.studio.close()
        super().closeEvent(event)

    # -- interface for the app ------------------------------------------------------------------

    @property
    def view(self) -> SoundView | None:
        """The view of the active document."""
        return self.tabs.view

    def panes(self) -> list[QWidget]:
        """Return the panes that F6 cycles through."""
        return [self.tabs, *(dock.widget() for dock in self.docks.values())]

    def open_for_another(self, paths: list[Path]) -> None:
        """Open sounds passed on by a second instance, and come to the front."""
        if self.isMinimized():
            self.showNormal()
        self.raise_()
        self.activateWindow()
        self.files.open(paths)

    def focus_sound(self) -> None:
        """Focus the sound view, for its keys: Space plays, P previews."""
        if self.view is not None:
            self.view.wave_plot.setFocus()
        else:
            self.empty.open.setFocus()

    # -- session changes ------------------------------------------------------------------------

    def _on_opened(self, document: Document) -> None:
        document.selection_changed.connect(self._show_selection)
        view = self.tabs.add(document)
        self.dreams.follower.resume(document)
        # Keys now go to the sound view: Space plays, P previews.
        view.wave_plot.setFocus()

    def _on_closed(self, document: Document) -> None:
        self.playback.close_document(document)
        self.dreams.close_document(document)
        self.tabs.remove(document)

    def _show_current(self) -> None:
        document = self.session.current
        if self.player.is_playing:
            self.player.stop()
        self.tabs.setVisible(document is not None)
        self.empty.setVisible(document is None)
        self.bars.show_document(document)
        if document is not None:
            self.tabs.show_document(document)
            self.setWindowTitle(f"{document.name} - DreamSound Studio")
        else:
            self.setWindowTitle("DreamSound Studio")
            self.empty.show_recent(self.session.recent)
            self.empty.open.setFocus()
        self.takes.show_document(document)
        self.recipe.show_document(document)
        self.showing.refresh()

    def _show_selection(self) -> None:
        self.bars.show_document(self.session.current)

    def _search_class(self) -> None:
        self._docks.show_front("dream")
        self.dream.aim.focus_search()

    # -- events ---------------------------------------------------------------------------------

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
