"""Look up a model's classes and layers by its name, without its weights. No TensorFlow here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from dreamsound_studio.models.entries import CATALOG, DEFAULT_MODEL, FALLBACK_MODEL
from dreamsound_studio.models.names import NameTable, check_known
from dreamsound_studio.models.store.local import entry_of, local_weights, probable_weights
from dreamsound_studio.models.weights import Weights


def table_of(weights: Weights) -> NameTable:
    """Return a model's class and layer names.

    Parameters
    ----------
    weights : Weights
        The model; its weights are not read.

    Raises
    ------
    ModelError
        The model's own tables cannot be read.
    """
    # Imported here: unused tables cost nothing.
    if weights.kind == "yamnet":
        from dreamsound_studio.models.yamnet import tables as yamnet_table

        return yamnet_table.names()
    if weights.kind == "musicnn":
        from dreamsound_studio.models.musicnn import tables as musicnn_table

        if weights.name == FALLBACK_MODEL:
            return _table_of_fallback(local_weights(DEFAULT_MODEL) is not None)
        return musicnn_table.names(weights.name)
    if weights.kind == "basic-pitch":
        from dreamsound_studio.models.basic_pitch import tables as basic_pitch_table

        return basic_pitch_table.names()
    if weights.kind == "plugin":
        from dreamsound_studio.models.plugins import plugin_of

        return plugin_of(weights.name).table
    from dreamsound_studio.models.savedmodel.card import read_card

    return read_card(weights.place, weights.name).table


def table_named(model: str) -> NameTable:
    """Return the class and layer names of the model that ``--model`` names.

    Parameters
    ----------
    model : str
        As for ``find_weights``; ``auto`` is resolved for this machine, and is YAMNet if that
        depends on the network.

    Raises
    ------
    ModelError
        The model does not exist, or an unlisted model's handle is not on this machine.
    """
    found = probable_weights(model)
    if found is None and model != "auto":
        entry_of(model)  # raises the error about a handle whose model is not on this machine
    return table_of(found or Weights(DEFAULT_MODEL, None))


def known_tables(model: str) -> tuple[NameTable, ...]:
    """Return the tables, as they ship with the package, of what a model's name may mean anywhere.

    Parameters
    ----------
    model : str
        As for ``find_weights``.

    Returns
    -------
    tuple of NameTable
        Two for ``auto``, one for a model of the catalog; none for a path, a plug-in, or a model
        that the user has pulled.
    """
    names = (DEFAULT_MODEL, FALLBACK_MODEL) if model == "auto" else (model,)
    return tuple(
        table_of(Weights(name, None, CATALOG[name].kind)) for name in names if name in CATALOG
    )


def possible_tables(model: str) -> tuple[NameTable, ...]:
    """Return the tables of what a model's name may mean on this machine.

    Names are checked against these before anything is fetched or read.

    Parameters
    ----------
    model : str
        As for ``find_weights``.

    Returns
    -------
    tuple of NameTable
        One, except for ``auto`` where its weights are still to be fetched: then one for each model
        that it may become.

    Raises
    ------
    ModelError
        There is no such model, or its own tables cannot be read.
    """
    probable = probable_weights(model)
    return known_tables(model) if probable is None else (table_of(probable),)


def check_known_here(looks: Sequence[Callable[[NameTable], object]], model: str) -> None:
    """Raise `RecipeError` unless a model of this machine has all of some names.

    What no known model has is an error with the nearest names of all of them, whatever is
    installed; only then does it matter which model `model` means here.

    Parameters
    ----------
    looks : sequence of callable
        As for ``models.names.check_known``.
    model : str
        As for ``find_weights``.

    Raises
    ------
    RecipeError
        As ``models.names.check_known`` raises it.
    ModelError
        As :func:`possible_tables` raises it.
    """
    check_known(looks, known_tables(model))
    check_known(looks, possible_tables(model))


@cache
def _table_of_fallback(has_yamnet: bool) -> NameTable:
    """Return the table of what stands in for YAMNet, with a hint for each of YAMNet's classes.

    Parameters
    ----------
    has_yamnet : bool
        Whether YAMNet is on this machine.
    """
    from dreamsound_studio.models.musicnn import tables as musicnn_table
    from dreamsound_studio.models.yamnet import tables as yamnet_table

    way = "pass --model yamnet" if has_yamnet else "install it with dreamsound models pull yamnet"
    hint = f"YAMNet has it: {way}."
    elsewhere = {name.casefold(): hint for name in yamnet_table.class_names()}
    return replace(musicnn_table.names(FALLBACK_MODEL), elsewhere=elsewhere)
