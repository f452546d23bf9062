"""The session: which sounds are open, which were lately, and whether the app ended properly."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dreamsound_desktop.state.document import Document, DocumentStore
from dreamsound_desktop.state.events import Event
from dreamsound_studio.errors import AudioFileError, DreamSoundError
from dreamsound_studio.pictures.html import write_whole
from dreamsound_studio.recipe.document import read_json

MOST_RECENT = 15


class Kept(BaseModel):
    """What the file of the session holds."""

    model_config = ConfigDict(extra="ignore")

    version: int = 1
    open: list[str] = Field(default_factory=list)
    current: str = ""
    recent: list[str] = Field(default_factory=list)
    ended: bool = True


class Session:
    """What is open.

    Parameters
    ----------
    folder : pathlib.Path
        Where the app keeps its things.

    Attributes
    ----------
    documents : list of Document
        In the order of their tabs.
    current : Document or None
        The one that is worked on.
    recent : list of pathlib.Path
        The latest first.
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
        """Open a sound, or go to it where it is open.

        Raises
        ------
        AudioFileError
            It cannot be read; nothing is changed.
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
        """Make a document the one that is worked on."""
        if document is not self.current:
            self.current = document
            self.current_changed.emit()

    def close(self, document: Document) -> None:
        """Close a document; what it is, is kept."""
        self._keep(document)
        place = self.documents.index(document)
        self.documents.remove(document)
        if document is self.current:
            left = self.documents[min(place, len(self.documents) - 1) :]
            self.go_to(left[0] if left else None)
        self.closed.emit(document)
        document.sound.close()

    def save(self, ended: bool = False) -> None:
        """Keep what is open, and every document.

        Parameters
        ----------
        ended : bool, optional
            Whether the app ends now.

        Raises
        ------
        AudioFileError
            It cannot be written: the disk is full, ...
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
            write_whole(self._place, json.dumps(kept.model_dump(), indent=1))
        except OSError as error:
            raise AudioFileError(
                f"the session cannot be saved in {self.folder}: {error.strerror or error}"
            ) from error

    def restore(self) -> tuple[bool, list[str]]:
        """Open what was open.

        Returns
        -------
        (bool, list of str)
            Whether the app had ended properly; and a line for each sound that is no longer there.
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
            return  # the next autosave says that the disk is full
