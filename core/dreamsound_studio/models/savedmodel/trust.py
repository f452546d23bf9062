"""Install models from files and places other than the published ones. No TensorFlow here."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import ModelError
from dreamsound_studio.files import expanded
from dreamsound_studio.models.entries import CATALOG, CatalogEntry
from dreamsound_studio.models.savedmodel.card import (
    CardFile,
    read_card,
    read_card_file,
    write_card,
)
from dreamsound_studio.models.savedmodel.labels import LabelTable, tables_in, tables_of
from dreamsound_studio.models.savedmodel.profiles import conditions
from dreamsound_studio.models.savedmodel.wishes import Wishes
from dreamsound_studio.models.store import ledger
from dreamsound_studio.models.store.by_handle import untrusted
from dreamsound_studio.models.store.fetch import copy_model, fetch_part, fetch_saved_model
from dreamsound_studio.models.store.handles import parse_handle
from dreamsound_studio.models.store.local import cached_folders_of, user_models_folder
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.weights import Weights, kind_in

GRAPH = "saved_model.pb"
#: What to do where something has to be stated: the option for it.
OPTIONS = {
    "signature": "Pass --signature NAME.",
    "output": "Pass --output NAME, the output with the scores.",
    "embeddings": "Pass --embeddings NAME, the output with the embeddings.",
    "logits": "Pass --logits.",
    "rate": "Pass --rate HZ, which its maker states.",
    "window_s": "Pass --window-s SECONDS and --rate HZ as its maker states them, or leave out "
    "--window-s.",
    "labels": "Pass --labels FILE, a table with a name for each, or --output NAME.",
}


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


@dataclass(frozen=True)
class Pulled:
    """A foreign SavedModel that was installed: its weights, its card, and notes on what it is."""

    weights: Weights
    card: CardFile | None = None
    notes: tuple[str, ...] = ()


def pull_foreign(
    name: str, origin: str, wanted: Wishes, labels: Path | None, watch: Watch
) -> Pulled:
    """Install a foreign SavedModel under a name chosen by the user, with a card.

    Parameters
    ----------
    name : str
        Its new name.
    origin : str
        Its folder, a ``.tar.gz`` of it, a handle on TF Hub or Kaggle, or a URL.
    wanted : Wishes
        What the user states about it; the rest is found out by running it.
    labels : pathlib.Path or None
        The table of its classes, as the user states it.
    watch : Watch
        Decides whether it may run, and whether its licence is accepted; its `check` decides
        whether to keep the model.

    Returns
    -------
    Pulled

    Raises
    ------
    ModelError
        It is unavailable, not trusted, or unsuitable for dreaming; its licence is not accepted; or
        what it is has to be stated.
    """
    folder = user_models_folder() / name
    if labels is not None:
        tables_of(labels)
    origin = _located(origin, watch)
    beside: tuple[LabelTable, ...] = ()
    if "://" not in origin:
        source = _existing(origin)
        if source.suffix == ".h5":
            raise ModelError(f"{origin}: an .h5 file; only YAMNet is read from one")
        inner = _saved_model_in(source)
        if inner != source:
            beside = tuple(tables_in(source))
        origin = str(inner)
    done: list[Pulled] = []
    is_stated = wanted != Wishes() or labels is not None

    def check(made: Path) -> None:
        kind = "savedmodel" if is_stated else kind_in(made)
        if kind != "savedmodel" and _is_rebuilt(Weights(name, made, kind), watch):
            note = f"this is {CATALOG[kind].network}: rebuilt, with all its layers"
            done.append(Pulled(Weights(name, folder, kind), notes=(note,)))
            return
        if not watch.may_run(Path(origin)):
            raise untrusted(origin)
        card, notes = _described(made, origin, wanted, labels, beside, watch)
        write_card(made, card)
        watch.check(Weights(name, made, "savedmodel"))
        done.append(Pulled(Weights(name, folder, "savedmodel"), card, notes))

    if "://" in origin:
        fetch_saved_model(origin, folder, watch, check)
    else:
        copy_model(Path(origin), folder, check)
    pulled = done[-1] if done else Pulled(Weights(name, folder, "savedmodel"))
    if pulled.weights.kind == "savedmodel":
        ledger.trust(ledger.fingerprint(folder))
    return pulled


def _is_rebuilt(weights: Weights, watch: Watch) -> bool:
    """Return whether a SavedModel is a network of the catalog, whose program never runs."""
    try:
        watch.check(weights)
    except ModelError:  # a network that only contains one, such as a retrained YAMNet
        return False
    return True


def _described(
    made: Path,
    origin: str,
    wanted: Wishes,
    labels: Path | None,
    beside: tuple[LabelTable, ...],
    watch: Watch,
) -> tuple[CardFile, tuple[str, ...]]:
    """Return the card of a SavedModel: what the user states, its own card, and what is found."""
    # Imported here: these need TensorFlow, or wait until it is needed.
    from dreamsound_studio.models.runtime import import_tensorflow
    from dreamsound_studio.models.savedmodel.examine import examine_saved_model
    from dreamsound_studio.models.savedmodel.network import open_saved_model

    import_tensorflow()
    earlier = read_card_file(made)
    stated = {} if earlier is None else earlier.model_dump(exclude_unset=True, exclude_none=True)
    tables, is_stated = _tables(made, labels, stated, beside)
    logits = wanted.logits
    if logits is None and "outputs" in stated:
        logits = stated["outputs"] == "logits"
    found = examine_saved_model(
        open_saved_model(made),
        made,
        Wishes(
            rate=wanted.rate or stated.get("sample_rate_hz"),
            window_s=wanted.window_s or stated.get("patch_s"),
            signature=wanted.signature or stated.get("signature"),
            output=wanted.output or stated.get("output"),
            embeddings=wanted.embeddings or stated.get("embeddings"),
            logits=logits,
        ),
        tables,
        is_stated,
        OPTIONS.__getitem__,
        origin,
    )
    licence = None if found.profile is None else found.profile.licence
    terms = None if found.profile is None else conditions(found.profile)
    if terms is not None and not watch.accepts(terms):
        raise ModelError(f"{terms}. If you accept that, pass --accept-licence.")
    function = found.first.function.name
    embeddings = found.embeddings
    own = embeddings is not None and embeddings.function.name == function
    return (
        CardFile(
            sample_rate_hz=found.rate,
            network=stated.get("network") or (found.profile and found.profile.name),
            licence=licence or stated.get("licence"),
            signature=function,
            output=None if found.scores is None else found.scores.name,
            outputs="logits" if found.is_logits else "scores",
            embeddings=embeddings and (embeddings.name if own else embeddings.path),
            embedding_units=embeddings and embeddings.units,
            classes=None if found.labels is None else _inside(found.labels.path, made),
            classes_header=None if found.labels is None else found.labels.has_header,
            patch_s=found.samples / found.rate,
            band_top_hz=stated.get("band_top_hz"),
        ),
        found.notes,
    )


def _tables(
    made: Path, labels: Path | None, stated: Mapping[str, Any], beside: tuple[LabelTable, ...]
) -> tuple[list[LabelTable], bool]:
    """Return the tables that may name the classes, and whether the user named them."""
    if labels is not None:
        return tables_of(labels), True
    if stated.get("classes") is not None:
        classes = read_card(made).classes
        if classes is not None:
            return tables_of(classes), True
    return [*tables_in(made), *beside], False


def _inside(table: Path, folder: Path) -> str:
    """Return the path of a table in the model's folder; it is copied there from elsewhere."""
    if table.is_relative_to(folder):
        return table.relative_to(folder).as_posix()
    shutil.copyfile(table, folder / table.name)
    return table.name


def _saved_model_in(source: Path) -> Path:
    """Return a folder, or the only SavedModel inside it, two folders deep at most."""
    if not source.is_dir() or (source / "saved_model.pb").is_file():
        return source
    found = [place.parent for deep in ("*", "*/*") for place in source.glob(f"{deep}/{GRAPH}")]
    if len(found) > 1:
        names = ", ".join(str(place.relative_to(source)) for place in sorted(found)[:4])
        raise ModelError(f"{source}: several SavedModels ({names}): name one of these folders")
    return found[0] if found else source


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
