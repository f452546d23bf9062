"""Redo: make a render again from its note, and compare the two."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from pydantic import ValidationError

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.audio.decode import open_sound
from dreamsound_studio.audio.formats import FORMAT_BITS, Bits, FileFormat
from dreamsound_studio.audio.samples import BLOCK_SAMPLES
from dreamsound_studio.audio.source import CONTEXT_SECONDS, read_cut
from dreamsound_studio.errors import AudioFileError, RecipeError
from dreamsound_studio.jobs.consent import outside
from dreamsound_studio.library.library import open_library
from dreamsound_studio.library.records import LibraryError
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.files import FIELDS
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.note import FileNote, RenderNote, file_sha256, read_note
from dreamsound_studio.render.options import RENDER_NAMES, RenderOptions

if TYPE_CHECKING:
    from dreamsound_studio.dream.records import RawDream

#: Prefix of a kept step's render.
STEP = "dream_step"
#: Most dreams of sources with the same name to check.
MOST_SEARCHED = 1000
#: An Ogg stream holds a random number: two files of the same sound differ.
RANDOM_NUMBERED = ("ogg", "opus")


def note_of_render(path: Path) -> RenderNote:
    """Return a render's note, checked to be complete enough for a redo.

    Raises
    ------
    AudioFileError, RecipeError
        The file is not a render, or its note is incomplete.
    """
    try:
        note = RenderNote.model_validate(read_note(path))
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"]))
        raise RecipeError(f"{path}: incomplete note, cannot redo: {field}") from error
    step = note.render.removeprefix(STEP)
    known = note.render in RENDER_NAMES or (step != note.render and step.isdigit() and int(step))
    if not known or note.format not in get_args(FileFormat) or note.bits not in get_args(Bits):
        raise RecipeError(f"{path}: the note contains values unknown to this DreamSound")
    return note


def find_file(
    noted: FileNote,
    what: str,
    places: Iterable[Path],
    render: Path,
    said: Path | None = None,
) -> Path:
    """Find an input file of a render.

    Parameters
    ----------
    noted : FileNote
        The file.
    what : str
        Its role, for messages.
    places : iterable of pathlib.Path
        Files, and folders that may contain it.
    render : pathlib.Path
        The render, which may have the same name.
    said : pathlib.Path, optional
        Where the render says that the file is. Outside the render's folder it is read only if it
        has the noted bytes, which whoever made the render has had.

    Returns
    -------
    pathlib.Path
        The first file with the same bytes; if there is none, the first with its name.

    Raises
    ------
    AudioFileError
        No place contains it.
    """
    if noted.name is None:
        raise AudioFileError(f"The {what} was not a file and cannot be read again")
    name = Path(noted.name).name  # a render from elsewhere may hold a whole path
    tried = [place / name if place.is_dir() else place for place in places]
    if said is not None and said.is_file():
        is_beside = not outside(render.parent, [said.absolute()])
        is_noted = noted.sha256 is not None and file_sha256(said) == noted.sha256
        if is_beside or is_noted:
            tried.insert(0, said)
    there = list(dict.fromkeys(path for path in tried if path.is_file()))
    there = [path for path in there if not path.samefile(render)]
    same = (path for path in there if file_sha256(path) == noted.sha256)
    found = next(same, there[0] if there else None)
    if found is None:
        where = "Pass --source." if what == "source" else "Put it beside the source."
        raise AudioFileError(f"Cannot find the {what} {noted.name}. {where}")
    return found


def source_of(note: RenderNote, render: Path, named: Path | None = None) -> Path:
    """Find the source of a render.

    Parameters
    ----------
    note : RenderNote
        The render's note.
    render : pathlib.Path
        The render: the search covers its folder, the one above, the working folder and the library.
    named : pathlib.Path, optional
        The path given by the user.

    Raises
    ------
    AudioFileError
        The source is not found.
    """
    if named is not None:
        return find_file(note.source, "source", [named], render)
    beside = [render.parent, render.parent.parent, Path(), *_places_in_library(note)]
    return find_file(note.source, "source", beside, render)


def others_of(note: RenderNote, recipe: Recipe, render: Path, origin: Path) -> dict[str, Path]:
    """Return where the files are that went in beside the source.

    Parameters
    ----------
    note : RenderNote
        What the render says.
    recipe : Recipe
        The note's.
    render, origin : pathlib.Path
        The render and its source: a file is looked for where the recipe says, beside both, and
        here.

    Returns
    -------
    dict
        By what they are for, as `RenderNote.others` has it.

    Raises
    ------
    AudioFileError
        One cannot be found.
    """
    named = recipe.files_by_name()
    # A render of an earlier version may name a file in its recipe alone, so without a hash.
    noted = {name: FileNote(name=Path(path).name) for name, path in named.items()}
    noted |= {
        name: file
        for name, file in note.others.items()
        if name in noted or name in (*FIELDS, "start")
    }
    beside = [render.parent, render.parent.parent, Path(), origin.parent]
    said = {name: Path(path) for name, path in named.items()}
    return {
        name: find_file(file, name, beside, render, said.get(name)) for name, file in noted.items()
    }


def _places_in_library(note: RenderNote) -> list[Path]:
    try:
        library = open_library()
        if library is None or note.source.name is None:
            return []
        with library:
            found = library.search(Path(note.source.name).stem, limit=MOST_SEARCHED)
    except LibraryError:
        return []  # the library is optional: the user can name the source
    return [Path(one.source) for one in found if one.source_sha256 == note.source.sha256]


def read_source_of(note: RenderNote, path: Path) -> Clip:
    """Read the span of the source that the render was made from."""
    first = note.source.start
    if note.source.cut is not None:
        return read_cut(path, note.source.cut, samples=(first, first + note.source.samples))
    with open_sound(path) as sound:
        reach = round(CONTEXT_SECONDS * sound.samplerate)
    return read_clip(path, (first, first + note.source.samples), reach)


def options_of_note(note: RenderNote, path: Path) -> RenderOptions:
    """Return the options that reproduce one render."""
    name = "dream" if note.render.startswith(STEP) else note.render
    with open_sound(path) as sound:
        stored = "32f" if sound.subtype == "FLOAT" else note.bits
    lossless = note.format in FORMAT_BITS
    # A difference beyond full scale is written as float, even beside renders that are not.
    bits = note.bits if name == "difference" else stored
    return RenderOptions.make(
        renders=(name,),
        level=note.level,
        limit=note.limit,
        format=note.format,
        bits=bits if lossless else None,
        name="{stem}",
    )


def keep_every(note: RenderNote) -> int:
    """Return the interval of steps to keep; 0 for none."""
    return int(note.render.removeprefix(STEP)) if note.render.startswith(STEP) else 0


def only_noted(dream: RawDream, note: RenderNote) -> None:
    """Leave of a dream what its note has: the one kept step, and the files noted at that time."""
    step = keep_every(note)
    for other in [number for number in dream.kept if number != step]:
        dream.kept.pop(other).close()
    for name in set(dream.others) - set(note.others):
        del dream.others[name]


def what_differs(note: RenderNote, now: RenderNote) -> list[str]:
    """Return, in words, what differs between two dreams that should be the same."""
    found = []
    if note.source.sha256 != now.source.sha256:
        found.append(f"the source ({now.source.name} has different content)")
    for name, noted in note.others.items():
        if noted.sha256 != now.others.get(name, FileNote()).sha256:
            found.append(f"the {name}")
    if (note.model, note.weights_sha256) != (now.model, now.weights_sha256):
        weights = "" if note.model != now.model else ", its weights"
        found.append(f"the model ({note.model} then, {now.model} now{weights})")
    if note.engine != now.engine:
        found.append(f"the engine ({note.engine} then, {now.engine} now)")
    if note.threads != now.threads:
        found.append(f"the thread count ({note.threads} then, {now.threads} now)")
    then, today = (recipe_from(one.recipe).precision for one in (note, now))
    if then != today:
        found.append(f"the precision ({then} then, {today} now)")
    then_blocks, now_blocks = _blocks_in_words(note), _blocks_in_words(now)
    if then_blocks != now_blocks:
        found.append(f"block_patches ({then_blocks} then, {now_blocks} now: out of memory)")
    return found


def _blocks_in_words(note: RenderNote) -> str:
    earlier = [f"{patches} up to step {step}" for patches, step in note.earlier_blocks]
    return ", ".join([*earlier, str(recipe_from(note.recipe).block_patches)])


def is_same(first: Path, second: Path, file_format: str) -> bool:
    """Return whether two renders have the same bytes; for Ogg, the same samples."""
    if filecmp.cmp(first, second, shallow=False):
        return True
    if file_format not in RANDOM_NUMBERED:
        return False
    with open_sound(first) as one, open_sound(second) as other:
        if (one.frames, one.samplerate) != (other.frames, other.samplerate):
            return False
        while True:
            block = one.read(BLOCK_SAMPLES, "float32", always_2d=True)
            if not np.array_equal(block, other.read(BLOCK_SAMPLES, "float32", always_2d=True)):
                return False
            if not len(block):
                return True
