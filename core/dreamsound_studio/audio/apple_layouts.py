"""Speaker layouts as AIFF and CAF have them: Apple's AudioChannelLayout.

A layout is a tag, a bit map, and the number of descriptions that follow: 4 bytes each, and 20 for
each description, all big-endian. The tag is a layout's number in the upper 16 bits and its channels
in the lower ones; one tag stands for the bit map, which is WAVE's mask, one for descriptions.

References
----------
Apple, "Core Audio Types", ``CoreAudioBaseTypes.h``. Ls and Rs of a tag are the side speakers, as in
ffmpeg; those of a bit map or a description are the bits that Apple gives them, the back ones.
"""

from __future__ import annotations

import struct

from dreamsound_studio.audio.speakers import KNOWN_BITS, SPEAKERS, SpeakerLayout, order_of

_HEAD = struct.Struct(">III")
_DESCRIPTION_BYTES = 20
_USE_DESCRIPTIONS, _USE_BITMAP = 0, 1 << 16
#: Numbers of tags: first-order ambisonics W X Y Z; of any order, in ACN order (SN3D, N3D); channels
#: that are not for speakers.
_B_FORMAT, _ACN, _DISCRETE = 107, (190, 191), 147
_SPEAKERS_OF_TAG = {
    100: "FC",
    101: "FL FR",
    102: "FL FR",
    103: "FL FR",
    106: "FL FR",
    108: "FL FR SL SR",
    113: "FL FR FC",
    114: "FC FL FR",
    115: "FL FR FC BC",
    116: "FC FL FR BC",
    117: "FL FR FC SL SR",
    118: "FL FR SL SR FC",
    119: "FL FC FR SL SR",
    120: "FC FL FR SL SR",
    121: "FL FR FC LFE SL SR",
    122: "FL FR SL SR FC LFE",
    123: "FL FC FR SL SR LFE",
    124: "FC FL FR SL SR LFE",
    125: "FL FR FC LFE SL SR BC",
    126: "FL FR FC LFE SL SR FLC FRC",
    127: "FC FLC FRC FL FR SL SR LFE",
    128: "FL FR FC LFE SL SR BL BR",
    129: "FL FR SL SR FC LFE FLC FRC",
    131: "FL FR BC",
    132: "FL FR SL SR",
    133: "FL FR LFE",
    134: "FL FR LFE BC",
    135: "FL FR LFE SL SR",
    136: "FL FR FC LFE",
    137: "FL FR FC LFE BC",
    138: "FL FR SL SR LFE",
    139: "FL FR SL SR FC BC",
    140: "FL FR SL SR FC BL BR",
    141: "FC FL FR SL SR BC",
    142: "FC FL FR SL SR BC LFE",
    143: "FC FL FR SL SR BL BR",
    144: "FC FL FR SL SR BL BR BC",
    148: "FL FR SL SR FC FLC FRC",
    149: "FC LFE",
    150: "FL FC FR",
    151: "FL FC FR BC",
    152: "FL FC FR LFE",
    153: "FL FR BC LFE",
    154: "FL FC FR BC LFE",
    192: "FL FR FC LFE SL SR BL BR TFL TFR TBL TBR",
}
#: Labels of descriptions beyond those that follow the bits: the pair behind the surrounds, mono.
_BL, _BR, _FC = 4, 5, 2
_LABELS = {33: _BL, 34: _BR, 42: _FC}
_SIDE_OF_BACK = {4: 9, 5: 10}
#: Labels of ambisonic channels: W X Y Z, and ACN 0 to 254.
_AMBISONIC_LABELS = (*range(200, 204), *range(2 << 16, (2 << 16) + 255))


def layout_in(content: bytes, channels: int) -> tuple[SpeakerLayout, tuple[int, ...] | None] | None:
    """Return the layout in a chunk, and the order that WAVE has its channels in.

    Parameters
    ----------
    content : bytes
        An AudioChannelLayout.
    channels : int
        The file's number of channels.

    Returns
    -------
    tuple or None
        As ``audio.speakers.order_of`` gives it; None if the layout is not known, or is not that of
        so many channels.
    """
    if len(content) < _HEAD.size:
        return None
    tag, bitmap, count = _HEAD.unpack_from(content)
    number = tag >> 16
    if tag == _USE_BITMAP:
        if bitmap & ~KNOWN_BITS or bitmap.bit_count() != channels:
            return None
        return SpeakerLayout(bitmap), None
    if tag == _USE_DESCRIPTIONS:
        return _described(content, min(count, channels), channels)
    if tag & 0xFFFF != channels:
        return None
    if number in (_B_FORMAT, *_ACN):
        return SpeakerLayout(0, is_ambisonic=True), None
    if number == _DISCRETE:
        return SpeakerLayout(0), None
    names = _SPEAKERS_OF_TAG.get(number, "").split()
    if len(names) != channels:
        return None
    return order_of([SPEAKERS.index(name) for name in names])


def layout_chunk(speakers: SpeakerLayout, channels: int) -> bytes:
    """Return the content of a chunk for a layout, whose channels have the order of WAVE."""
    if speakers.is_ambisonic:
        number = _B_FORMAT if channels == 4 else _ACN[0]
        return _HEAD.pack(number << 16 | channels, 0, 0)
    if speakers.mask == 0:
        return _HEAD.pack(_DISCRETE << 16 | channels, 0, 0)
    return _HEAD.pack(_USE_BITMAP, speakers.mask or 0, 0)


def _described(
    content: bytes, count: int, channels: int
) -> tuple[SpeakerLayout, tuple[int, ...] | None] | None:
    places = [_HEAD.size + _DESCRIPTION_BYTES * number for number in range(count)]
    if count < channels or len(content) < places[-1] + 4:
        return None
    labels = [int.from_bytes(content[place : place + 4], "big") for place in places]
    if all(label in _AMBISONIC_LABELS for label in labels):
        return SpeakerLayout(0, is_ambisonic=True), None
    bits = [_LABELS.get(label, label - 1 if label else None) for label in labels]
    if any(label in (33, 34) for label in labels):
        # With a pair behind them, the surrounds are those at the sides.
        bits = [
            _SIDE_OF_BACK.get(bit, bit) if label < 33 and bit is not None else bit
            for label, bit in zip(labels, bits, strict=True)
        ]
    return order_of(bits)
