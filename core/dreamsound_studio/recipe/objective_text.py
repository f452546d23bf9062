r"""The grammar of objectives: from text to the objects of ``recipe.objective``.

::

    objective = ["-"] term { ("+" | "-") term }
    term      = [ number "*" ] [ model "/" ] atom
    atom      = "class" ":" ( "@" choice | name ) [ ":" at ]
              | "layer" ":" name
              | "channel" ":" name ":" integer
              | "unit" ":" name ":" integer { "," integer }
              | "direction" ":" name "-" name
              | "guide" ":" name [ ":" name ]
              | "texture" ":" name [ ":" name ]
              | "note" ":" name
              | "chord" ":" name
              | "melody" ":" name
    choice    = "first" | "follow" | "target" | "target_b" | "patch"
    at        = "logit" | "score" | "log"
        name      = text between double quotes (\\" is a quote, \\\\ a backslash),
                    or words without any of  " + - * : , ( ) [ ]

A negative weight steers away. A model's name, without blanks and quotes, makes that model hear the
atom, and not the recipe's. A further kind of atom is a `FurtherAtom` in a file of its own and a
row of :data:`ATOMS`.
"""

from __future__ import annotations

import functools
import math
import pkgutil
import re

from dreamsound_studio.errors import RecipeError, printable
from dreamsound_studio.recipe.objective import (
    AT,
    CHOICES,
    MODEL_NAME,
    Atom,
    Channel,
    Class,
    Direction,
    FromModel,
    Guide,
    Layer,
    Objective,
    Texture,
    Unit,
)

_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?")
#: Most digits of a channel's number.
MOST_DIGITS = 9
_BARE = re.compile(r'[^"+\-*:,()\[\]]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


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
        shown = printable(text)
        super().__init__(f"objective: {printable(message)}\n  {shown}\n  {' ' * position}^")


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
        return sign * weight, self._atom_of_model()

    def _atom_of_model(self) -> Atom:
        self.space()
        start = self.position
        match = MODEL_NAME.match(self.text, start)
        if match is None or not self.text.startswith("/", match.end()):
            return self._atom()
        self.position = match.end() + 1
        atom = self._atom()
        if isinstance(atom, Class) and atom.choice not in (None, "patch"):
            raise self.error(f"{atom}: a class of {match[0]} needs a name here", start)
        return FromModel(match[0], atom)

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
        if not match or len(match[0]) > MOST_DIGITS:
            raise self.error(f"expected a whole number of at most {MOST_DIGITS} digits")
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


def _texture(reader: Reader) -> Texture:
    path = reader.name("a sound file")
    return Texture(path, reader.name("a layer name") if reader.take(":") else None)


#: The reader of each kind of atom: ``module:function``, imported when needed.
ATOMS: dict[str, str] = {
    "class": f"{__name__}:_class",
    "layer": f"{__name__}:_layer",
    "channel": f"{__name__}:_channel",
    "unit": f"{__name__}:_unit",
    "direction": f"{__name__}:_direction",
    "guide": f"{__name__}:_guide",
    "texture": f"{__name__}:_texture",
    "note": "dreamsound_studio.dream.notes:Note.read",
    "chord": "dreamsound_studio.dream.notes:Chord.read",
    "melody": "dreamsound_studio.dream.melody:Melody.read",
}
