"""Breakpoints: a value that changes over positions, written as text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dreamsound_studio.errors import RecipeError

#: Fields of a recipe that contain breakpoints.
AUTOMATED = (
    "strength_over_steps",
    "strength_over_time",
    "threshold_over_steps",
    "threshold_over_time",
    "morph",
)


@dataclass(frozen=True)
class Breakpoints:
    """A value over positions (steps, or seconds), linear between them and constant beyond.

    Parameters
    ----------
    positions : tuple of float
        Strictly rising, finite, 0 or more; at least one.
    values : tuple of float
        As many, finite.

    Raises
    ------
    ValueError
        The positions or values are invalid.
    """

    positions: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.positions or len(self.positions) != len(self.values):
            raise ValueError("positions and values must match, with at least one of each")
        for number in (*self.positions, *self.values):
            if not math.isfinite(number):
                raise ValueError(f"{number} is not a finite number")
        if self.positions[0] < 0:
            raise ValueError(f"position {_short(self.positions[0])} is negative")
        for before, after in pairwise(self.positions):
            if after <= before:
                raise ValueError(
                    f"position {_short(after)} follows {_short(before)}; positions must increase"
                )

    @classmethod
    def parse(cls, text: str, what: str) -> Breakpoints:
        """Parse breakpoints.

        Parameters
        ----------
        text : str
            ``"0:1, 2.5:0.2, 10:0.05"``, position and value, or a single number for a constant.
        what : str
            Name of the setting; error messages begin with it.

        Returns
        -------
        Breakpoints

        Raises
        ------
        RecipeError
            The text is invalid.

        Examples
        --------
        >>> Breakpoints.parse("0:1, 10:0", "strength").at(2.5)
        array(0.75)
        """
        try:
            pieces = text.split(",")
            if len(pieces) == 1 and ":" not in text:
                return cls((0.0,), (_number(text),))
            pairs = [_pair(piece) for piece in pieces]
            return cls(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))
        except ValueError as error:
            raise RecipeError(f"{what}: {error}") from error

    def __str__(self) -> str:
        if self.positions == (0.0,):
            return _short(self.values[0])
        pairs = zip(self.positions, self.values, strict=True)
        return ", ".join(f"{_short(position)}:{_short(value)}" for position, value in pairs)

    def at(self, x: float | npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the values at `x`, float64 of its shape."""
        return np.asarray(np.interp(x, self.positions, self.values), np.float64)

    @property
    def highest(self) -> float:
        """Largest value."""
        return max(self.values)

    @property
    def lowest(self) -> float:
        """Smallest value."""
        return min(self.values)


def _pair(piece: str) -> tuple[float, float]:
    position, colon, value = piece.partition(":")
    if not colon:
        raise ValueError(f"invalid breakpoint {piece.strip()!r}. Use position:value, like 2.5:0.2.")
    return _number(position), _number(value)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"invalid number {text.strip()!r}. Use one number, or pairs like 0:1, 2.5:0.2."
        ) from None


def _short(number: float) -> str:
    """Return the shortest text that parses back to the same number."""
    return repr(float(number)).removesuffix(".0")
