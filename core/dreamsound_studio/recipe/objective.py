"""Objectives as objects: weighted sums of atoms, which can be added, subtracted and scaled."""

from __future__ import annotations

import math
import numbers
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from dreamsound_studio.errors import RecipeError

if TYPE_CHECKING:
    from dreamsound_studio.audio.clip import Clip
    from dreamsound_studio.models.names import NameTable
    from dreamsound_studio.models.network import Model

CHOICES = ("first", "follow", "target", "target_b", "patch")
AT = ("logit", "score", "log")

_PLAIN_NAME = re.compile(r"[^\s@\"+\-*:,()\[\]\\]+( [^\s\"+\-*:,()\[\]\\]+)*")


#: A model's name before an atom.
MODEL_NAME = re.compile(r"[A-Za-z_][\w.-]*")


class _Summand(ABC):
    """What can be added, subtracted, negated and scaled; the result is an `Objective`."""

    @abstractmethod
    def _as_terms(self) -> tuple[tuple[float, Atom], ...]: ...

    def __add__(self, other: _Summand) -> Objective:
        if not isinstance(other, _Summand):
            return NotImplemented
        return Objective((*self._as_terms(), *other._as_terms()))

    def __neg__(self) -> Objective:
        return self * -1.0

    def __sub__(self, other: _Summand) -> Objective:
        if not isinstance(other, _Summand):
            return NotImplemented
        return self + -other

    def __mul__(self, weight: object) -> Objective:
        if not isinstance(weight, numbers.Real):
            return NotImplemented
        return Objective(tuple((float(weight) * own, atom) for own, atom in self._as_terms()))

    __rmul__ = __mul__

    def __truediv__(self, divisor: object) -> Objective:
        if not isinstance(divisor, numbers.Real):
            return NotImplemented
        return self * (1.0 / float(divisor) if divisor else math.inf)


@dataclass(frozen=True)
class _Atom(_Summand):
    """What a term weighs. Fields that hold paths are named here, and nowhere else."""

    #: Fields that hold the path of a sound file, and what that file is for.
    path_fields: ClassVar[Mapping[str, str]] = MappingProxyType({})
    #: Whether it means pitches, so that the sound has to be heard at its own speed.
    keeps_pitch: ClassVar[bool] = False
    #: Whether it names what others can hear: a class or a note is, what a layer does is not.
    is_heard: ClassVar[bool] = False

    def files(self) -> dict[str, str]:
        """Return the paths of the files that it names, by what they are for."""
        return {what: getattr(self, name) for name, what in self.path_fields.items()}

    def with_files(self, place_of: Callable[[str], str]) -> Self:
        """Return the same atom with each of its paths replaced."""
        return replace(self, **{name: place_of(getattr(self, name)) for name in self.path_fields})

    def __post_init__(self) -> None:
        for name in self.path_fields:
            object.__setattr__(self, name, os.fspath(getattr(self, name)))

    def _as_terms(self) -> tuple[tuple[float, Atom], ...]:
        return ((1.0, cast("Atom", self)),)


@dataclass(frozen=True)
class Class(_Atom):
    """A class's activation.

    Parameters
    ----------
    name : str or int
        The class by name or index, or one that is chosen by listening: ``@first``, ``@follow``,
        ``@target``, ``@target_b`` or ``@patch``.
    at : {"logit", "score", "log"}, optional
        Where it is read; by default at the logit.
    """

    is_heard = True

    name: str
    at: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", str(self.name))
        if self.at not in (None, *AT):
            raise RecipeError(f"invalid at {self.at!r}: pass {', '.join(AT)}")

    @property
    def choice(self) -> str | None:
        """Return how the class is chosen, or None if it is named."""
        return self.name[1:] if self.name.startswith("@") else None

    def __str__(self) -> str:
        name = self.name if self.choice in CHOICES else written(self.name)
        return f"class:{name}" + (f":{self.at}" if self.at else "")


