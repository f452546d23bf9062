"""Which models there are and where their weights are found. No TensorFlow here.

A model is looked for as an explicit path, then in the folders of ``DREAMSOUND_MODELS``, then in the
user's data folder, then on the network.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dreamsound.errors import ModelError
from dreamsound.models.fetch import fetch_saved_model

MODELS_VARIABLE = "DREAMSOUND_MODELS"


@dataclass(frozen=True)
class CatalogEntry:
    """One model that can be named.

    Attributes
    ----------
    name : str
        What ``--model`` takes.
    network : str
        What it is, in words.
    licence : str
        Licence of the weights.
    handle : str
        Address on TF Hub.
    files : tuple of str
        What its folder or file may be called inside a folder of models, best first.
    """

    name: str
    network: str
    licence: str
    handle: str
    files: tuple[str, ...]


CATALOG: dict[str, CatalogEntry] = {
    "yamnet": CatalogEntry(
        name="yamnet",
        network="YAMNet, 521 AudioSet classes",
        licence="Apache-2.0",
        handle="https://tfhub.dev/google/yamnet/1",
        files=("yamnet", "yamnet.h5"),
    )
}
DEFAULT_MODEL = "yamnet"


@dataclass(frozen=True)
class Weights:
    """Where a model's weights lie on this machine.

    Attributes
    ----------
    name : str
        The model's name in the catalog.
    path : pathlib.Path
        A SavedModel folder, or an ``.h5`` file.
    """

    name: str
    path: Path


def find_weights(model: str = "auto", on_fetch: Callable[[str], object] | None = None) -> Weights:
    """Find a model's weights, fetching them from TF Hub if they are nowhere on this machine.

    Parameters
    ----------
    model : str
        ``auto``, a name in :data:`CATALOG`, or the path of a SavedModel folder or ``.h5`` file.
    on_fetch : callable, optional
        Called with the model's address before it is fetched.

    Returns
    -------
    Weights

    Raises
    ------
    ModelError
        The model is not to be had; the message says where it was looked for and what to do.
    """
    if _looks_like_path(model):
        path = Path(model).expanduser()
        if not is_weights(path):
            raise ModelError(
                f"{model} is neither a SavedModel folder (with saved_model.pb) nor an .h5 file"
            )
        return Weights(DEFAULT_MODEL, path)
    name = DEFAULT_MODEL if model == "auto" else model
    entry = entry_of(name)
    found = local_weights(name)
    if found is not None:
        return found
    if on_fetch is not None:
        on_fetch(entry.handle)
    return Weights(name, _fetch(entry))


def local_weights(name: str) -> Weights | None:
    """Return a listed model's weights if they are on this machine.

    Parameters
    ----------
    name : str
        A name in :data:`CATALOG`.

    Returns
    -------
    Weights or None
    """
    for folder in search_folders():
        for file_name in CATALOG[name].files:
            if is_weights(folder / file_name):
                return Weights(name, folder / file_name)
    return None


def user_folder() -> Path:
    """Return the folder that models are fetched into, in the user's data folder."""
    return search_folders()[-1]


def entry_of(name: str) -> CatalogEntry:
    """Return a listed model, or raise `ModelError` with the nearest name."""
    if name not in CATALOG:
        near = difflib.get_close_matches(name, CATALOG, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(CATALOG)}, or a path"
        raise ModelError(f"no model is called {name!r}; {hint}")
    return CATALOG[name]


def search_folders() -> list[Path]:
    """Return the folders of ``DREAMSOUND_MODELS`` and the user's data folder, in that order."""
    import platformdirs

    named = [Path(part) for part in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if part]
    return [*named, Path(platformdirs.user_data_dir("dreamsound", appauthor=False)) / "models"]


def is_weights(path: Path) -> bool:
    """Return whether `path` is a SavedModel folder or an ``.h5`` file."""
    if path.is_dir():
        return (path / "saved_model.pb").is_file()
    return path.suffix == ".h5" and path.is_file()


def check_listed(model: str) -> None:
    """Raise `ModelError` unless `model` is one whose tables are known without its weights."""
    if model != "auto" and model not in CATALOG and not is_weights(Path(model)):
        find_weights(model)


def _looks_like_path(model: str) -> bool:
    if model == "auto" or model in CATALOG:
        return False
    return (
        os.sep in model or "/" in model or model.startswith("~") or model.endswith(".h5")
    ) or Path(model).exists()


def _fetch(entry: CatalogEntry) -> Path:
    """Fetch a SavedModel from TF Hub into the user's data folder; return where it lies."""
    folders = search_folders()
    folder = folders[-1] / entry.files[0]
    try:
        fetch_saved_model(entry.handle, folder)
    except ModelError as error:
        raise ModelError(
            f"{entry.name} is in none of {', '.join(map(str, folders))}, and {error}: put a "
            f"SavedModel folder or {entry.files[-1]} into one of these folders (dreamsound models "
            f"pull {entry.name} --from FILE does), or name a folder that has it in "
            f"{MODELS_VARIABLE}"
        ) from error
    return folder
