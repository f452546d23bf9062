"""Objectives: a number for each patch, made from a model's activations.

An objective is a weighted sum of the atoms of ``recipe.objective_text``. Each atom names the
layers it reads (its taps) and its class, if any: the loop chooses classes step by step and passes
them as indices, so that one traced graph serves every class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.names import NameTable, check_known
from dreamsound_studio.models.network import Model, Tensor
from dreamsound_studio.recipe.objective_text import (
    Channel,
    Class,
    Direction,
    FurtherAtom,
    Guide,
    Layer,
    Unit,
)
from dreamsound_studio.recipe.plan import DEFAULT_AT, terms_of
from dreamsound_studio.recipe.recipe import Recipe


class ObjectiveFunction(Protocol):
    """A value for each patch.

    Attributes
    ----------
    taps : tuple of str
        Published names of the layers it reads.
    reads_class : bool
        Whether it depends on the step's classes.
    """

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layers."""

    @property
    def reads_class(self) -> bool:
        """Return whether the classes matter."""

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, from the activations and the step's classes ``[choices]``."""


@dataclass(frozen=True)
class ClassObjective:
    """The activation of one class: its logit, its score, or the logarithm of its score.

    Parameters
    ----------
    at : {"logit", "score", "log"}
        Where the class is read.
    place : int or None
        Index among the step's classes; None for each patch's own best class.
    """

    at: str = DEFAULT_AT
    place: int | None = 0
    taps: tuple[str, ...] = ()

    @property
    def reads_class(self) -> bool:
        """Return whether it reads one of the step's classes."""
        return self.place is not None

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the class's activation."""
        import tensorflow as tf

        logits = activations["logits"]
        if self.place is None:
            logit = tf.reduce_max(logits, axis=1)
        else:
            logit = tf.gather(logits, tf.reshape(classes, [-1])[self.place], axis=1)
        if self.at == "score":
            return tf.sigmoid(logit)
        if self.at == "log":
            return tf.math.log_sigmoid(logit)
        return logit


@dataclass(frozen=True)
class LayerObjective:
    """A layer's energy, Deep Dream's L2: the mean of its squared activations.

    Parameters
    ----------
    layer : str
        Published layer name.

    References
    ----------
    .. [1] A. Mordvintsev et al., "Inceptionism: going deeper into neural networks", 2015.
    """

    layer: str
    reads_class = False

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layer."""
        return (self.layer,)

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the layer's mean square."""
        import tensorflow as tf

        return tf.reduce_mean(_flat(tf.square(activations[self.layer])), axis=1)


@dataclass(frozen=True)
class ChannelObjective:
    """The mean of one channel of a layer, over the patch.

    Parameters
    ----------
    layer : str
        Published layer name.
    channel : int
        Channel index.
    before_relu : str or None
        The layer before the ReLU that produces this one.

    Notes
    -----
    If a ReLU blocks the whole channel, there is no gradient. The largest value before the ReLU is
    then added: it is negative, and its gradient leads to where the channel becomes active.
    """

    layer: str
    channel: int
    before_relu: str | None = None
    reads_class = False

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layer, and the one before its ReLU."""
        return (self.layer,) if self.before_relu is None else (self.layer, self.before_relu)

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the channel's mean."""
        import tensorflow as tf

        values = tf.reduce_mean(_flat(activations[self.layer][..., self.channel]), axis=1)
        if self.before_relu is None:
            return values
        before = activations[self.before_relu][..., self.channel]
        return values + tf.minimum(tf.reduce_max(_flat(before), axis=1), 0.0)


@dataclass(frozen=True)
class UnitObjective:
    """One unit of a layer: a channel at one place; dead units as in :class:`ChannelObjective`."""

    layer: str
    place: tuple[int, ...]
    before_relu: str | None = None
    reads_class = False

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layer, and the one before its ReLU."""
        return (self.layer,) if self.before_relu is None else (self.layer, self.before_relu)

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the unit's activation."""
        import tensorflow as tf

        where = (slice(None), *self.place)
        values = activations[self.layer][where]
        if self.before_relu is None:
            return values
        before = activations[self.before_relu]
        if len(before.shape) != len(where):
            # Pooling in between: any place of the channel can activate it.
            return values + tf.minimum(
                tf.reduce_max(_flat(before[..., self.place[-1]]), axis=1), 0.0
            )
        return values + tf.minimum(before[where], 0.0)


@dataclass(frozen=True)
class Sum:
    """A weighted sum of objectives.

    Parameters
    ----------
    parts : tuple of (float, ObjectiveFunction)
        Weights and the objectives they apply to.
    """

    parts: tuple[tuple[float, ObjectiveFunction], ...]

    @property
    def reads_class(self) -> bool:
        """Return whether any part reads a class."""
        return any(part.reads_class for _, part in self.parts)

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layers of all parts."""
        return tuple(dict.fromkeys(tap for _, part in self.parts for tap in part.taps))

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``, the weighted sum."""
        total = 0.0
        for weight, part in self.parts:
            total = total + weight * part.values(activations, classes)
        return total


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
    looks = [partial(_check_atom, atom) for atom in terms_of(recipe).atoms]
    check_known(looks, tables)


def _check_atom(atom: Any, table: NameTable) -> None:
    if isinstance(atom, Class):
        if atom.choice is None:
            table.find_class(atom.name)
    elif isinstance(atom, FurtherAtom):
        atom.check(table)
    elif isinstance(atom, Guide):
        table.resolve_layer(atom.layer or table.guide_layer)
    elif not isinstance(atom, Direction):
        _place_in(table, atom)


def objective_of(recipe: Recipe, model: Model) -> tuple[ObjectiveFunction, tuple[ClassChoice, ...]]:
    """Return the recipe's objective and its class choices.

    Parameters
    ----------
    recipe : Recipe
        Its objective, or its `class_`, `at` and `layer`, are read.
    model : Model
        Provides the names, and hears the sounds in the objective.

    Returns
    -------
    (ObjectiveFunction, tuple of ClassChoice)
        At least one choice: the first is the class to report.

    Raises
    ------
    RecipeError
        The model has no such class, layer, channel or unit, or a sound is too short for a guide.
    AudioFileError
        A sound in the objective cannot be read.
    """
    text = terms_of(recipe)
    choices: list[ClassChoice] = []
    parts: list[tuple[float, ObjectiveFunction]] = []
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
        elif isinstance(atom, FurtherAtom):
            part = atom.objective(model)
        else:
            from dreamsound_studio.dream.guide import direction_objective, guide_objective

            part = (
                direction_objective(atom, model)
                if isinstance(atom, Direction)
                else guide_objective(atom, model)
            )
        parts.append((weight, part))
    alone = len(parts) == 1 and parts[0][0] == 1
    return parts[0][1] if alone else Sum(tuple(parts)), tuple(choices) or (ClassChoice("first"),)


def _class_objective(atom: Class, table: NameTable, choices: list[ClassChoice]) -> ClassObjective:
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


def _flat(values: Tensor) -> Tensor:
    """Return ``[patches, everything else]``."""
    import tensorflow as tf

    return tf.reshape(values, [tf.shape(values)[0], -1])
