"""From the atoms of an objective to what a model computes, and the classes to choose.

An objective is a weighted sum of the atoms of ``recipe.objective``. Each atom names the
layers it reads (its taps) and its class, if any: the loop chooses classes step by step and passes
them as indices, so that one traced graph serves every class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.objective_functions import (
    ChannelObjective,
    ClassObjective,
    LayerObjective,
    ObjectiveFunction,
    Sum,
    UnitObjective,
)
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.names import NameTable, check_known
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.tables import check_known_here, known_tables
from dreamsound_studio.recipe.objective import (
    Channel,
    Class,
    Direction,
    FromModel,
    FurtherAtom,
    Guide,
    Layer,
    Objective,
    Texture,
    Unit,
)
from dreamsound_studio.recipe.plan import DEFAULT_AT, terms_by_model, terms_of
from dreamsound_studio.recipe.recipe import Recipe


@dataclass(frozen=True)
class ClassChoice:
    """How a step's class is chosen.

    Attributes
    ----------
    kind : {"first", "follow", "target", "target_b", "named"}
        The class heard most in the source, in each step's sound, in a target, or a fixed class.
    index : int or None
        The class, if `kind` is "named".
    """

    kind: str
    index: int | None = None


def check_names(recipe: Recipe, *tables: NameTable) -> None:
    """Raise `RecipeError` for a class, layer, channel or unit that a model does not have.

    Parameters
    ----------
    recipe : Recipe
        Its objective counts.
    *tables : NameTable
        Of the model, whose weights need not be there; several where the model is one of several:
        one of them has to have all names.
    """
    first, *others = terms_by_model(recipe).items()
    check_known(_looks(first[1]), tables)
    for name, terms in others:
        check_known(_looks(terms), known_tables(name))


def check_names_here(recipe: Recipe) -> None:
    """Raise `RecipeError` for a name that the recipe's model, on this machine, does not have.

    Nothing is fetched or loaded; see ``models.tables.check_known_here``.

    Parameters
    ----------
    recipe : Recipe
        Its model and its objective count.
    """
    for name, terms in terms_by_model(recipe).items():
        check_known_here(_looks(terms), name)


def _looks(terms: Objective) -> list[Callable[[NameTable], object]]:
    return [partial(_check_atom, atom) for atom in terms.atoms]


def _check_atom(atom: Any, table: NameTable) -> None:
    if isinstance(atom, Class):
        table.check_has_classes()
        if atom.choice is None:
            table.find_class(atom.name)
    elif isinstance(atom, FurtherAtom):
        atom.check(table)
    elif isinstance(atom, Guide):
        table.resolve_layer(atom.layer or table.guide_layer)
    elif isinstance(atom, Texture):
        texture_layers(atom, table)
    elif not isinstance(atom, Direction):
        _place_in(table, atom)


def texture_layers(atom: Texture, table: NameTable) -> tuple[str, ...]:
    """Return the layers whose statistics a texture compares."""
    names = (atom.layer,) if atom.layer else table.texture_layers or (table.guide_layer,)
    return tuple(table.resolve_layer(name) for name in names)


def objective_of(
    recipe: Recipe,
    model: Model,
    rms: float | None = None,
    clips: Mapping[str, Clip] | None = None,
    clip: Clip | None = None,
    terms: Objective | None = None,
) -> tuple[ObjectiveFunction, tuple[ClassChoice, ...]]:
    """Return the recipe's objective and its class choices.

    Parameters
    ----------
    recipe : Recipe
        Its objective, or its `class_`, `at` and `layer`, are read.
    model : Model
        Provides the names, and hears the sounds in the objective.
    rms : float, optional
        RMS of the active parts of what is heard, at which a texture is heard too; by default at
        its own.
    clips : mapping, optional
        Sounds that were read already, by path.
    clip : Clip, optional
        The sound, for objectives that depend on the time in it.
    terms : Objective, optional
        Its terms that this model hears, if other models hear the rest.

    Returns
    -------
    (ObjectiveFunction, tuple of ClassChoice)
        At least one choice: the first is the class to report.

    Raises
    ------
    RecipeError
        The model has no such class, layer, channel or unit, or a sound is too short for a guide
        or a texture.
    AudioFileError
        A sound in the objective cannot be read, or a texture is silent.
    """
    text = terms_of(recipe) if terms is None else terms
    choices: list[ClassChoice] = []
    parts: list[tuple[float, ObjectiveFunction]] = []
    reported: int | None = None
    for weight, atom in text.terms:
        if isinstance(atom, Class):
            part: ObjectiveFunction = _class_objective(atom, model.table, choices)
        elif isinstance(atom, Layer):
            part = LayerObjective(model.table.resolve_layer(atom.layer))
        elif isinstance(atom, Channel):
            layer, place = _place_in(model.table, atom)
            part = ChannelObjective(layer, place[0], model.table.before_relu.get(layer))
        elif isinstance(atom, Unit):
            layer, place = _place_in(model.table, atom)
            part = UnitObjective(layer, place, model.table.before_relu.get(layer))
        elif isinstance(atom, FromModel):
            raise RecipeError(f"{atom}: {model.name} does not hear it")
        elif isinstance(atom, Texture):
            from dreamsound_studio.dream.texture import texture_objective

            target = (clips or {}).get(atom.path)
            part = texture_objective(atom, model, texture_layers(atom, model.table), target, rms)
        elif isinstance(atom, FurtherAtom):
            part = atom.objective(model) if clip is None else atom.objective_in(clip, model)
            reported = atom.reported_class(model.table) if reported is None else reported
        else:
            from dreamsound_studio.dream.guide import direction_objective, guide_objective

            part = (
                direction_objective(atom, model)
                if isinstance(atom, Direction)
                else guide_objective(atom, model)
            )
        parts.append((weight, part))
    alone = len(parts) == 1 and parts[0][0] == 1
    if not choices:
        choices = [ClassChoice("first" if reported is None else "named", reported)]
    return parts[0][1] if alone else Sum(tuple(parts)), tuple(choices)


def _class_objective(atom: Class, table: NameTable, choices: list[ClassChoice]) -> ClassObjective:
    table.check_has_classes()
    at = atom.at or DEFAULT_AT
    if atom.choice == "patch":
        return ClassObjective(at, None)
    if atom.choice is None:
        choice = ClassChoice("named", table.find_class(atom.name))
    else:
        choice = ClassChoice(atom.choice)
    if choice not in choices:
        choices.append(choice)
    return ClassObjective(at, choices.index(choice))


def _place_in(table: NameTable, atom: Layer | Channel | Unit) -> tuple[str, tuple[int, ...]]:
    """Return the published layer of an atom, and its place in the layer."""
    layer = table.resolve_layer(atom.layer)
    shape = table.layers[layer]
    if isinstance(atom, Layer):
        return layer, ()
    place = atom.place if isinstance(atom, Unit) else (atom.channel,)
    limits = shape if isinstance(atom, Unit) else shape[-1:]
    if len(place) != len(limits):
        sizes = " x ".join(map(str, shape))
        raise RecipeError(f"{atom}: a unit of {layer} needs {len(shape)} numbers ({sizes})")
    for number, limit in zip(place, limits, strict=True):
        if number >= limit:
            raise RecipeError(f"{atom}: {number} is too large; {layer} ends at {limit - 1} there")
    return layer, place
