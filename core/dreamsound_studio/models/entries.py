"""The catalog of models, and the search for their weights. No TensorFlow here.

A model is searched for as an explicit path, then in the folders of ``DREAMSOUND_MODELS``, then in
the user's data folder, then in the caches of tensorflow-hub and kagglehub, then on the network.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.plugins import plugin_entries
from dreamsound_studio.models.store import ledger
from dreamsound_studio.models.store.by_handle import fetch_handle, note_problems, untrusted
from dreamsound_studio.models.store.caches import (
    CachedFolder,
    cached_folders,
    hub_cache,
    kaggle_cache,
)
from dreamsound_studio.models.store.fetch import Watch, copy_model, fetch_musicnn, fetch_saved_model
from dreamsound_studio.models.store.handles import Handle, parse_handle
from dreamsound_studio.models.weights import Weights, weights_at
from dreamsound_studio.paths import data_folder

MODELS_VARIABLE = "DREAMSOUND_MODELS"

#: The wheel with the four musicnn networks, on PyPI.
MUSICNN_WHEEL = (
    "https://files.pythonhosted.org/packages/1b/6f/38229e7d99c438e11114bbfa39c8c39185458c398011d0b6d"
    "7d7c7401617/musicnn-0.1.0-py3-none-any.whl"
)
MUSICNN_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"


@dataclass(frozen=True)
class CatalogEntry:
    """A listed model.

    Attributes
    ----------
    name : str
        Name for ``--model``.
    kind : str
        Its loader: ``yamnet``, ``musicnn`` or ``plugin``.
    network : str
        Description of the network.
    licence : str
        Licence of the weights.
    handle : str
        Source of its weights.
    files : tuple of str
        Possible names of its folder or file inside a folder of models, best first.
    download_bytes : int or None
        Approximate download size.
    sha256 : str or None
        Hash of the download; None if not published.
    weights_sha256 : str or None
        Hash of the names and values of the weights; None if not published.
    handles : tuple of str
        Its published handles, under which other programs cache it.
    weights_bytes : int or None
        Size of its weights in a SavedModel, at least.
    """

    name: str
    kind: str
    network: str
    licence: str
    handle: str
    files: tuple[str, ...] = ()
    download_bytes: int | None = None
    sha256: str | None = None
    weights_sha256: str | None = None
    handles: tuple[str, ...] = ()
    weights_bytes: int | None = None


def _musicnn(name: str, trained_on: str, weights_sha256: str) -> CatalogEntry:
    dataset, _, kind = name.partition("-")
    return CatalogEntry(
        name=name,
        kind="musicnn",
        network=f"{kind}, 50 tags of {trained_on}",
        licence="ISC",
        handle=MUSICNN_WHEEL,
        files=(name, f"{dataset.upper()}_{kind}"),
        download_bytes=29_292_476,
        sha256=MUSICNN_SHA256,
        weights_sha256=weights_sha256,
    )


CATALOG: dict[str, CatalogEntry] = {
    entry.name: entry
    for entry in (
        CatalogEntry(
            name="yamnet",
            kind="yamnet",
            network="YAMNet, 521 AudioSet classes",
            licence="Apache-2.0",
            handle="https://tfhub.dev/google/yamnet/1",
            files=("yamnet", "yamnet.h5"),
            download_bytes=16_000_000,
            handles=(
                "https://tfhub.dev/google/yamnet/1",
                "https://www.kaggle.com/models/google/yamnet/tensorFlow2/yamnet/1",
            ),
            weights_bytes=15_005_476,
        ),
        _musicnn(
            "mtt-musicnn",
            "MagnaTagATune",
            "49d3a955ff30f7793e6adb840684948ddbfdf14af88c36b0bbe9acc82d66f12f",
        ),
        _musicnn(
            "msd-musicnn",
            "the Million Song Dataset",
            "ab1b84b3ca39c55cff9a307bdadbec9952285cfc09518999fdb17a8781f07e0d",
        ),
        _musicnn(
            "mtt-vgg",
            "MagnaTagATune",
            "1d380999fb3d7fccd7292df083a008fad16bff8e492d9fe8303c34e2e652a223",
        ),
        _musicnn(
            "msd-vgg",
            "the Million Song Dataset",
            "b3346437f6999caf7d706e94492bee446f3f2f8f7b43890c46984ef03d27d05b",
        ),
    )
}
#: The meaning of ``auto``: the first, or the second if the first is unreachable.
DEFAULT_MODEL, FALLBACK_MODEL = "yamnet", "mtt-musicnn"


def find_weights(model: str = "auto", watch: Watch | None = None) -> Weights:
    """Find a model's weights, downloading them if they are not on this machine.

    Parameters
    ----------
    model : str
        ``auto``, a name in :data:`CATALOG`, the name of a plug-in, a handle on TF Hub or Kaggle,
        or the path of a SavedModel folder, an ``.h5`` file or a checkpoint folder of musicnn.
    watch : Watch, optional
        Receives progress, and decides whether a foreign SavedModel may run.

    Returns
    -------
    Weights

    Raises
    ------
    ModelError
        The model is unavailable; the message says where it was searched for and what to do.
    """
    watch = watch or Watch()
    if model == "auto":
        return _auto(watch)
    if looks_like_path(model):
        return _trusted(weights_at(Path(model).expanduser()), watch)
    name = resolved_name(model)
    found = local_weights(name)
    if found is not None:
        return _trusted(found, watch)
    handle = parse_handle(name)
    if handle is None or name in CATALOG:
        return fetch(entry_of(name), watch)
    note_problems(cached_folders_of(name), watch)
    made = fetch_handle(handle, user_models_folder(), _places(caches=True), watch)
    return _weights_in(made, name, handle)


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
                return _weights_in(folder / file_name, name, handle)
    for cached in cached_folders_of(name):
        if cached.problem is None:
            return _weights_in(cached.path, name, handle)
    return None


def resolved_name(model: str) -> str:
    """Return the name of the model that a handle stands for; any other text as it is.

    Parameters
    ----------
    model : str
        As for :func:`find_weights`.

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


