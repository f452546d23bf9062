"""The studio: what the controllers work with. It knows no window and no widget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from dreamsound_desktop.actions.actions import Actions
from dreamsound_desktop.analysis.disk_cache import DiskCache, view_cache_folder
from dreamsound_desktop.background import Tasks
from dreamsound_desktop.listening import Listening
from dreamsound_desktop.playback.player import Player
from dreamsound_desktop.queue_client import QueueClient
from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.edits import Edit
from dreamsound_desktop.state.messages import Messages
from dreamsound_desktop.state.preferences import (
    Preferences,
    app_folder,
    read_preferences,
    save_preferences,
)
from dreamsound_desktop.state.previews import tidy_previews
from dreamsound_desktop.state.requests import JobFactory
from dreamsound_desktop.state.session import Session
from dreamsound_desktop.undo import UndoStacks
from dreamsound_studio.errors import DreamSoundError

AUTOSAVE_MS = 30_000
SOON_MS = 1500


class Studio(QObject):
    """The open sounds, and everything that works on them.

    Parameters
    ----------
    folder : pathlib.Path, optional
        The app's data folder.
    queue_path : pathlib.Path, optional
        The queue file.

    Attributes
    ----------
    session : Session
        The open sounds.
    preferences : Preferences
        Change them with `change_preferences`.
    messages : Messages
        What the app reports.
    undo : UndoStacks
        The edits of each document; add to them with `do`.
    client, job_factory : QueueClient, JobFactory
        The render queue, and the jobs for it.
    player, listening : Player, Listening
        Playback, and what a model hears.
    tasks, disk : Tasks, DiskCache
        Background work, and its cache.
    actions : Actions
        The actions, without a window until one shows them.
    """

    preferences_changed = Signal()
    volume_changed = Signal(float)

    def __init__(
        self,
        folder: Path | None = None,
        queue_path: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.folder = folder or app_folder()
        self.preferences, self._problem = read_preferences(self.folder)
        self.preferences.apply_places()
        self.messages = Messages()
        self.session = Session(self.folder)
        self.undo = UndoStacks(self)
        self.disk = DiskCache(view_cache_folder(), self.preferences.cache_limit_mb * 2**20)
        self.tasks = Tasks(2, self)
        self.client = QueueClient(queue_path, self)
        self.player = Player(self)
        self.player.use_device(self.preferences.output_device)
        self.listening = Listening(self)
        self.job_factory = JobFactory(self.preferences, view_cache_folder() / "previews")
        self.actions = Actions(self, self.preferences.shortcuts)
        self._has_ended = False
        self._autosave = QTimer(self)
        self._autosave.setInterval(AUTOSAVE_MS)
        self._autosave.timeout.connect(self.save)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self.save)
        self.session.opened.connect(self._on_opened)
        self.session.closed.connect(self._on_closed)
        self.session.current_changed.connect(lambda: self.undo.show(self.session.current))
        self._bind_undo()

    # -- start and end --------------------------------------------------------------------------

    def start(self) -> None:
        """Start polling the queue, reopen the last session, and start to autosave."""
        self.client.start()
        if self._problem:
            self.messages.say(self._problem, key="preferences")
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
        folder, store = self.job_factory.previews, self.session.store
        self.tasks.run(
            lambda _: tidy_previews(folder, store.renders()), lambda _: None, priority=-10
        )
        self._autosave.start()

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
        if not self._has_ended:
            self._soon.start()

    def end(self) -> None:
        """Save everything for the last time."""
        self._has_ended = True
        self._autosave.stop()
        self._soon.stop()
        self.save(ended=True)
        self._keep_preferences()

    def close(self) -> None:
        """Release the sounds and the queue; what plays, listens or computes is closed before."""
        for document in self.session.documents:
            document.sound.close()
        self.client.close()

    # -- changes --------------------------------------------------------------------------------

    def do(self, edit: Edit) -> None:
        """Apply an undoable edit."""
        self._edit(self.session.current, edit)

    def change_preferences(self, **fields: Any) -> None:
        """Apply and save preferences."""
        preferences = Preferences.model_validate(self.preferences.model_dump() | fields)
        self.preferences = preferences
        self.job_factory.preferences = preferences
        self.disk.limit_bytes = preferences.cache_limit_mb * 2**20
        self.player.use_device(preferences.output_device)
        preferences.apply_places()
        self.preferences_changed.emit()
        self._keep_preferences()

    def set_volume(self, volume_db: float) -> None:
        """Set the volume."""
        self.player.set_volume_db(volume_db)
        self.volume_changed.emit(volume_db)
        self.preferences = self.preferences.model_copy(update={"volume_db": float(volume_db)})
        self.messages.show_status(self.tr("Volume {0:.0f} dB").format(volume_db))

    def _edit(self, document: Document | None, edit: Edit) -> None:
        self.undo.push(edit, document)
        self.save_soon()

    def _keep_preferences(self) -> None:
        try:
            save_preferences(self.preferences, self.folder)
        except (DreamSoundError, OSError) as error:
            self.messages.say(str(error), key="preferences")

    def _on_opened(self, document: Document) -> None:
        document.recorder = lambda edit: self._edit(document, edit)
        document.takes.changed.connect(self.save_soon)
        self.save_soon()

    def _on_closed(self, document: Document) -> None:
        self.undo.forget(document)
        self.save_soon()

    def _bind_undo(self) -> None:
        undo, actions = self.undo, self.actions
        actions.bind("undo", undo.undo)
        actions.bind("redo", undo.redo)
        undo.canUndoChanged.connect(actions["undo"].setEnabled)
        undo.canRedoChanged.connect(actions["redo"].setEnabled)
        undo.undoTextChanged.connect(
            lambda text: actions["undo"].setText(self.tr("&Undo {0}").format(text))
        )
        undo.redoTextChanged.connect(
            lambda text: actions["redo"].setText(self.tr("&Redo {0}").format(text))
        )
        for name in ("undo", "redo"):
            actions[name].setEnabled(False)
