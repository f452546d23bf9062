"""What made a render, written into the render itself as a line of its comment."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dreamsound.audio import open_sound
from dreamsound.errors import RecipeError
from dreamsound.recipe_file import parse_json, read_json

if TYPE_CHECKING:
    from dreamsound.dreamer import Dream

#: The line of the comment begins with this; the rest of it is JSON.
PREFIX = "dreamsound: "
#: What a sound file begins with; anything else is read as JSON.
SOUND_MAGIC = (b"RIFF", b"RF64", b"FORM", b"fLaC", b"OggS")
#: Of text that is carried over from a source. libsndfile adds its own name to "software".
KEPT_TAGS = ("title", "artist", "album", "date", "genre", "copyright", "license", "tracknumber")
#: More than these no sound file needs.
MOST_CHUNKS, MOST_CHUNK_BYTES = 10_000, 2**20


def tags_of(path: Path | None) -> dict[str, str]:
    """Return the text that renders keep from their source.

    Parameters
    ----------
    path : pathlib.Path or None
        The source; None for a clip that has no file.

    Returns
    -------
    dict
        Of :data:`KEPT_TAGS` and "comment", without the line of an earlier dream.
    """
    if path is None or not path.is_file():
        return {}
    with open_sound(path) as sound:
        found: dict[str, str] = sound.copy_metadata()
    tags = {name: found[name] for name in KEPT_TAGS if found.get(name)}
    lines = [line for line in _comment(path).splitlines() if not line.startswith(PREFIX)]
    return tags | ({"comment": "\n".join(lines)} if lines else {})


def note_of(dream: Dream) -> dict[str, Any]:
    """Return what decided a dream, as plain JSON values.

    Parameters
    ----------
    dream : Dream
        The finished dream.

    Returns
    -------
    dict
        The recipe with every field, the model and the hash of its weights, the engine's version,
        and of the source its file name, sha256, and span in samples. No time, no folder: the same
        dream gives the same note.
    """
    from dreamsound import __version__

    clip = dream.source
    return {
        "engine": __version__,
        "model": dream.model_name,
        "weights_sha256": dream.weights_sha256,
        "source": {
            "name": clip.path.name if clip.path else None,
            "sha256": _sha256(clip.path),
            "start": clip.start,
            "samples": clip.samples.length,
        },
        "recipe": dream.recipe.model_copy(update={"model": dream.model_name}).as_dict(),
    }


def with_note(tags: dict[str, str], note: dict[str, Any], render: str) -> dict[str, str]:
    """Return tags whose comment also says what made a render.

    Parameters
    ----------
    tags : dict
        As :func:`tags_of` gives them.
    note : dict
        As :func:`note_of` gives it.
    render : str
        Which render it is for.
    """
    line = PREFIX + json.dumps({"render": render, **note}, separators=(",", ":"))
    before = tags.get("comment")
    return tags | {"comment": f"{before}\n{line}" if before else line}


def read_note(path: Path) -> dict[str, Any]:
    """Return what a render says of how it was made.

    Parameters
    ----------
    path : pathlib.Path
        A sound file.

    Returns
    -------
    dict
        As :func:`note_of` gives it, and "render".

    Raises
    ------
    AudioFileError
        It is no sound file.
    RecipeError
        It says nothing of how it was made, or nothing that can be understood.
    """
    for line in _comment(path).splitlines():
        if line.startswith(PREFIX):
            note = parse_json(line.removeprefix(PREFIX), str(path))
            if not isinstance(note, dict) or not isinstance(note.get("recipe"), dict):
                raise RecipeError(f"{path}: what it says of its recipe makes no sense")
            return note
    raise RecipeError(
        f"{path} holds no recipe: it is no render of DreamSound, or a program that changed it left "
        "out its comment"
    )


def read_document(path: Path) -> Any:
    """Return what a recipe, a preset or a render holds, as JSON values.

    Parameters
    ----------
    path : pathlib.Path
        A JSON file or a sound file.

    Raises
    ------
    AudioFileError, RecipeError
        It is neither, or holds no recipe.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror or error}") from error
    return read_note(path) if magic in SOUND_MAGIC else read_json(path)


def _sha256(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None  # the source went away after it was read


def _comment(path: Path) -> str:
    with open_sound(path) as sound:
        comment: str = sound.comment
    # libsndfile leaves out a WAV's comment of more than 2 kB.
    return comment or _riff_comment(path)


def _riff_comment(path: Path) -> str:
    """Return the comment in the INFO list of a WAV or RF64 file, or nothing."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return ""
        data_bytes = 0
        for _ in range(MOST_CHUNKS):
            header = file.read(8)
            if len(header) < 8:
                break
            name, size = header[:4], int.from_bytes(header[4:], "little")
            after = file.tell() + size + size % 2
            if name == b"ds64":
                data_bytes = int.from_bytes(file.read(16)[8:], "little")
            elif name == b"data" and size == 0xFFFFFFFF:
                after = file.tell() + data_bytes + data_bytes % 2
            elif name == b"LIST" and size <= MOST_CHUNK_BYTES:
                comment = _comment_in(file, size)
                if comment:
                    return comment
            file.seek(after)
    return ""


def _comment_in(file: BinaryIO, size: int) -> str:
    content = file.read(size)
    if content[:4] != b"INFO":
        return ""
    place = 4
    while place + 8 <= len(content):
        length = int.from_bytes(content[place + 4 : place + 8], "little")
        if content[place : place + 4] == b"ICMT":
            text = content[place + 8 : place + 8 + length]
            return text.split(b"\0")[0].decode("utf-8", errors="replace")
        place += 8 + length + length % 2
    return ""
