"""The session: open sounds, recent sounds, and whether the app quit cleanly."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_desktop.state.document import Document, DocumentStore
from dreamsound_desktop.state.events import Event
from dreamsound_studio.errors import AudioFileError, DreamSoundError
from dreamsound_studio.files import write_atomic
from dreamsound_studio.recipe.document import read_json

MOST_RECENT = 15


class Kept(BaseModel):
    """Contents of the session file."""

    model_config = ConfigDict(extra="ignore")

    version: int = 1
    open: list[str] = Field(default_factory=list)
    current: str = ""
    recent: list[str] = Field(default_factory=list)
    ended: bool = True


class Session:
    """The open sounds.

    Parameters
    ----------
    folder : pathlib.Path
        The app's data folder.

    Attributes
    ----------
    documents : list of Document
        In tab order.
    current : Document or None
        The active document.
    recent : list of pathlib.Path
        Latest first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = DocumentStore(folder / "documents")
        self.documents: list[Document] = []
        self.current: Document | None = None
        self.recent: list[Path] = []
        self.opened: Event[[Document]] = Event()
        self.closed: Event[[Document]] = Event()
        self.current_changed: Event[[]] = Event()

    def open(self, path: Path) -> Document:
        """Open a sound, or switch to it if it is already open.

        Raises
        ------
        AudioFileError
            The sound cannot be read; nothing changes.
        """
        path = path.expanduser().absolute()
        document = self.find(path)
        if document is None:
            document = self.store.open(path)
            self.documents.append(document)
            self.opened.emit(document)
        self.recent = [path, *(known for known in self.recent if known != path)][:MOST_RECENT]
        self.go_to(document)
        return document

    def find(self, path: Path) -> Document | None:
        """Return the open document of a file."""
        return next((document for document in self.documents if document.path == path), None)

    def go_to(self, document: Document | None) -> None:
        """Activate a document."""
        if document is not self.current:
            self.current = document
            self.current_changed.emit()

    def close(self, document: Document) -> None:
        """Save and close a document."""
        self._keep(document)
        place = self.documents.index(document)
        self.documents.remove(document)
        if document is self.current:
            left = self.documents[min(place, len(self.documents) - 1) :]
            self.go_to(left[0] if left else None)
        self.closed.emit(document)
        document.sound.close()

    def save(self, ended: bool = False) -> None:
        """Save the session and every document.

        Parameters
        ----------
        ended : bool, optional
            Whether the app is quitting.

        Raises
        ------
        AudioFileError
            Writing failed, for example because the disk is full.
        """
        kept = Kept(
            open=[str(document.path) for document in self.documents],
            current=str(self.current.path) if self.current else "",
            recent=[str(path) for path in self.recent],
            ended=ended,
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for document in self.documents:
                self.store.save(document)
            write_atomic(self._place, json.dumps(kept.model_dump(), indent=1))
        except OSError as error:
            raise AudioFileError(
                f"cannot save the session in {self.folder}: {error.strerror or error}"
            ) from error

    def restore(self) -> tuple[bool, list[str]]:
        """Reopen the sounds of the last session.

        Returns
        -------
        (bool, list of str)
            Whether the app quit cleanly, and a message for each sound that no longer exists.
        """
        kept = self._read()
        self.recent = [Path(path) for path in kept.recent][:MOST_RECENT]
        lines = []
        for path in kept.open:
            try:
                self.open(Path(path))
            except DreamSoundError as error:
                lines.append(str(error))
        current = self.find(Path(kept.current)) if kept.current else None
        self.go_to(current or self.current)
        return kept.ended, lines

    def _read(self) -> Kept:
        if not self._place.exists():
            return Kept()
        try:
            return Kept.model_validate(read_json(self._place))
        except (DreamSoundError, ValidationError):
            return Kept(ended=False)

    @property
    def _place(self) -> Path:
        return self.folder / "session.json"

    def _keep(self, document: Document) -> None:
        try:
            self.store.save(document)
        except (DreamSoundError, OSError):
            return  # the next autosave reports the full disk
