r"""The grammar of objectives: parse text to terms, and back. No TensorFlow here.

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

A negative weight steers away.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

from dreamsound_studio.errors import RecipeError

CHOICES = ("first", "follow", "target", "target_b", "patch")
AT = ("logit", "score", "log")
KINDS = ("class", "layer", "channel", "unit", "direction", "guide")

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


@dataclass(frozen=True)
class _Atom:
    """What a term weighs. Fields that hold paths are named here, and nowhere else."""

    #: Fields that hold the path of a sound file, and what that file is for.
    path_fields: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def files(self) -> dict[str, str]:
        """Return the paths of the files that it names, by what they are for."""
        return {what: getattr(self, name) for name, what in self.path_fields.items()}

    def with_files(self, place_of: Callable[[str], str]) -> Self:
        """Return the same atom with each of its paths replaced."""
        return replace(self, **{name: place_of(getattr(self, name)) for name in self.path_fields})


@dataclass(frozen=True)
class ClassAtom(_Atom):
    """A class's activation: by name or number, or ``@`` one that is chosen by listening."""

    name: str
    at: str | None = None

    @property
    def choice(self) -> str | None:
        """Return how the class is chosen, or None if it is named."""
        return self.name[1:] if self.name.startswith("@") else None

    def __str__(self) -> str:
        name = self.name if self.choice in CHOICES else _written(self.name)
        return f"class:{name}" + (f":{self.at}" if self.at else "")


@dataclass(frozen=True)
class LayerAtom(_Atom):
    """A layer's energy."""

    layer: str

    def __str__(self) -> str:
        return f"layer:{_written(self.layer)}"


@dataclass(frozen=True)
class ChannelAtom(_Atom):
    """One channel of a layer."""

    layer: str
    channel: int

    def __str__(self) -> str:
        return f"channel:{_written(self.layer)}:{self.channel}"


@dataclass(frozen=True)
class UnitAtom(_Atom):
    """One unit of a layer, by its place: frame, band, channel."""

    layer: str
    place: tuple[int, ...]

    def __str__(self) -> str:
        return f"unit:{_written(self.layer)}:{','.join(map(str, self.place))}"


@dataclass(frozen=True)
class DirectionAtom(_Atom):
    """From one sound towards another, in the embedding."""

    path_fields = MappingProxyType({"to": "direction to", "away_from": "direction from"})

    to: str
    away_from: str

    def __str__(self) -> str:
        return f"direction:{_quoted(self.to)}-{_quoted(self.away_from)}"


@dataclass(frozen=True)
class GuideAtom(_Atom):
    """What another sound excites in a layer."""

    path_fields = MappingProxyType({"path": "guide"})

    path: str
    layer: str | None = None

    def __str__(self) -> str:
        return f"guide:{_quoted(self.path)}" + (f":{_written(self.layer)}" if self.layer else "")


Atom = ClassAtom | LayerAtom | ChannelAtom | UnitAtom | DirectionAtom | GuideAtom


@dataclass(frozen=True)
class ObjectiveText:
    """A weighted sum of atoms.

    Attributes
    ----------
    terms : tuple of (float, Atom)
        Weights, finite and not 0, and their atoms.
    """

    terms: tuple[tuple[float, Atom], ...]

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
        return any(isinstance(atom, ClassAtom) and atom.choice == choice for atom in self.atoms)


