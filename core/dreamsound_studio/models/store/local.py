"""Models on this machine: where they are searched for, and under which names. No TensorFlow here.

A model is searched for in the folders of ``DREAMSOUND_MODELS``, then in the user's data folder,
then in the caches of tensorflow-hub and kagglehub.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from dreamsound_studio.errors import ModelError, UnknownModelError
from dreamsound_studio.files import expanded, is_there
from dreamsound_studio.models.entries import CATALOG, DEFAULT_MODEL, FALLBACK_MODEL, CatalogEntry
from dreamsound_studio.models.plugins import plugin_entries
from dreamsound_studio.models.store.caches import CachedFolder, cached_folders
from dreamsound_studio.models.store.handles import Handle, parse_handle
from dreamsound_studio.models.weights import Weights, kind_in, weights_at
from dreamsound_studio.paths import data_folder

MODELS_VARIABLE = "DREAMSOUND_MODELS"


def local_weights(name: str) -> Weights | None:
    """Return a named model's weights if they are on this machine.

    Parameters
    ----------
    name : str
        A name in :data:`CATALOG`, of a plug-in, or of a folder in the folders of models, or a
        handle.

    Returns
    -------
    Weights or None
    """
    name = resolved_name(name)
    if name in plugin_entries():
        return Weights(name, None, "plugin")
    handle = parse_handle(name) if name not in CATALOG else None
    if handle is not None:
        files: tuple[str, ...] = (handle.folder_name,)
    else:
        files = CATALOG[name].files if name in CATALOG else (name,)
    for folder in search_folders():
        for file_name in files:
            if is_weights(folder / file_name):
                return weights_in(folder / file_name, name, handle)
    for cached in cached_folders_of(name):
        if cached.problem is None:
            return weights_in(cached.path, name, handle)
    return None


def probable_weights(model: str) -> Weights | None:
    """Return the weights that a model's name stands for, as far as known offline.

    Parameters
    ----------
    model : str
        As for ``store.find.find_weights``.

    Returns
    -------
    Weights or None
        None for ``auto`` and for the handle of an unlisted model, if they would be downloaded
        first.

    Raises
    ------
    ModelError
        The model does not exist.
    """
    if model == "auto":
        return local_weights(DEFAULT_MODEL) or local_weights(FALLBACK_MODEL)
    if looks_like_path(model):
        return weights_at(expanded(model))
    name = resolved_name(model)
    found = local_weights(name)
    if found is None and name not in CATALOG and parse_handle(name) is not None:
        return None
    return found or Weights(name, None, entry_of(name).kind)


def own_models() -> list[Weights]:
    """Return the SavedModels that the user has pulled under their own names."""
    listed = {file for entry in CATALOG.values() for file in entry.files}
    return [
        Weights(place.name, place, kind_in(place))
        for folder in search_folders()
        if folder.is_dir()
        for place in sorted(folder.iterdir())
        if place.name not in listed
        and (place / "saved_model.pb").is_file()
        # The name of an unfinished folder begins with a dot.
        and not place.name.startswith(".")
    ]


def resolved_name(model: str) -> str:
    """Return the name of the model that a handle stands for; any other text as it is.

    Parameters
    ----------
    model : str
        As for ``store.find.find_weights``.

    Returns
    -------
    str
        A name in :data:`CATALOG` for a handle of a listed model; the URL for any other handle.
    """
    if model in CATALOG:
        return model
    handle = parse_handle(model)
    if handle is None:
        return model
    for entry in CATALOG.values():
        if any(handle.names(published) for published in _handles_of(entry)):
            return entry.name
    return handle.url


def looks_like_path(model: str) -> bool:
    """Return whether a model's name is a path."""
    if model == "auto" or model in CATALOG or parse_handle(model) is not None:
        return False
    return (
        os.sep in model or "/" in model or model.startswith("~") or model.endswith(".h5")
    ) or is_there(Path(model))


def entry_of(name: str) -> CatalogEntry:
    """Return a listed model, or raise `UnknownModelError` with the nearest name."""
    name = resolved_name(name)
    if name in CATALOG:
        return CATALOG[name]
    if parse_handle(name) is not None:
        raise ModelError(
            f"{name}: not on this machine. Run dreamsound models pull NAME --from {name} to get it."
        )
    known = [*CATALOG, *plugin_entries(), *(found.name for found in own_models())]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"Did you mean {near[0]}?" if near else f"Use {', '.join(known)}, or a path."
    raise UnknownModelError(f"Unknown model {name!r}. {hint}")


def cached_folders_of(name: str) -> list[CachedFolder]:
    """Return a model's folders in the caches of tensorflow-hub and kagglehub.

    Parameters
    ----------
    name : str
        A name in :data:`CATALOG`, or a handle; any other model has none.

    Returns
    -------
    list of CachedFolder
        In search order. Those with a problem are passed over.
    """
    name = resolved_name(name)
    if name in CATALOG:
        return cached_folders(_handles_of(CATALOG[name]), CATALOG[name].weights_bytes)
    handle = parse_handle(name)
    return [] if handle is None else cached_folders([handle])


def user_models_folder() -> Path:
    """Return the folder for downloaded models, in the user's data folder."""
    return search_folders()[-1]


def search_folders() -> list[Path]:
    """Return the folders of ``DREAMSOUND_MODELS`` and the user's data folder, in that order."""
    named = [Path(part) for part in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if part]
    return [*named, data_folder() / "models"]


def is_weights(path: Path) -> bool:
    """Return whether `path` is a SavedModel folder, a checkpoint folder or an ``.h5`` file."""
    if path.is_dir():
        return (path / "saved_model.pb").is_file() or (path / ".index").is_file()
    return path.suffix == ".h5" and path.is_file()


def _handles_of(entry: CatalogEntry) -> list[Handle]:
    return [handle for text in entry.handles if (handle := parse_handle(text)) is not None]


def weights_in(place: Path, name: str, handle: Handle | None) -> Weights:
    """Return the weights of a model that was found.

    Parameters
    ----------
    place : pathlib.Path
        Where it was found.
    name : str
        Its name.
    handle : Handle or None
        Its handle, if that is its only name.

    Returns
    -------
    Weights
    """
    if handle is not None:
        found = weights_at(place)
        # YAMNet at an address that is not its own is YAMNet; any other keeps its handle as a name.
        return found if found.kind != "savedmodel" else Weights(handle.url, place, "savedmodel")
    return Weights(name, place, CATALOG[name].kind if name in CATALOG else kind_in(place))