def probable_weights(model: str) -> Weights | None:
    """Return the weights that a model's name stands for, as far as known offline.

    Parameters
    ----------
    model : str
        As for :func:`find_weights`.

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
        return weights_at(Path(model).expanduser())
    name = resolved_name(model)
    found = local_weights(name)
    if found is None and name not in CATALOG and parse_handle(name) is not None:
        return None
    return found or Weights(name, None, entry_of(name).kind)


def entry_of(name: str) -> CatalogEntry:
    """Return a listed model, or raise `ModelError` with the nearest name."""
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
    raise ModelError(f"Unknown model {name!r}. {hint}")


def own_models() -> list[Weights]:
    """Return the SavedModels that the user has pulled under their own names."""
    listed = {file for entry in CATALOG.values() for file in entry.files}
    return [
        Weights(place.name, place, "savedmodel")
        for folder in search_folders()
        if folder.is_dir()
        for place in sorted(folder.iterdir())
        if place.name not in listed
        and (place / "saved_model.pb").is_file()
        # The name of an unfinished folder begins with a dot.
        and not place.name.startswith(".")
    ]


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


def looks_like_path(model: str) -> bool:
    """Return whether a model's name is a path."""
    if model == "auto" or model in CATALOG or parse_handle(model) is not None:
        return False
    return (
        os.sep in model or "/" in model or model.startswith("~") or model.endswith(".h5")
    ) or Path(model).exists()


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
        if entry.kind == "musicnn":
            fetch_musicnn(entry.handle, entry.sha256, entry.files[1], folder, check, watch)
        else:
            fetch_saved_model(entry.handle, folder, check, watch)
    except ModelError as error:
        places = _places(caches=bool(entry.handles))
        raise ModelError(
            f"Model {entry.name} not found in {places}, and the download failed: {error}. Get "
            f"it elsewhere and install it (dreamsound models pull {entry.name} --from "
            f"FILE|DIR|URL), or set {MODELS_VARIABLE} to a folder that contains it."
        ) from error
    return Weights(entry.name, folder, entry.kind)


def _handles_of(entry: CatalogEntry) -> list[Handle]:
    return [handle for text in entry.handles if (handle := parse_handle(text)) is not None]


def _weights_in(place: Path, name: str, handle: Handle | None) -> Weights:
    if handle is not None:
        found = weights_at(place)
        # YAMNet at an address that is not its own is YAMNet; any other keeps its handle as a name.
        return found if found.kind == "yamnet" else Weights(handle.url, place, "savedmodel")
    return Weights(name, place, CATALOG[name].kind if name in CATALOG else "savedmodel")


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
    watch.note(f"auto: using {FALLBACK_MODEL} ({reason})")
    return fallback or _fetched_instead(ModelError(reason), watch)


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