def parse_objective(text: str) -> ObjectiveText:
    """Parse an objective.

    Parameters
    ----------
    text : str
        Text in the grammar at the head of this module.

    Returns
    -------
    ObjectiveText
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
    return _Reader(text).objective()


class _Reader:
    """Parses a text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def objective(self) -> ObjectiveText:
        self._space()
        sign = -1.0 if self._take("-") else 1.0
        terms = [self._term(sign)]
        while self.position < len(self.text):
            if self._take("+"):
                terms.append(self._term(1.0))
            elif self._take("-"):
                terms.append(self._term(-1.0))
            else:
                raise self._error("expected + or - and another term, or the end")
        return ObjectiveText(tuple(terms))

    def _term(self, sign: float) -> tuple[float, Atom]:
        self._space()
        start = self.position
        match = _NUMBER.match(self.text, self.position)
        weight = 1.0
        if match:
            weight = float(match[0])
            self.position = match.end()
            if weight == 0 or not math.isfinite(weight):
                raise self._error("a weight must be finite and not 0", start)
            self._space()
            if not self._take("*"):
                raise self._error("expected * after the weight")
        return sign * weight, self._atom()

    def _atom(self) -> Atom:
        self._space()
        start = self.position
        match = re.compile(r"\w*").match(self.text, self.position)
        kind = match[0] if match else ""
        if kind not in KINDS:
            raise self._error(f"expected one of {', '.join(KINDS)}", start)
        self.position = start + len(kind)
        self._space()
        if not self._take(":"):
            raise self._error(f"expected : after {kind}")
        reader: Any = getattr(self, f"_{kind}")
        atom: Atom = reader()
        self._space()
        return atom

    def _class(self) -> ClassAtom:
        self._space()
        start = self.position
        quoted = self.text.startswith('"', start)
        name = self._name("a class name, or @first, @follow, @target, @target_b or @patch")
        if name.startswith("@") and (quoted or name[1:] not in CHOICES):
            choices = ", ".join(f"@{choice}" for choice in CHOICES)
            raise self._error(f"unknown class {name}; use {choices}", start)
        if not self._take(":"):
            return ClassAtom(name)
        self._space()
        start = self.position
        at = self._name("where to read the class: logit, score or log")
        if at not in AT:
            raise self._error("expected logit, score or log", start)
        return ClassAtom(name, at)

    def _layer(self) -> LayerAtom:
        return LayerAtom(self._name("a layer name"))

    def _channel(self) -> ChannelAtom:
        layer = self._name("a layer name")
        self._expect(":", "and a channel number")
        return ChannelAtom(layer, self._integer())

    def _unit(self) -> UnitAtom:
        layer = self._name("a layer name")
        self._expect(":", "and the place of a unit, such as 0,3,42")
        place = [self._integer()]
        while self._take(","):
            place.append(self._integer())
        return UnitAtom(layer, tuple(place))

    def _direction(self) -> DirectionAtom:
        to = self._name("a sound file")
        self._expect("-", "and the sound file to move away from")
        return DirectionAtom(to, self._name("a sound file"))

    def _guide(self) -> GuideAtom:
        path = self._name("a sound file")
        return GuideAtom(path, self._name("a layer name") if self._take(":") else None)

    def _name(self, what: str) -> str:
        self._space()
        start = self.position
        quoted = _QUOTED.match(self.text, start)
        if quoted:
            self.position = quoted.end()
            self._space()
            name = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL)
            if not name.strip():
                raise self._error(f"expected {what} between the quotes", start)
            return name
        if self.text.startswith('"', start):
            raise self._error("unclosed quote", start)
        bare = _BARE.match(self.text, start)
        if not bare or not bare[0].strip():
            raise self._error(f"expected {what}")
        self.position = bare.end()
        return bare[0].strip()

    def _integer(self) -> int:
        self._space()
        match = re.compile(r"\d+").match(self.text, self.position)
        if not match:
            raise self._error("expected a whole number")
        self.position = match.end()
        self._space()
        return int(match[0])

    def _expect(self, mark: str, what: str) -> None:
        self._space()
        if not self._take(mark):
            raise self._error(f"expected {mark} {what}")

    def _take(self, mark: str) -> bool:
        if not self.text.startswith(mark, self.position):
            return False
        self.position += len(mark)
        return True

    def _space(self) -> None:
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1

    def _error(self, message: str, position: int | None = None) -> ObjectiveTextError:
        place = self.position if position is None else position
        return ObjectiveTextError(message, self.text, place)


def _written(name: str) -> str:
    """Return a name as written in text: unquoted if that parses to the same name."""
    return name if _PLAIN_NAME.fullmatch(name) else _quoted(name)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
