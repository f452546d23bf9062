"""Provenance: what made a render, written into the render itself as a line of its comment."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from dreamsound_studio._version import __version__
from dreamsound_studio.audio.cut import Cut
from dreamsound_studio.audio.decode import open_sound
from dreamsound_studio.audio.metadata import INFO, IXML
from dreamsound_studio.audio.riff import read_chunks
from dreamsound_studio.audio.tags.iff import annotations_in
from dreamsound_studio.audio.tags.info import tags_in
from dreamsound_studio.audio.tags.ixml import note_in
from dreamsound_studio.control import between_blocks
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.files import sha256_of
from dreamsound_studio.recipe.document import parse_json, read_json

if TYPE_CHECKING:
    from dreamsound_studio.dream.records import RawDream

#: Prefix of the comment's line; the rest of the line is JSON.
PREFIX = "dreamsound: "
#: As the recipe's ``block_patches``.
PatchCount = Annotated[int, Field(ge=1, le=1024)]
#: Text fields copied from a source. libsndfile adds its own name to "software".
KEPT_TAGS = ("title", "artist", "album", "date", "genre", "copyright", "license", "tracknumber")


class FileNote(BaseModel):
    """An input file of a dream.

    Attributes
    ----------
    name : str or None
        File name without folder; None for a clip without a file.
    sha256 : str or None
        Hash of the whole file.
    """

    name: str | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, path: Path | None) -> FileNote:
        """Make the note of a file, without a hash if it has disappeared since it was read."""
        return cls() if path is None else cls(name=path.name, sha256=file_sha256(path))


class SourceNote(FileNote):
    """The source file, and the rendered span in samples.

    Attributes
    ----------
    start, samples : int
        The span; it counts from the beginning of the cut, if there is one.
    cut : Cut or None
        The pieces of the file that make up the sound.
    """

    start: int = Field(ge=0)
    samples: int = Field(ge=1)
    cut: Cut | None = None

    @property
    def file_start(self) -> int | None:
        """First sample within the file; None for a cut that is more than a plain span."""
        first = 0 if self.cut is None else self.cut.file_start
        return None if first is None else first + self.start


class RenderNote(BaseModel):
    """What made a render.

    Attributes
    ----------
    render : str
        Name of the render; a kept step is ``dream_stepN``.
    engine : str
        Version of DreamSound.
    threads : int
        Thread count of the machine; sums over a different count differ in their last bits.
    model, weights_sha256 : str
        The model and its weights.
    source : SourceNote
        The source and span.
    others : dict
        Other files that went in: start, and what the recipe names, as
        ``recipe.files`` calls it: target, target_b, guide 1, direction to 1, ...
    steps_done : int
        Number of steps; fewer than the recipe's if the dream was finished early.
    class_name : str
        The class that was maximised; for a layer, the class heard most.
    scores : list of float
        Its score in the source, at the start of each step but the first, and at the end.
    level, limit, format, bits : str
        Output settings of this dream's renders.
    recipe : dict
        With every field.
    catid : str
        The UCS category that was given; empty for the class's.
    earlier_blocks : list of (int, int)
        Where memory did not suffice for the first value of ``block_patches``: each larger value,
        and the last step that ran by it. What followed ran by the recipe's.
    """

    model_config = ConfigDict(extra="ignore")

    render: str = "dream"
    engine: str
    threads: int
    model: str
    weights_sha256: str
    source: SourceNote
    others: dict[str, FileNote] = Field(default_factory=dict)
    steps_done: int = Field(ge=0)
    class_name: str = ""
    scores: list[float] = Field(default_factory=list)
    level: str
    limit: str = "on"
    format: str
    bits: str
    recipe: dict[str, Any]
    catid: str = ""
    earlier_blocks: list[tuple[PatchCount, PositiveInt]] = Field(default_factory=list)


def tags_of(path: Path | None) -> dict[str, str]:
    """Return the text fields that renders copy from their source.

    Parameters
    ----------
    path : pathlib.Path or None
        The source; None for a clip without a file.

    Returns
    -------
    dict
        Fields of :data:`KEPT_TAGS` and "comment", without the line of an earlier dream.
    """
    if path is None or not path.is_file():
        return {}
    with open_sound(path) as sound:
        found: dict[str, str] = sound.copy_metadata()
    found |= _chunk_tags(path)
    tags = {name: found[name] for name in KEPT_TAGS if found.get(name)}
    lines = [line for line in _comment(path).splitlines() if not line.startswith(PREFIX)]
    return tags | ({"comment": "\n".join(lines)} if lines else {})


def note_of(
    dream: RawDream, *, level: str, limit: str, file_format: str, bits: str, catid: str = ""
) -> dict[str, Any]:
    """Return everything that determines a dream, as plain JSON values.

    Parameters
    ----------
    dream : RawDream
        The finished dream.
    level, limit, file_format, bits : str
        Output settings of its renders; see ``render.options.RenderOptions``.
    catid : str, optional
        The UCS category of its renders, if one was given.

    Returns
    -------
    dict
        The fields of :class:`RenderNote`. No time, no folder: the same dream gives the same note.
    """
    clip = dream.source
    note = RenderNote(
        engine=__version__,
        threads=os.cpu_count() or 1,
        model=dream.model_name,
        weights_sha256=dream.weights_sha256,
        source=SourceNote(
            **FileNote.of(clip.path).model_dump(),
            start=clip.start,
            samples=clip.samples.length,
            cut=clip.cut,
        ),
        others={name: FileNote.of(path) for name, path in dream.others.items()},
        steps_done=len(dream.steps),
        class_name=dream.final.class_name,
        scores=[event.score for event in (dream.initial, *dream.steps[1:], dream.final)],
        level=level,
        limit=limit,
        format=file_format,
        bits=bits,
        recipe=dream.recipe.model_copy(update={"model": dream.model_name}).as_dict(),
        catid=catid,
        earlier_blocks=dream.earlier_blocks,
    )
    values = note.model_dump(mode="json", exclude={"render": True, "source": {"cut"}})
    if clip.cut is not None:
        values["source"]["cut"] = clip.cut.as_dict()
    if not dream.earlier_blocks:
        # Most dreams have none: their notes stay as they were.
        del values["earlier_blocks"]
    if not catid:
        del values["catid"]
    if limit == "on":  # by default
        del values["limit"]
    return values


def note_line(note: dict[str, Any], render: str) -> str:
    """Return a note for one render as a line of JSON, in ASCII."""
    return json.dumps({"render": render, **note}, separators=(",", ":"))


def with_note(tags: dict[str, str], note: dict[str, Any], render: str) -> dict[str, str]:
    """Return tags with a note added to the comment.

    Parameters
    ----------
    tags : dict
        As returned by :func:`tags_of`.
    note : dict
        As returned by :func:`note_of`.
    render : str
        The render that the note is for.
    """
    line = PREFIX + note_line(note, render)
    before = tags.get("comment")
    return tags | {"comment": f"{before}\n{line}" if before else line}


def read_note(path: Path) -> dict[str, Any]:
    """Return a render's note.

    Parameters
    ----------
    path : pathlib.Path
        A sound file.

    Returns
    -------
    dict
        As returned by :func:`note_of`, and "render".

    Raises
    ------
    AudioFileError
        The file is not a sound file.
    RecipeError
        The file contains no note, or an invalid one.
    """
    lines = [line for line in _comment(path).splitlines() if line.startswith(PREFIX)]
    text = lines[0].removeprefix(PREFIX) if lines else _in_ixml(path)
    if text:
        note = parse_json(text, str(path))
        if not isinstance(note, dict) or not isinstance(note.get("recipe"), dict):
            raise RecipeError(f"{path}: the recipe in this file is invalid")
        return note
    raise RecipeError(
        f"{path}: no recipe found; the file is not a DreamSound render, or another program removed "
        "its comment"
    )


def read_document(path: Path) -> Any:
    """Return the contents of a recipe or preset, or a render's note, as JSON values.

    Parameters
    ----------
    path : pathlib.Path
        A JSON file or a sound file.

    Raises
    ------
    AudioFileError, RecipeError
        The file is neither, or contains no recipe.
    """
    if path.suffix.casefold() == ".json":
        return read_json(path)
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror or error}") from error
    # A JSON object begins with a brace; sound files never do.
    return read_json(path) if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" else read_note(path)


def file_sha256(path: Path) -> str | None:
    """Return the hash of a file in hexadecimal; None if it cannot be read."""
    try:
        return sha256_of(path, between_blocks)
    except OSError:
        return None


def _comment(path: Path) -> str:
    with open_sound(path) as sound:
        comment: str = sound.comment
    # libsndfile skips a WAV's comment of more than 2 kB, reads all text as UTF-8, and of an AIFF's
    # annotations only the last.
    return _chunk_tags(path).get("comment") or comment


def _chunk_tags(path: Path) -> dict[str, str]:
    """Return the text in the INFO list of a WAV or RF64 file, and in the annotations of an AIFF."""
    return tags_in(read_chunks(path, (INFO,)).get(INFO, b"")) | annotations_in(path)


def _in_ixml(path: Path) -> str:
    return note_in(read_chunks(path, (IXML,)).get(IXML, b""))