@dataclass(frozen=True)
class Layer(_Atom):
    """A layer's energy.

    Parameters
    ----------
    layer : str
        Its published name, or a short form of it.
    """

    layer: str

    def __str__(self) -> str:
        return f"layer:{written(self.layer)}"


@dataclass(frozen=True)
class Channel(_Atom):
    """The mean of one channel of a layer.

    Parameters
    ----------
    layer : str
        As in `Layer`.
    channel : int
        From 0.
    """

    layer: str
    channel: int

    def __str__(self) -> str:
        return f"channel:{written(self.layer)}:{self.channel}"


@dataclass(frozen=True)
class Unit(_Atom):
    """One unit of a layer.

    Parameters
    ----------
    layer : str
        As in `Layer`.
    place : tuple of int
        Frame, band, channel.
    """

    layer: str
    place: tuple[int, ...]

    def __str__(self) -> str:
        return f"unit:{written(self.layer)}:{','.join(map(str, self.place))}"


@dataclass(frozen=True)
class Direction(_Atom):
    """From one sound towards another, in the embedding.

    Parameters
    ----------
    to, away_from : str or path_like
        Sound files.
    """

    path_fields = MappingProxyType({"to": "direction to", "away_from": "direction from"})

    to: str
    away_from: str

    def __str__(self) -> str:
        return f"direction:{in_quotes(self.to)}-{in_quotes(self.away_from)}"


@dataclass(frozen=True)
class _OtherSound(_Atom):
    """What another sound is in a layer.

    Parameters
    ----------
    path : str or path_like
        A sound file.
    layer : str, optional
        As in `Layer`; by default the model's own choice.
    """

    kind: ClassVar[str]

    path: str
    layer: str | None = None

    def __str__(self) -> str:
        layer = f":{written(self.layer)}" if self.layer else ""
        return f"{self.kind}:{in_quotes(self.path)}{layer}"


class Guide(_OtherSound):
    """What another sound excites in a layer; its parameters are those of a `Texture`."""

    kind = "guide"
    path_fields = MappingProxyType({"path": "guide"})


class Texture(_OtherSound):
    """The statistics of another sound in a layer.

    Parameters
    ----------
    path : str or path_like
        A sound file.
    layer : str, optional
        As in `Layer`; by default the model's own choice.
    """

    kind = "texture"
    is_heard = True
    path_fields = MappingProxyType({"path": "texture"})


class FurtherAtom(_Atom):
    """An atom with an objective of its own; `read` is a row of ``recipe.objective_text.ATOMS``."""

    @classmethod
    @abstractmethod
    def read(cls, reader: Any) -> Self:
        """Return what follows ``kind:`` in a text; see `recipe.objective_text.Reader`."""

    @abstractmethod
    def __str__(self) -> str:
        """Return the atom as text, ``kind:`` included; `read` reads it back."""

    @abstractmethod
    def check(self, table: NameTable) -> None:
        """Raise `RecipeError` for a name that the model does not have; no weights are needed."""

    @abstractmethod
    def objective(self, model: Model) -> Any:
        """Return what is maximised, a ``dream.objective.ObjectiveFunction``."""

    def objective_in(self, clip: Clip, model: Model) -> Any:
        """Return what is maximised in a clip, where that depends on the clip's place in time."""
        return self.objective(model)

    def reported_class(self, table: NameTable) -> int | None:
        """Return the class that stands for the objective where it names none, if there is one."""
        return None


