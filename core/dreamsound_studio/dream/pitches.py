"""Names of notes and chords, as keys of a piano. No TensorFlow here."""

from __future__ import annotations

import re

from dreamsound_studio.errors import RecipeError

#: MIDI numbers of a piano's lowest and highest key, A0 and C8.
LOWEST, HIGHEST = 21, 108
#: MIDI numbers of C3, the octave of a chord's root, and of C2, that of another bass.
ROOT_OCTAVE, BASS_OCTAVE = 48, 36
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SIGNS = {"": 0, "#": 1, "b": -1}
#: Semitones above the root, by what follows it in a chord's symbol.
CHORDS = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "min": (0, 3, 7),
    "maj": (0, 4, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "9": (0, 4, 7, 10, 14),
    "add9": (0, 4, 7, 14),
    "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
}

_NOTE = re.compile(r"([A-Ga-g])([#b]?)(-?\d+)")
_SYMBOL = re.compile(r"([A-G])([#b]?)([^/\s]*)(?:/([A-G])([#b]?))?")


def midi_of(name: str) -> int:
    """Return the MIDI number of a note: ``A4`` is 69, ``Bb3`` 58, and ``69`` is 69.

    Raises
    ------
    RecipeError
        It is not a note, or not a key of a piano.
    """
    text = name.strip()
    found = _NOTE.fullmatch(text)
    if found is not None:
        letter, sign, octave = found.groups()
        key = 12 * (int(octave) + 1) + SEMITONES[letter.upper()] + SIGNS[sign]
    elif text.isdecimal():
        key = int(text)
    else:
        raise RecipeError(f"{text!r} is not a note, such as A4, C#3 or Bb2")
    if not LOWEST <= key <= HIGHEST:
        raise RecipeError(f"{text} is not a key of a piano: use A0 to C8 (21 to 108)")
    return key


def keys_of_chord(text: str) -> tuple[int, ...]:
    """Return the MIDI numbers of a chord, in ascending order.

    Parameters
    ----------
    text : str
        Notes with spaces between them, such as ``A3 C4 E4``, or a symbol: a root, then one of
        :data:`CHORDS`, then ``/`` and another bass if wanted, such as ``Am``, ``C7`` or ``Dm/F``.
        The root of a symbol lies in octave 3, its notes close above it; another bass in octave 2.
        What can be both, such as ``C7``, is a symbol.

    Raises
    ------
    RecipeError
        It is neither.
    """
    parts = text.split()
    if not parts:
        raise RecipeError('a chord needs notes, such as "A3 C4 E4", or a symbol, such as Am')
    found = _SYMBOL.fullmatch(parts[0]) if len(parts) == 1 else None
    is_symbol = found is not None and found[3] in CHORDS
    if not is_symbol and (len(parts) > 1 or _NOTE.fullmatch(parts[0]) or parts[0].isdecimal()):
        return tuple(sorted({midi_of(part) for part in parts}))
    if found is None or not is_symbol:
        kinds = ", ".join(kind for kind in CHORDS if kind)
        raise RecipeError(
            f"{parts[0]!r} is not a chord. Write its notes (A3 C4 E4), or a symbol: a root, alone "
            f"or with one of {kinds}, and /BASS if wanted"
        )
    letter, sign, kind, bass, bass_sign = found.groups()
    root = ROOT_OCTAVE + (SEMITONES[letter] + SIGNS[sign]) % 12
    keys = {root + interval for interval in CHORDS[kind]}
    if bass is not None:
        keys.add(BASS_OCTAVE + (SEMITONES[bass] + SIGNS[bass_sign]) % 12)
    return tuple(sorted(keys))
