"""A grid of variations: the recipe fields to vary, and their values."""

from __future__ import annotations

import difflib
import itertools
import re
from dataclasses import dataclass

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.files import FIELDS
from dreamsound_studio.recipe.recipe import Recipe

MOST_COMBINATIONS = 1000
#: A field, then values; values with spaces or commas take double quotes.
_PIECE = re.compile(r'([^\s="]+)=((?:"[^"]*"|[^\s"])*)')
_VALUE = re.compile(r'"([^"]*)"|([^,"]+)')
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
#: What stays the same over a grid: a model is loaded once, and a target read once.
FIXED = ("model", *FIELDS, "schema_version")


@dataclass(frozen=True)
class Grid:
    """Fields and their values, in the given order.

    Attributes
    ----------
    fields : dict
        Values, as text, by recipe field name (``class_``).
    """

    fields: dict[str, tuple[str, ...]]

    def combinations(self) -> list[dict[str, str]]:
        """Return every combination; the last field changes fastest."""
        return [
            dict(zip(self.fields, values, strict=True))
            for values in itertools.product(*self.fields.values())
        ]


def parse_grid(text: str) -> Grid:
    """Parse a grid.

    Parameters
    ----------
    text : str
        ``field=value,value`` separated by spaces; ``1..4`` is a range of whole numbers, and values
        with spaces or commas take double quotes. Fields have the names of the options of
        ``dreamsound render``.

    Raises
    ------
    RecipeError
        A field is unknown, repeated or without values, there are too many combinations, or the text
        is invalid.

    Examples
    --------
    >>> parse_grid("seed=1..3 strength=0.5,1").combinations()[1]
    {'seed': '1', 'strength': '1'}
    """
    fields: dict[str, tuple[str, ...]] = {}
    rest = _PIECE.sub("", text).split()
    if rest:
        raise RecipeError(f"grid: invalid entry {rest[0]!r}. Use field=value,value.")
    for match in _PIECE.finditer(text):
        name = _field_of(match[1])
        if name in fields:
            raise RecipeError(f"grid: duplicate field {match[1]}")
        values = [quoted or bare for quoted, bare in _VALUE.findall(match[2])]
        if not values or re.search(r",,|^,|,$", match[2]) or '""' in match[2]:
            raise RecipeError(f"grid: {match[0]} contains an empty value")
        fields[name] = tuple(itertools.chain.from_iterable(map(_expanded, values)))
    if not fields:
        raise RecipeError('grid: no fields. Name at least one, as in "seed=1..4 strength=0.5,1".')
    count = 1
    for found in fields.values():
        count *= len(found)
    if count > MOST_COMBINATIONS:
        raise RecipeError(f"grid: too many combinations: {count} (limit {MOST_COMBINATIONS})")
    return Grid(fields)


def _field_of(text: str) -> str:
    names = {(field.alias or name): name for name, field in Recipe.model_fields.items()}
    name = text.replace("-", "_")
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        hint = f". Did you mean {near[0]}?" if near else ""
        raise RecipeError(f"grid: unknown field {text!r}{hint}")
    if name in FIXED:
        raise RecipeError(f"grid: {name} cannot vary within a grid. Pass it as an option.")
    return names[name]


def _expanded(value: str) -> list[str]:
    match = _RANGE.fullmatch(value)
    if not match:
        return [value]
    first, last = int(match[1]), int(match[2])
    if abs(last - first) >= MOST_COMBINATIONS:
        raise RecipeError(f"grid: range too long: {value} (limit {MOST_COMBINATIONS})")
    step = 1 if last >= first else -1
    return [str(number) for number in range(first, last + step, step)]
