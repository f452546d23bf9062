"""The objective ``melody:"tune.mid"``: the notes of a MIDI file, each at its time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.guide import Vectors
from dreamsound_studio.dream.notes import check_hears_notes, clarity
from dreamsound_studio.dream.objective_functions import FRAME_SAMPLES, PATCH_STARTS
from dreamsound_studio.dream.pitches import HIGHEST, LOWEST
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.basic_pitch.tables import KEYS, NOTE_LOGITS
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.network import Model, Tensor
from dreamsound_studio.models.runtime import import_tensorflow
from dreamsound_studio.recipe.objective import FurtherAtom, in_quotes
from dreamsound_studio.recipe.objective_text import Reader

#: Times at which a melody is read, a second: as fine as the network's frames.
ROWS_A_SECOND = 86
#: MIDI channel of percussion, counted from 0: its numbers name drums, not pitches.
PERCUSSION = 9
#: Longest melody, seconds.
LONGEST_S = 6 * 3600.0


@dataclass(frozen=True)
class PlayedNote:
    """A note of a MIDI file: its first and last second, and its MIDI number."""

    start_s: float
    stop_s: float
    key: int


@dataclass(frozen=True)
class Melody(FurtherAtom):
    """The notes of a MIDI file, each at its time: second 0 is the start of the sound file.

    Parameters
    ----------
    path : str or path_like
        The file. Percussion (channel 10) is left out.
    """

    keeps_pitch = True
    is_heard = True
    path_fields = MappingProxyType({"path": "melody"})

    path: str

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Return what follows ``melody:``."""
        return cls(reader.name("a MIDI file"))

    def __str__(self) -> str:
        return f"melody:{in_quotes(self.path)}"

    def check(self, table: NameTable) -> None:
        """Raise `RecipeError` for a model that does not hear notes."""
        check_hears_notes(self, table)

    def objective(self, model: Model) -> MelodyObjective:
        """Return what is maximised, for a sound at the model's rate."""
        return self._objective(model.sample_rate_hz, 0.0)

    def objective_in(self, clip: Clip, model: Model) -> MelodyObjective:
        """Return what is maximised, for a clip."""
        return self._objective(clip.sample_rate_hz, clip.start / clip.sample_rate_hz)

    def reported_class(self, table: NameTable) -> int:
        """Return the class that stands for the objective: its first note."""
        return min(read_notes(self.path), key=lambda note: note.start_s).key - LOWEST

    def _objective(self, sample_rate_hz: int, start_s: float) -> MelodyObjective:
        roll = Vectors(piano_roll(read_notes(self.path)))
        return MelodyObjective(roll, sample_rate_hz, start_s)


@dataclass(frozen=True)
class MelodyObjective:
    """How clearly the keys wanted at each time are heard, and no others.

    Parameters
    ----------
    roll : Vectors
        1 where a key is wanted, ``[rows, 88]``, `ROWS_A_SECOND` apart.
    sample_rate_hz : int
        Rate of the sound.
    start_s : float
        Second of the melody at the sound's first sample.

    Notes
    -----
    The formula of ``dream.notes``, with the means over wanted and other pairs of frame and key.
    """

    roll: Vectors
    sample_rate_hz: int
    start_s: float
    taps: tuple[str, ...] = (NOTE_LOGITS,)
    reads_class = False
    reads_time = True

    def values(self, activations: dict[str, Tensor], classes: Tensor) -> Tensor:
        """Return ``[patches]``."""
        tf = import_tensorflow()
        logits = activations[NOTE_LOGITS]
        frames = tf.range(logits.shape[1], dtype=tf.float32) * activations[FRAME_SAMPLES]
        samples = activations[PATCH_STARTS][:, None] + frames
        rows = tf.floor((samples / self.sample_rate_hz + self.start_s) * ROWS_A_SECOND)
        # Before the melody and after it, the last row: silence.
        silence = len(self.roll.values) - 1
        rows = tf.where((rows >= 0) & (rows < silence), tf.cast(rows, tf.int32), silence)
        return clarity(logits, tf.gather(self.roll.values, rows))


def read_notes(path: str) -> list[PlayedNote]:
    """Read the notes of a MIDI file, without percussion.

    Parameters
    ----------
    path : str
        The file: type 0 or 1.

    Returns
    -------
    list of PlayedNote
        At least one.

    Raises
    ------
    RecipeError
        It cannot be read, or has no notes, notes that a piano does not have, or no end.
    """
    import mido

    found: list[PlayedNote] = []
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            messages = list(mido.MidiFile(file=file, clip=True))
    except OSError as error:
        # mido raises it too, without a number, for what is not MIDI.
        reason = error.strerror or "not a MIDI file"
        raise RecipeError(f"{path}: cannot be read ({reason})") from error
    except Exception as error:  # a damaged file can raise anything
        raise RecipeError(f"{path}: not a MIDI file, or a damaged one ({error})") from error
    time_s = 0.0
    sounding: dict[tuple[int, int], float] = {}
    for message in messages:
        time_s += message.time
        if message.type not in ("note_on", "note_off") or message.channel == PERCUSSION:
            continue
        place = message.channel, message.note
        if place in sounding:
            found.append(PlayedNote(sounding.pop(place), time_s, message.note))
        if message.type == "note_on" and message.velocity:
            sounding[place] = time_s
    found += [PlayedNote(start_s, time_s, key) for (_, key), start_s in sounding.items()]
    if not found:
        raise RecipeError(f"{path}: no notes in it")
    for note in found:
        if not LOWEST <= note.key <= HIGHEST:
            raise RecipeError(f"{path}: note {note.key} at {note.start_s:.2f} s is not on a piano")
    if time_s > LONGEST_S:
        raise RecipeError(f"{path}: longer than {LONGEST_S / 3600:g} hours")
    return found


def piano_roll(played: Iterable[PlayedNote]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return 1 where a key is wanted, ``[rows, 88]``; the last row is silent."""
    edges = [
        (
            round(note.start_s * ROWS_A_SECOND),
            max(round(note.stop_s * ROWS_A_SECOND), round(note.start_s * ROWS_A_SECOND) + 1),
            note.key - LOWEST,
        )
        for note in played
    ]
    roll = np.zeros((max(stop for _, stop, _ in edges) + 1, KEYS), np.float32)
    for start, stop, key in edges:
        roll[start:stop, key] = 1
    return roll
