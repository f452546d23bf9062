"""Cuts: a sound put together of pieces of a file, as an item in a DAW plays them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dreamsound_studio.audio.formats import MAX_CHANNELS

#: A job folder holds no more than a megabyte.
MOST_PIECES = 4_096
#: A loop of one second for a day has as many.
MOST_TIMES = 100_000


class Piece(BaseModel):
    """A part of a file.

    Attributes
    ----------
    start, stop : int
        First sample, and one past the last.
    is_reversed : bool
        Whether it is played from its last sample to its first.
    times : int
        How often it is played, one time after another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Annotated[int, Field(ge=0)]
    stop: Annotated[int, Field(ge=1)]
    is_reversed: bool = False
    times: Annotated[int, Field(ge=1, le=MOST_TIMES)] = 1

    @model_validator(mode="after")
    def _is_something(self) -> Piece:
        if self.stop <= self.start:
            raise ValueError("a piece has to end after its start")
        return self

    @property
    def length(self) -> int:
        """Number of samples, of all times."""
        return (self.stop - self.start) * self.times


class Cut(BaseModel):
    """What of a file is heard: pieces, one after another, and of some of its channels.

    Attributes
    ----------
    pieces : tuple of Piece
        In samples of the file.
    channels : tuple of int or None
        Which channels, from 0, in this order; None for all.
    is_mono : bool
        Whether those are averaged into one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pieces: Annotated[tuple[Piece, ...], Field(min_length=1, max_length=MOST_PIECES)]
    channels: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...] | None,
        Field(min_length=1, max_length=MAX_CHANNELS),
    ] = None
    is_mono: bool = False

    @property
    def length(self) -> int:
        """Number of samples."""
        return sum(piece.length for piece in self.pieces)

    @property
    def file_start(self) -> int | None:
        """Where in the file the cut begins; None if it is not simply a part of it."""
        if len(self.pieces) > 1 or self.pieces[0].is_reversed:
            return None
        return self.pieces[0].start

    def widened(self, reach: int, total: int) -> tuple[tuple[Piece, ...], int]:
        """Return the pieces with what the file holds around them, and how much comes before.

        Parameters
        ----------
        reach : int
            How many samples at most, on either side.
        total : int
            Samples in the file.
        """
        first, last = self.pieces[0], self.pieces[-1]
        before = _beside(first, reach, total, is_before=True)
        after = _beside(last, reach, total, is_before=False)
        return (*before, *self.pieces, *after), sum(piece.length for piece in before)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without what is as by default."""
        return self.model_dump(mode="json", exclude_defaults=True)


def _beside(piece: Piece, reach: int, total: int, *, is_before: bool) -> tuple[Piece, ...]:
    """Return what would be played before or after a piece if it were longer."""
    if is_before != piece.is_reversed:
        start, stop = max(piece.start - reach, 0), piece.start
    else:
        start, stop = piece.stop, min(piece.stop + reach, total)
    if start >= stop:
        return ()
    return (Piece(start=start, stop=stop, is_reversed=piece.is_reversed),)
