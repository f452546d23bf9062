"""The objectives ``note:A4`` and ``chord:"A3 C4 E4"``: wanted keys of a network that hears notes.

::

    L = mean over frames and wanted keys of log p  +  0.3 . mean over the other keys of log(1 - p)

p is the posterior of a key in a frame. The logarithm rises where a key is not heard at all, and
hardly where it is heard already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from dreamsound_studio.dream.pitches import LOWEST, keys_of_chord, midi_of
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.basic_pitch.tables import KEYS, NOTE_LOGITS
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.network import Model, Tensor
from dreamsound_studio.models.runtime import import_tensorflow
from dreamsound_studio.recipe.objective import FurtherAtom, written
from dreamsound_studio.recipe.objective_text import Reader

#: Weight of the other keys' silence. It comes from measurement: the wanted keys become clear, and
#: the others stay where they were (`docs/sculpt.md`). `benchmarks/notes.py --others` tries more.
OTHERS_WEIGHT = 0.3


@dataclass(frozen=True)
class Note(FurtherAtom):
    """A note, heard at every time.

    Parameters
    ----------
    name : str
        Such as ``A4``, ``C#3`` or ``Bb2``, or a MIDI number.
    """

    keeps_pitch = True
    is_heard = True

    name: str

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "name", str(self.name))
        midi_of(self.name)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Return what follows ``note:``."""
        return cls(_checked(reader, "a note, such as A4", midi_of))

    def __str__(self) -> str:
        return f"note:{written(self.name)}"

    def check(self, table: NameTable) -> None:
        """Raise `RecipeError` for a model that does not hear notes."""
        check_hears_notes(self, table)

    def objective(self, model: Model) -> NotesObjective:
        """Return what is maximised."""
        return NotesObjective((midi_of(self.name) - LOWEST,))

    def reported_class(self, table: NameTable) -> int:
        """Return the class that stands for the objective."""
        return midi_of(self.name) - LOWEST


@dataclass(frozen=True)
class Chord(FurtherAtom):
    """The notes of a chord, heard together at every time.

    Parameters
    ----------
    text : str
        Its notes, such as ``A3 C4 E4``, or a symbol, such as ``Am``; see
        :func:`dream.pitches.keys_of_chord`.
    """

    keeps_pitch = True
    is_heard = True

    text: str

    def __post_init__(self) -> None:
        super().__post_init__()
        keys_of_chord(self.text)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Return what follows ``chord:``."""
        return cls(_checked(reader, "notes, such as A3 C4 E4, or a chord", keys_of_chord))

    def __str__(self) -> str:
        return f"chord:{written(self.text)}"

    def check(self, table: NameTable) -> None:
        """Raise `RecipeError` for a model that does not hear notes."""
        check_hears_notes(self, table)

    def objective(self, model: Model) -> NotesObjective:
        """Return what is maximised."""
        return NotesObjective(tuple(key - LOWEST for key in keys_of_chord(self.text)))

    def reported_class(self, table: NameTable) -> int:
        """Return the class that stands for the objective: its lowest note."""
        return keys_of_chord(self.text)[0] - LOWEST


@dataclass(frozen=True)
class NotesObjective:
    """How clearly wanted keys are heard, and no others.

    Parameters
    ----------
    keys : tuple of int
        The wanted keys, 0 (A0) to 87 (C8).

    Notes
    -----
    The formula at the head of this module; 0.3 is `OTHERS_WEIGHT`, which was measured.
    """

    keys: tuple[int, ...]
    taps: tuple[str, ...] = (NOTE_LOGITS,)
    reads_class = False
    reads_time = False

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``."""
        wanted = np.zeros(KEYS, np.float32)
        wanted[list(self.keys)] = 1
        return clarity(activations[NOTE_LOGITS], wanted)


def clarity(logits: Tensor, wanted: Tensor) -> Tensor:
    """Return the formula at the head of this module, ``[patches]``.

    Parameters
    ----------
    logits : Tensor
        Of the posteriors p, ``[patches, frames, 88]``.
    wanted : Tensor
        1 for wanted keys, 0 for the others; ``[88]``, or of the shape of `logits`. Where none is
        wanted, the others alone count.
    """
    tf = import_tensorflow()
    wanted = tf.broadcast_to(wanted, tf.shape(logits))

    def mean(values: Tensor, where: Tensor) -> Tensor:
        total = tf.reduce_sum(values * where, axis=[1, 2])
        return total / tf.maximum(tf.reduce_sum(where, axis=[1, 2]), 1.0)

    heard = mean(tf.math.log_sigmoid(logits), wanted)
    return heard + OTHERS_WEIGHT * mean(tf.math.log_sigmoid(-logits), 1.0 - wanted)


def check_hears_notes(atom: FurtherAtom, table: NameTable) -> None:
    """Raise `RecipeError` for a model that does not hear notes."""
    if NOTE_LOGITS not in table.layers:
        raise RecipeError(f"{atom}: {table.network} hears no notes. Pass --model basic-pitch.")


def _checked(reader: Reader, what: str, check: Callable[[str], object]) -> str:
    """Return a name that `check` accepts; its error stands at the name's place."""
    reader.space()
    start = reader.position
    name = reader.name(what)
    try:
        check(name)
    except RecipeError as error:
        raise reader.error(str(error), start) from error
    return name
