r"""Objectives: weighted sums of atoms, as objects and as text. No TensorFlow here.

::

    objective = ["-"] term { ("+" | "-") term }
    term      = [ number "*" ] atom
    atom      = "class" ":" ( "@" choice | name ) [ ":" at ]
              | "layer" ":" name
              | "channel" ":" name ":" integer
              | "unit" ":" name ":" integer { "," integer }
              | "direction" ":" name "-" name
              | "guide" ":" name [ ":" name ]
    choice    = "first" | "follow" | "target" | "target_b" | "patch"
    at        = "logit" | "score" | "log"
        name      = text between double quotes (\\" is a quote, \\\\ a backslash),
                    or words without any of  " + - * : , ( ) [ ]

A negative weight steers away. The same objects can be made in Python, and added, subtracted,
negated and scaled. A further kind of atom is a :class:`FurtherAtom` in a file of its own
and a row of :data:`ATOMS`.
"""

from __future__ import annotations

import functools
import math
import numbers
import os
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from dreamsound_studio.errors import RecipeError

if TYPE_CHECKING:
    from dreamsound_studio.models.names import NameTable
    from dreamsound_studio.models.network import Model

CHOICES = ("first", "follow", "target", "target_b", "patch")
AT = ("logit", "score", "log")

_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?")
_BARE = re.compile(r'[^"+\-*:,()\[\]]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PLAIN_NAME = re.compile(r"[^\s@\"+\-*:,()\[\]\\]+( [^\s\"+\-*:,()\[\]\\]+)*")


class ObjectiveTextError(RecipeError):
    """An objective that cannot be parsed, with the position of the error.

    Parameters
    ----------
    message : str
        The error.
    text : str
        The objective.
    position : int
        Position of the error.
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        self.position = position
        # A line break or tab in the text must not move the caret.
        shown = re.sub(r"\s", " ", text)
        super().__init__(f"objective: {message}\n  {shown}\n  {' ' * position}^")


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
        return f"direction:{_quoted(self.to)}-{_quoted(self.away_from)}"


@dataclass(frozen=True)
class Guide(_Atom):
    """What another sound excites in a layer.

    Parameters
    ----------
    path : str or path_like
        A sound file.
    layer : str, optional
        As in `Layer`; by default the model's own choice.
    """

    path_fields = MappingProxyType({"path": "guide"})

    path: str
    layer: str | None = None

    def __str__(self) -> str:
        return f"guide:{_quoted(self.path)}" + (f":{written(self.layer)}" if self.layer else "")


class FurtherAtom(_Atom):
    """An atom that brings its own objective; its `read` is a row of :data:`ATOMS`."""

    @classmethod
    @abstractmethod
    def read(cls, reader: Reader) -> Self:
        """Return what follows ``kind:`` in a text."""

    @abstractmethod
    def __str__(self) -> str:
        """Return the atom as text, ``kind:`` included; `read` reads it back."""

    @abstractmethod
    def check(self, table: NameTable) -> None:
        """Raise `RecipeError` for a name that the model does not have; no weights are needed."""

    @abstractmethod
    def objective(self, model: Model) -> Any:
        """Return what is maximised, a ``dream.objective.ObjectiveFunction``."""


Atom = Class | Layer | Channel | Unit | Direction | Guide | FurtherAtom


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
    >>> Objective.parse("class:Bird") == +1 * Class("Bird")
    True
    """

    terms: tuple[tuple[float, Atom], ...]

    def __post_init__(self) -> None:
        for weight, atom in self.terms:
            if weight == 0 or not math.isfinite(weight):
                raise RecipeError(f"invalid weight {weight:g} of {atom}: pass a finite one, not 0")

    @classmethod
    def parse(cls, text: str) -> Objective:
        """Return the objective of a text; see :func:`parse_objective`."""
        return parse_objective(text)

    def _as_terms(self) -> tuple[tuple[float, Atom], ...]:
        return self.terms

    def __repr__(self) -> str:
        return f"Objective.parse({str(self)!r})"

    def __str__(self) -> str:
        parts = []
        for index, (weight, atom) in enumerate(self.terms):
            sign = "-" if weight < 0 else "+" if index else ""
            size = "" if abs(weight) == 1 else f"{abs(weight)!r}*"
            parts.append(f" {sign} {size}{atom}" if index else f"{sign}{size}{atom}")
        return "".join(parts)

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """Return the atoms without their weights."""
        return tuple(atom for _, atom in self.terms)

    def chooses(self, choice: str) -> bool:
        """Return whether any class is chosen by listening in this way."""
        return any(isinstance(atom, Class) and atom.choice == choice for atom in self.atoms)


def is_objective(value: object) -> bool:
    """Return whether a value is an objective, or an atom that can stand for one."""
    return isinstance(value, _Summand)


@functools.lru_cache(maxsize=1024)
def parse_objective(text: str) -> Objective:
    """Parse an objective.

    Parameters
    ----------
    text : str
        Text in the grammar at the head of this module.

    Returns
    -------
    Objective
        ``parse_objective(str(it)) == it``.

    Raises
    ------
    ObjectiveTextError
        The text does not match the grammar; the message shows where.

    Examples
    --------
    >>> str(parse_objective("class:Whistling - .5 * layer:layer7"))
    'class:Whistling - 0.5*layer:layer7'
    """
    return Reader(text).objective()


class Reader:
    """Parses a text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def objective(self) -> Objective:
        """Read all of the text."""
        self.space()
        sign = -1.0 if self.take("-") else 1.0
        terms = [self._term(sign)]
        while self.position < len(self.text):
            if self.take("+"):
                terms.append(self._term(1.0))
            elif self.take("-"):
                terms.append(self._term(-1.0))
            else:
                raise self.error("expected + or - and another term, or the end")
        return Objective(tuple(terms))

    def _term(self, sign: float) -> tuple[float, Atom]:
        self.space()
        start = self.position
        match = _NUMBER.match(self.text, self.position)
        weight = 1.0
        if match:
            weight = float(match[0])
            self.position = match.end()
            if weight == 0 or not math.isfinite(weight):
                raise self.error("a weight must be finite and not 0", start)
            self.space()
            if not self.take("*"):
                raise self.error("expected * after the weight")
        return sign * weight, self._atom()

    def _atom(self) -> Atom:
        self.space()
        start = self.position
        match = re.compile(r"\w*").match(self.text, self.position)
        kind = match[0] if match else ""
        if kind not in ATOMS:
            raise self.error(f"expected one of {', '.join(ATOMS)}", start)
        self.position = start + len(kind)
        self.space()
        if not self.take(":"):
            raise self.error(f"expected : after {kind}")
        atom: Atom = pkgutil.resolve_name(ATOMS[kind])(self)
        self.space()
        return atom

    def name(self, what: str) -> str:
        """Read a name, bare or between quotes; an error says that `what` was expected."""
        self.space()
        start = self.position
        quoted = _QUOTED.match(self.text, start)
        if quoted:
            self.position = quoted.end()
            self.space()
            name = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL)
            if not name.strip():
                raise self.error(f"expected {what} between the quotes", start)
            return name
        if self.text.startswith('"', start):
            raise self.error("unclosed quote", start)
        bare = _BARE.match(self.text, start)
        if not bare or not bare[0].strip():
            raise self.error(f"expected {what}")
        self.position = bare.end()
        return bare[0].strip()

    def integer(self) -> int:
        """Read a whole number."""
        self.space()
        match = re.compile(r"\d+").match(self.text, self.position)
        if not match:
            raise self.error("expected a whole number")
        self.position = match.end()
        self.space()
        return int(match[0])

    def expect(self, mark: str, what: str) -> None:
        """Read a mark, or raise an error that says what is expected behind it."""
        self.space()
        if not self.take(mark):
            raise self.error(f"expected {mark} {what}")

    def take(self, mark: str) -> bool:
        """Read a mark and return True, or return False where another stands there."""
        if not self.text.startswith(mark, self.position):
            return False
        self.position += len(mark)
        return True

    def space(self) -> None:
        """Read what separates."""
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1

    def error(self, message: str, position: int | None = None) -> ObjectiveTextError:
        """Return an error whose caret stands here, or at a place."""
        place = self.position if position is None else position
        return ObjectiveTextError(message, self.text, place)


def _class(reader: Reader) -> Class:
    reader.space()
    start = reader.position
    quoted = reader.text.startswith('"', start)
    name = reader.name("a class name, or @first, @follow, @target, @target_b or @patch")
    if name.startswith("@") and (quoted or name[1:] not in CHOICES):
        choices = ", ".join(f"@{choice}" for choice in CHOICES)
        raise reader.error(f"unknown class {name}; use {choices}", start)
    if not reader.take(":"):
        return Class(name)
    reader.space()
    start = reader.position
    at = reader.name("where to read the class: logit, score or log")
    if at not in AT:
        raise reader.error("expected logit, score or log", start)
    return Class(name, at)


def _layer(reader: Reader) -> Layer:
    return Layer(reader.name("a layer name"))


def _channel(reader: Reader) -> Channel:
    layer = reader.name("a layer name")
    reader.expect(":", "and a channel number")
    return Channel(layer, reader.integer())


def _unit(reader: Reader) -> Unit:
    layer = reader.name("a layer name")
    reader.expect(":", "and the place of a unit, such as 0,3,42")
    place = [reader.integer()]
    while reader.take(","):
        place.append(reader.integer())
    return Unit(layer, tuple(place))


def _direction(reader: Reader) -> Direction:
    to = reader.name("a sound file")
    reader.expect("-", "and the sound file to move away from")
    return Direction(to, reader.name("a sound file"))


def _guide(reader: Reader) -> Guide:
    path = reader.name("a sound file")
    return Guide(path, reader.name("a layer name") if reader.take(":") else None)


#: The reader of each kind of atom: ``module:function``, imported when needed.
ATOMS: dict[str, str] = {
    "class": f"{__name__}:_class",
    "layer": f"{__name__}:_layer",
    "channel": f"{__name__}:_channel",
    "unit": f"{__name__}:_unit",
    "direction": f"{__name__}:_direction",
    "guide": f"{__name__}:_guide",
}


def written(name: str) -> str:
    """Return a name as written in text: unquoted if that parses to the same name."""
    return name if _PLAIN_NAME.fullmatch(name) else _quoted(name)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
