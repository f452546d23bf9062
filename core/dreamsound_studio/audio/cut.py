"""Cuts: a sound assembled from pieces of a file, as an item in a DAW plays them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dreamsound_studio.audio.formats import MAX_CHANNELS

#: Keeps a job folder under a megabyte.
MOST_PIECES = 4_096
#: Enough for a one-second loop over a day.
MOST_TIMES = 100_000


class Piece(BaseModel):
    """A part of a file.

    Attributes
    ----------
    start, stop : int
        First sample, and one past the last.
    is_reversed : bool
        Whether it is played backwards.
    times : int
        Number of repetitions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Annotated[int, Field(ge=0)]
    stop: Annotated[int, Field(ge=1)]
    is_reversed: bool = False
    times: Annotated[int, Field(ge=1, le=MOST_TIMES)] = 1

    @model_validator(mode="after")
    def _is_something(self) -> Piece:
        if self.stop <= self.start:
            raise ValueError("a piece must end after its start")
        return self

    @property
    def length(self) -> int:
        """Number of samples, repetitions included."""
        return (self.stop - self.start) * self.times


class Cut(BaseModel):
    """The audible part of a file: pieces in sequence, and some of its channels.

    Attributes
    ----------
    pieces : tuple of Piece
        Pieces, in samples of the file.
    channels : tuple of int or None
        Channels, from 0, in this order; None for all.
    is_mono : bool
        Whether the channels are averaged into one.
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
        """First sample within the file; None for a cut that is more than a plain span."""
        if len(self.pieces) > 1 or self.pieces[0].is_reversed:
            return None
        return self.pieces[0].start

    def widened(self, reach: int, total: int) -> tuple[tuple[Piece, ...], int]:
        """Return the pieces with their surroundings, and how much precedes the cut.

        Parameters
        ----------
        reach : int
            Most samples to add on either side.
        total : int
            Samples in the file.
        """
        first, last = self.pieces[0], self.pieces[-1]
        before = _beside(first, reach, total, is_before=True)
        after = _beside(last, reach, total, is_before=False)
        return (*before, *self.pieces, *after), sum(piece.length for piece in before)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)


def _beside(piece: Piece, reach: int, total: int, *, is_before: bool) -> tuple[Piece, ...]:
    """Return the material that would play before or after a longer piece."""
    if is_before != piece.is_reversed:
        start, stop = max(piece.start - reach, 0), piece.start
    else:
        start, stop = piece.stop, min(piece.stop + reach, total)
    if start >= stop:
        return ()
    return (Piece(start=start, stop=stop, is_reversed=piece.is_reversed),)
