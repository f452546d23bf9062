"""What a model hears in a sound: by a worker that is ready, or else in this process."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.cli.shared.fetching import load_model_of
from dreamsound_studio.cli.shared.progress import detail, say
from dreamsound_studio.cli.shared.reading import read_to_dream, read_with_warnings
from dreamsound_studio.dream.listen import listen
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.files import expanded
from dreamsound_studio.models.entries import DEFAULT_MODEL
from dreamsound_studio.models.store.local import local_weights, looks_like_path, probable_weights
from dreamsound_studio.models.tables import table_named
from dreamsound_studio.queue.hearings import Answer, Request, ask
from dreamsound_studio.queue.store.store import Store, default_path
from dreamsound_studio.queue.worker.liveness import Observer
from dreamsound_studio.recipe.recipe import Recipe


def hear(file: Path, span: str | None, model: str, trust: bool) -> tuple[Clip, Answer]:
    """Read a sound and listen to it; print warnings.

    Parameters
    ----------
    file : pathlib.Path
        The sound.
    span : str or None
        The part of it, as a job has it.
    model : str
        As ``--model`` takes it.
    trust : bool
        Whether a foreign SavedModel may run without a question.

    Returns
    -------
    (Clip, Answer)
        The sound, and what was heard.

    Raises
    ------
    DreamSoundError
        The sound cannot be read, or the model is unavailable.
    """
    asked = _ask_worker(file, span, model)
    if asked is not None:
        clip = read_with_warnings(file, span)
        detail(f"dreamsound: model {asked.model} on {asked.device}, in a worker")
        _warn(file, asked)
        return clip, asked
    clip = read_to_dream(file, span)
    loaded = load_model_of(Recipe(model=model), trust)
    notes: list[str] = []
    hearing = listen(clip, loaded.model, notes.append)
    network = loaded.model
    heard = Answer(hearing, network.name, network.weights_sha256, loaded.device, tuple(notes))
    _warn(file, heard)
    return clip, heard


def indices_of(names: Iterable[str], model: str) -> list[int]:
    """Return the indices of classes by name, of a model that has heard something."""
    table = table_named(model)
    return [table.find_class(name) for name in names]


def _warn(file: Path, heard: Answer) -> None:
    for note in heard.notes:
        say(f"dreamsound: {file}: {note}")


def _ask_worker(file: Path, span: str | None, model: str) -> Answer | None:
    """Ask a worker of this machine; return None where none answers."""
    queue = default_path()
    if not (queue.is_file() and file.is_file()):
        return None
    try:
        if model == "auto" and local_weights(DEFAULT_MODEL) is None:
            return None  # its stand-in is chosen, and named, in one place
        weights = probable_weights(model)
        if weights is None or weights.path is None:
            return None
        name = str(expanded(model).absolute()) if looks_like_path(model) else model
        request = Request(str(file.absolute()), span, name, str(weights.path))
        with Store(queue) as store:
            return ask(store.folder, request, lambda: _is_worker_here(store))
    except DreamSoundError:  # listening here will meet it, and say so
        return None


def _is_worker_here(store: Store) -> bool:
    observer = Observer()
    here = [row for row in store.workers() if row.host == platform.node() and not row.is_farm]
    return any(observer.is_alive(row) for row in here)
