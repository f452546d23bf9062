"""What is fuzzed: every reader of files from anybody, as a function of bytes.

Anything but a result or a `DreamSoundError` of one line (three, where a caret shows the place in an
objective) is a finding.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from dreamsound_reaper.facts import Settings
from dreamsound_reaper.rpp.reading import chosen_items, facts_of, items_of
from dreamsound_reaper.rpp.text import parse_project
from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.audio.metadata import carried, read_metadata
from dreamsound_studio.audio.riff import append_chunks
from dreamsound_studio.audio.tags.facts import RenderFacts
from dreamsound_studio.dream.melody import read_notes
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.jobs.consent import outside_of_job
from dreamsound_studio.jobs.redo import note_of_render
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.models.savedmodel.card import CARD_FILE, read_card
from dreamsound_studio.models.store.fetch import copy_model
from dreamsound_studio.queue.inbox import JOB, read_job
from dreamsound_studio.recipe.breakpoints import Breakpoints
from dreamsound_studio.recipe.document import parse_json, recipe_from
from dreamsound_studio.recipe.naming import check_template, expand
from dreamsound_studio.recipe.objective_text import parse_objective
from dreamsound_studio.recipe.presets import SUFFIX, read_preset
from dreamsound_studio.render.note import read_document

CORPUS = Path(__file__).parent / "corpus"


@cache
def folder() -> Path:
    """Return this process's folder of inputs."""
    import atexit

    place = Path(tempfile.mkdtemp(prefix="dreamsound-fuzz-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def _file(name: str, data: bytes) -> Path:
    path = folder() / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def _text(data: bytes) -> str:
    """Return a text that may hold lone surrogates, as an argument of a command may."""
    return data.decode("utf-8", "surrogateescape")


def recipe(data: bytes) -> None:
    """A recipe's text, which comes back from what is written of it."""
    made = recipe_from(parse_json(data, "fuzz"), "fuzz")
    again = recipe_from(parse_json(json.dumps(made.as_dict()), "fuzz"), "fuzz")
    assert again == made


def preset(data: bytes) -> None:
    """A preset's file."""
    read_preset(_file(f"a{SUFFIX}", data)).as_dict()


def job(data: bytes) -> None:
    """A job folder's ``job.json``."""
    place = _file(f"job/{JOB}", data).parent
    document = read_job(place)
    outside_of_job(place, document)
    JobRequest.make(dict(document)).settled(place).to_json()


def objective(data: bytes) -> None:
    """An objective's text, which is stable once it is written."""
    text = str(parse_objective(_text(data)))
    assert str(parse_objective(text)) == text


def breakpoints(data: bytes) -> None:
    """A curve."""
    curve = Breakpoints.parse(_text(data), "fuzz")
    curve.at(0.5)


def template(data: bytes) -> None:
    """A template of names, and a value in it."""
    text, _, value = _text(data).partition("|")
    check_template(text, several=False)
    name = expand(text, {"stem": value, "class": value})
    assert name not in ("", ".", "..")
    assert not set(name) & set("/\\\0")
    name.encode()


def riff(data: bytes) -> None:
    """What is carried over from a WAV to a render, and a WAV that is appended to."""
    path = _file("a.wav", data)
    other = _file("b.wav", b"RIFF\x04\0\0\0WAVE")
    facts = RenderFacts(note="{}", start=len(data) // 2, length=10**6)
    made = carried(read_metadata(path), facts, "wav")
    append_chunks(other, made.chunks, made.first)
    carried(read_metadata(path), facts, "aiff")
    append_chunks(path, {b"abcd": b"123"})


def render(data: bytes) -> None:
    """A sound file, and what it says about itself."""
    path = _file("c.wav", data)
    read_document(path)
    note_of_render(path)
    read_clip(path, (0, 48_000))


def rpp(data: bytes) -> None:
    """A REAPER project, whose bytes are kept."""
    project = parse_project(data, "fuzz")
    assert project.content() == data
    list(items_of(project))
    facts_of(project, folder() / "p.rpp", chosen_items(project, "all"), Settings())


def card(data: bytes) -> None:
    """The description of a SavedModel, then its classes, after a NUL."""
    text, _, classes = data.partition(b"\0\0")
    place = _file(f"model/{CARD_FILE}", text).parent
    _file("model/c.csv", classes or b"name\na\nb\n")
    read_card(place)


def archive(data: bytes) -> None:
    """A packed model."""
    models = folder() / "models"
    shutil.rmtree(models, ignore_errors=True)
    copy_model(_file("m.tar.gz", data), models / "net")


def midi(data: bytes) -> None:
    """A melody."""
    read_notes(str(_file("a.mid", data)))


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        *(recipe, preset, job, objective, breakpoints, template),
        *(riff, render, rpp, card, archive, midi),
    )
}


def tried(target: Callable[[bytes], None], data: bytes) -> bool:
    """Return whether a target takes an input; raise whatever is a finding."""
    try:
        target(data)
    except DreamSoundError as error:
        lines = str(error).strip().splitlines()
        # An objective's error shows the place: the objective, and a caret below it.
        if len(lines) > 1 and not (len(lines) == 3 and lines[2].strip() == "^"):
            raise AssertionError(f"more than one line: {error!r}") from error
        return False
    return True


def corpus(name: str) -> list[bytes]:
    """Return the kept inputs of a target: valid ones, and what has been found."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