@dataclass(frozen=True)
class FromModel(_Atom):
    """An atom that a model other than the recipe's hears.

    Parameters
    ----------
    model : str
        A model's name; not a path.
    atom : Atom
        What it hears.

    Raises
    ------
    RecipeError
        The name is a path, or the atom names a model itself or chooses its class.
    """

    model: str
    atom: Atom

    def __post_init__(self) -> None:
        if not MODEL_NAME.fullmatch(self.model):
            raise RecipeError(f"{self.model!r}/: name a model here, not a path")
        if isinstance(self.atom, FromModel):
            raise RecipeError(f"{self.model}/{self.atom}: name one model")

    def files(self) -> dict[str, str]:
        """Return the files of its atom."""
        return self.atom.files()

    def with_files(self, place_of: Callable[[str], str]) -> Self:
        """Return the same with each path of its atom replaced."""
        return replace(self, atom=self.atom.with_files(place_of))

    def __str__(self) -> str:
        return f"{self.model}/{self.atom}"


Atom = Class | Layer | Channel | Unit | Direction | Guide | Texture | FurtherAtom | FromModel


@dataclass(frozen=True, repr=False)
class Objective(_Summand):
    """A weighted sum of atoms, which a dream maximises.

    Attributes
    ----------
    terms : tuple of (float, Atom)
        Weights, finite and not 0, and their atoms.

    Raises
    ------
    RecipeError
        A weight is 0 or not finite.

    Examples
    --------
    >>> birds = 0.2 * Channel("layer11/pointwise_conv", 42) + Class("Bird") - Class("Speech")
    >>> print(birds)
    0.2*channel:layer11/pointwise_conv:42 + class:Bird - class:Speech
    >>> -birds / 2
    <Objective -0.1*channel:layer11/pointwise_conv:42 - 0.5*class:Bird + 0.5*class:Speech>
    """

    terms: tuple[tuple[float, Atom], ...]

    def __post_init__(self) -> None:
        for weight, atom in self.terms:
            if weight == 0 or not math.isfinite(weight):
                raise RecipeError(f"invalid weight {weight:g} of {atom}: pass a finite one, not 0")

    def _as_terms(self) -> tuple[tuple[float, Atom], ...]:
        return self.terms

    def __repr__(self) -> str:
        return f"<Objective {self}>"

    def __str__(self) -> str:
        parts = []
        for index, (weight, atom) in enumerate(self.terms):
            sign = "-" if weight < 0 else "+" if index else ""
            size = "" if abs(weight) == 1 else f"{abs(weight)!r}*"
            parts.append(f" {sign} {size}{atom}" if index else f"{sign}{size}{atom}")
        return "".join(parts)

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """Return the atoms without their weights and models."""
        atoms = (atom for _, atom in self.terms)
        return tuple(atom.atom if isinstance(atom, FromModel) else atom for atom in atoms)

    @property
    def first_model(self) -> str | None:
        """Return the model of the first term if every term names one."""
        first = self.terms[0][1]
        every = all(isinstance(atom, FromModel) for _, atom in self.terms)
        return first.model if every and isinstance(first, FromModel) else None

    def by_model(self, model: str) -> dict[str, Objective]:
        """Return the terms by the model that hears them, which they then name no more.

        Parameters
        ----------
        model : str
            The one that hears terms without a model's name; first, where it hears any.
        """
        found: dict[str, list[tuple[float, Atom]]] = {model: []}
        for weight, atom in self.terms:
            if isinstance(atom, FromModel):
                found.setdefault(atom.model, []).append((weight, atom.atom))
            else:
                found[model].append((weight, atom))
        return {name: Objective(tuple(terms)) for name, terms in found.items() if terms}

    def chooses(self, choice: str) -> bool:
        """Return whether any class is chosen by listening in this way."""
        return any(isinstance(atom, Class) and atom.choice == choice for atom in self.atoms)


def is_objective(value: object) -> bool:
    """Return whether a value is an objective, or an atom that can stand for one."""
    return isinstance(value, _Summand)


def written(name: str) -> str:
    """Return a name as written in text: unquoted if that parses to the same name."""
    return name if _PLAIN_NAME.fullmatch(name) else in_quotes(name)


def in_quotes(name: str) -> str:
    """Return a name between double quotes, as paths are written in text."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
