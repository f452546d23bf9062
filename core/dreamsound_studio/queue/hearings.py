"""Sounds that other programs ask a worker to listen to, which has TensorFlow and the model at hand.

A request is a small file in a folder beside the queue. A worker takes it by renaming it, so that
one worker answers it, and answers with another file. Nothing of it is kept: a program whose request
is not taken, or whose worker dies, listens by itself.
"""

from __future__ import annotations

import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np

from dreamsound_studio.dream.listen import Hearing
from dreamsound_studio.files import atomic

FOLDER: Final = "hearings"
ASKED, TAKEN, ANSWER = ".json", ".taken", ".npz"
#: What an answer holds besides the scores.
HEARD: Final = ("class_names", "hop_s", "patch_s", "length_s")
ABOUT: Final = ("model", "weights_sha256", "device", "notes")
#: How long a request waits for a worker, which may be at a preview; and how often that is checked.
TAKE_S, LOOK_S = 1.0, 0.01
#: How often the program checks that its worker still lives, seconds.
ALIVE_S = 1.0
#: Files older than this are nobody's any more, seconds.
STALE_S = 86_400.0


@dataclass(frozen=True)
class Request:
    """What is to be heard.

    Attributes
    ----------
    path : str
        The sound's file, absolute.
    span : str or None
        The part of it, as in a job.
    model : str
        The model, by name or absolute path.
    weights : str
        Where its weights are for the program that asks; a worker that would take others declines.
    """

    path: str
    span: str | None
    model: str
    weights: str


@dataclass(frozen=True)
class Answer:
    """What a worker heard.

    Attributes
    ----------
    hearing : Hearing
        The scores over time.
    model, weights_sha256, device : str
        What heard it, and on which device.
    notes : tuple of str
        Warnings.
    """

    hearing: Hearing
    model: str
    weights_sha256: str
    device: str
    notes: tuple[str, ...] = ()


class Asked:
    """A request that a worker has taken.

    Attributes
    ----------
    request : Request
        The request.
    """

    def __init__(self, place: Path, request: Request) -> None:
        self._place = place
        self.request = request

    @property
    def is_wanted(self) -> bool:
        """Whether the program still waits."""
        return self._place.exists()

    def answer(self, answer: Answer) -> None:
        """Send the answer, if it is still wanted; raise `OSError` where it cannot be written."""
        if not self.is_wanted:
            return
        hearing = answer.hearing
        heard = {name: getattr(hearing, name) for name in HEARD}
        about = {name: getattr(answer, name) for name in ABOUT}
        text = json.dumps([heard, about])
        with atomic(self._place.with_suffix(ANSWER)) as partial, partial.open("wb") as file:
            np.savez(file, scores=hearing.scores, about=np.array(text))

    def decline(self) -> None:
        """Leave the sound to the program that asked."""
        self._place.unlink(missing_ok=True)


def take(folder: Path) -> Asked | None:
    """Take a request, if there is one.

    Parameters
    ----------
    folder : pathlib.Path
        The queue's.
    """
    try:
        asked = sorted(place for place in (folder / FOLDER).iterdir() if place.suffix == ASKED)
    except OSError:  # nobody has asked yet
        return None
    for place in asked:
        with suppress(OSError):  # another worker has it
            taken = place.rename(place.with_suffix(TAKEN))
            request = _read(taken)
            if request is not None:
                return Asked(taken, request)
            taken.unlink()
    return None


def _read(place: Path) -> Request | None:
    try:
        values = json.loads(place.read_text(encoding="utf-8"))
        return Request(**{one.name: values[one.name] for one in fields(Request)})
    except (ValueError, TypeError, KeyError):
        return None


def ask(folder: Path, request: Request, has_worker: Callable[[], bool]) -> Answer | None:
    """Ask a worker to listen.

    Parameters
    ----------
    folder : pathlib.Path
        The queue's.
    request : Request
        What to hear.
    has_worker : callable
        Returns whether a worker is alive.

    Returns
    -------
    Answer or None
        None where no worker lives or takes the request, or the one that did declines or dies.
    """
    if not has_worker():
        return None
    try:
        with _asking(folder / FOLDER, request) as place:
            # A request that a worker has taken cannot be taken back.
            if not _is_gone(place, TAKE_S) and _withdrawn(place):
                return None
            return _wait(place, has_worker)
    except OSError:  # a folder that cannot be written, or an answer that cannot be read
        return None


@contextmanager
def _asking(folder: Path, request: Request) -> Iterator[Path]:
    """Write a request, and leave nothing of it or its answer."""
    folder.mkdir(exist_ok=True)
    place = folder / f"{uuid.uuid4().hex}{ASKED}"
    try:
        with atomic(place) as partial:
            partial.write_text(json.dumps(asdict(request)), encoding="utf-8")
        yield place
    finally:
        for ending in (ASKED, TAKEN, ANSWER):
            with suppress(OSError):
                place.with_suffix(ending).unlink(missing_ok=True)


def _is_gone(place: Path, patience_s: float) -> bool:
    end_s = time.monotonic() + patience_s
    while place.exists():
        if time.monotonic() > end_s:
            return False
        time.sleep(LOOK_S)
    return True


def _withdrawn(place: Path) -> bool:
    try:
        place.unlink()
    except FileNotFoundError:
        return False
    return True


def _wait(place: Path, has_worker: Callable[[], bool]) -> Answer | None:
    answer, taken = place.with_suffix(ANSWER), place.with_suffix(TAKEN)
    checked_s = time.monotonic()
    while taken.exists():
        if answer.exists():
            return _answer(answer)
        if time.monotonic() - checked_s > ALIVE_S:
            if not has_worker():
                return None
            checked_s = time.monotonic()
        time.sleep(LOOK_S)
    return None


def _answer(place: Path) -> Answer | None:
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as values:
            (heard, about), scores = json.loads(str(values["about"])), values["scores"]
        hearing = Hearing(tuple(heard.pop("class_names")), scores, **heard)
        return Answer(hearing, notes=tuple(about.pop("notes")), **about)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def remove_stale(folder: Path) -> None:
    """Remove the files of programs that died while they asked."""
    now_s = time.time()
    for place in (folder / FOLDER).glob("*"):
        with suppress(OSError):
            if now_s - place.stat().st_mtime > STALE_S:
                place.unlink()
