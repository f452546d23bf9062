"""What is maximised: a number for each patch, made from a model's activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from dreamsound.models.base import Model, Tensor
from dreamsound.models.yamnet_table import find_class
from dreamsound.recipe import Recipe

#: How a class is read: the paper's score saturates; the logit does not.
DEFAULT_AT = "logit"


class Objective(Protocol):
    """A value for each patch.

    Attributes
    ----------
    taps : tuple of str
        Published names of the layers it reads.
    """

    taps: tuple[str, ...]

    def values(self, activations: dict[str, Tensor], class_index: Tensor) -> Tensor:
        """Return ``[patches]``, given the activations and the step's class."""


@dataclass(frozen=True)
class ClassObjective:
    """The activation of one class: its logit, its score, or the logarithm of its score.

    Parameters
    ----------
    at : {"logit", "score", "log"}
        Where the class is read.
    """

    at: str = DEFAULT_AT
    taps: tuple[str, ...] = ()

    def values(self, activations: dict[str, Tensor], class_index: Tensor) -> Tensor:
        """Return ``[patches]``, the class's activation."""
        import tensorflow as tf

        logit = tf.gather(activations["logits"], class_index, axis=1)
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

    @property
    def taps(self) -> tuple[str, ...]:
        """Return the layer."""
        return (self.layer,)

    def values(self, activations: dict[str, Tensor], class_index: Tensor) -> Tensor:
        """Return ``[patches]``, the layer's mean square."""
        import tensorflow as tf

        squares = tf.square(activations[self.layer])
        return tf.reduce_mean(tf.reshape(squares, [tf.shape(squares)[0], -1]), axis=1)


@dataclass(frozen=True)
class ClassChoice:
    """Which class a step dreams of.

    Attributes
    ----------
    kind : {"first", "follow", "target", "named"}
        The class heard most in the source, in each step's sound, in the target, or a given one.
    index : int or None
        The class, when `kind` is "named".
    """

    kind: str
    index: int | None = None


def objective_of(recipe: Recipe, model: Model) -> tuple[Any, ClassChoice]:
    """Return the recipe's objective and how its class is chosen.

    Parameters
    ----------
    recipe : Recipe
        Its `class_`, `at` and `layer` count.
    model : Model
        Knows the names.

    Returns
    -------
    (Objective, ClassChoice)

    Raises
    ------
    RecipeError
        The model has no such class or layer.
    """
    if recipe.layer is not None:
        return LayerObjective(model.resolve_layer(recipe.layer)), ClassChoice("first")
    objective = ClassObjective(recipe.at or DEFAULT_AT)
    name = recipe.class_ or ("target" if recipe.method == "target" else "first")
    if name in ("first", "follow", "target"):
        return objective, ClassChoice(name)
    return objective, ClassChoice("named", find_class(name, model.class_names))
