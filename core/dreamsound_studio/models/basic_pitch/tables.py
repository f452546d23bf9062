"""The layers and notes of basic-pitch. No TensorFlow here.

Source: spotify/basic-pitch 0.4.0 (Apache-2.0), ``basic_pitch/{constants,models,inference}.py``; R.
M. Bittner et al., "A lightweight instrument-agnostic model for polyphonic note transcription and
multipitch estimation", ICASSP 2022.
"""

from __future__ import annotations

from functools import cache

from dreamsound_studio.models.names import NameTable

#: Frames of a patch, keys of a piano, and steps of the contour: three to a semitone.
PATCH_FRAMES, KEYS, CONTOUR_STEPS = 172, 88, 264
#: MIDI number of the lowest key, A0.
LOWEST_KEY = 21
PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
CONTOUR_FILTERS, NOTE_FILTERS, ONSET_FILTERS = 8, 32, 32
#: The layer that note objectives read: the posteriors' logits, frame by frame and key by key.
NOTE_LOGITS = "note/logits"


def key_name(midi: int) -> str:
    """Return a key's name by its MIDI number: 21 is A0, 60 is C4."""
    return f"{PITCHES[midi % 12]}{midi // 12 - 1}"


@cache
def names() -> NameTable:
    """Return the names of the network's layers; its classes are the 88 keys, A0 to C8."""
    contour = (PATCH_FRAMES, CONTOUR_STEPS)
    keys = (PATCH_FRAMES, KEYS)
    return NameTable(
        network="basic-pitch",
        class_names=tuple(key_name(LOWEST_KEY + key) for key in range(KEYS)),
        layers={
            "contour/conv": (*contour, CONTOUR_FILTERS),
            "contour/conv/relu": (*contour, CONTOUR_FILTERS),
            "contour/logits": contour,
            "contour": contour,
            "note/conv": (*keys, NOTE_FILTERS),
            "note/conv/relu": (*keys, NOTE_FILTERS),
            NOTE_LOGITS: keys,
            "note": keys,
            "onset/conv": (*keys, ONSET_FILTERS),
            "onset/conv/relu": (*keys, ONSET_FILTERS),
            "onset/logits": keys,
            "onset": keys,
            "embeddings": (CONTOUR_STEPS,),
            "logits": (KEYS,),
            "scores": (KEYS,),
        },
        before_relu={f"{part}/conv/relu": f"{part}/conv" for part in ("contour", "note", "onset")},
        guide_layer="contour",
    )
