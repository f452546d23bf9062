"""Speaker layouts: which channel is for which speaker, and in which order files have them.

In memory, channels have the order of WAVE: that of the bits of the mask below. Vorbis and Opus have
another one, and so do some layouts of AIFF and CAF; files are brought into the order of WAVE when
they are read, and into their own when they are written.

References
----------
Microsoft, "Multiple channel audio data and WAVE files" (2007), for the mask; the names of layouts
are those of ffmpeg. Vorbis I specification, section 4.3.9, and RFC 7845, section 5.1.1.2, for the
order of Vorbis and Opus; RFC 9639, section 9.1.3, for the layouts of FLAC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: The speakers by the bits of a mask, from the lowest on.
SPEAKERS = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR"),
    *("TC", "TFL", "TFC", "TFR", "TBL", "TBC", "TBR"),
)
#: Bits that name a speaker.
KNOWN_BITS = (1 << len(SPEAKERS)) - 1

_NAMES = {
    0x4: "mono",
    0x3: "stereo",
    0xB: "2.1",
    0x7: "3.0",
    0x103: "3.0(back)",
    0xF: "3.1",
    0x107: "4.0",
    0x33: "quad",
    0x603: "quad(side)",
    0x10F: "4.1",
    0x37: "5.0",
    0x607: "5.0(side)",
    0x3F: "5.1",
    0x60F: "5.1(side)",
    0x707: "6.0",
    0x70F: "6.1",
    0x13F: "6.1(back)",
    0x637: "7.0",
    0x63F: "7.1",
    0xFF: "7.1(wide)",
    0x6CF: "7.1(wide-side)",
    0x560F: "5.1.2",
    0x2D60F: "5.1.4",
    0x563F: "7.1.2",
    0x2D63F: "7.1.4",
}
#: What a number of channels means where a file of FLAC, Vorbis or Opus says no more.
DEFAULT_MASKS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
#: Those of FLAC: other programs take its surrounds for the ones at the sides.
DEFAULT_MASKS_OF_FLAC = DEFAULT_MASKS | {5: 0x607, 6: 0x60F}
#: Beyond 8 channels the order of Vorbis is the application's own: here that of WAVE, for the one
#: layout that other programs take 12 channels for.
DEFAULT_MASKS_OF_VORBIS = DEFAULT_MASKS | {12: 0x2D63F}
#: 6.1 whose surrounds are at the back: the only layout with a place in Vorbis and Opus whose
#: channels are not in the order of the usual one.
_BACK_6_1 = 0x13F
#: Masks whose speakers have a place in Vorbis and Opus, which know one pair of surrounds in up to 7
#: channels: at the sides or at the back.
_IN_OGG = {*DEFAULT_MASKS.values(), 0x603, 0x607, 0x60F, _BACK_6_1}
#: For each channel of Vorbis and Opus, which one it is in the order of WAVE.
_OGG_ORDER = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 4, 5, 3),
    7: (0, 2, 1, 5, 6, 4, 3),
    8: (0, 2, 1, 6, 7, 4, 5, 3),
}
_OGG_FORMATS = ("ogg", "opus")


@dataclass(frozen=True)
class SpeakerLayout:
    """The speakers of a sound's channels.

    Attributes
    ----------
    mask : int or None
        A bit for each speaker, as in WAVE_FORMAT_EXTENSIBLE; channels beyond its bits have none, so
        0 is for channels that are not for speakers. None where a file does not say.
    is_ambisonic : bool
        Whether the channels are an ambisonic sound field, the first of them its omnidirectional W;
        the mask is then 0.
    """

    mask: int | None = None
    is_ambisonic: bool = False

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers, in the order of the channels."""
        return tuple(name for bit, name in enumerate(SPEAKERS) if (self.mask or 0) >> bit & 1)

    @property
    def name(self) -> str:
        """The layout's name, such as ``5.1(side)``; of an unusual one, its speakers."""
        if self.is_ambisonic:
            return "ambisonic"
        return _NAMES.get(self.mask or 0) or "+".join(self.speakers) or "unknown"

    def in_words(self, channels: int) -> str:
        """Return the layout's name, its speakers, and the channels without one."""
        rest = channels - len(self.speakers)
        parts = [" ".join(self.speakers), f"{rest} without a speaker" if rest else ""]
        return f"{self.name} ({', '.join(filter(None, parts))})"

    def or_default(self, channels: int) -> SpeakerLayout:
        """Return this layout, or the usual one for so many channels if it names no speaker."""
        if self.mask or self.is_ambisonic:
            return self
        return SpeakerLayout(DEFAULT_MASKS.get(channels))

    def fits(self, file_format: str, channels: int) -> bool:
        """Return whether files of a format can have these speakers.

        Parameters
        ----------
        file_format : str
            One of ``audio.formats.FORMATS``.
        channels : int
            Number of channels.
        """
        if file_format not in _OGG_FORMATS or channels == 1:
            return True
        if channels == 12 and self.mask == DEFAULT_MASKS_OF_VORBIS[12]:
            return file_format == "ogg"
        return channels in DEFAULT_MASKS and self.or_default(channels).mask in _IN_OGG


#: Of a file that does not say.
UNKNOWN = SpeakerLayout()


def order_in(file_format: str, speakers: SpeakerLayout, channels: int) -> tuple[int, ...] | None:
    """Return which channel of a sound is at each place in a file; None if all keep their places.

    Parameters
    ----------
    file_format : str
        One of ``audio.formats.FORMATS``.
    speakers : SpeakerLayout
        Of the sound, whose channels are in the order of WAVE.
    channels : int
        Number of channels.
    """
    if file_format not in _OGG_FORMATS:
        return None
    if speakers.mask == _BACK_6_1:
        return (0, 2, 1, 4, 5, 6, 3)
    return _OGG_ORDER.get(channels)


def order_of(bits: Sequence[int | None]) -> tuple[SpeakerLayout, tuple[int, ...] | None]:
    """Return the layout of channels for given speakers, and the order that WAVE has them in.

    Parameters
    ----------
    bits : sequence of int or None
        The bit of each channel's speaker, in the order of a file; None for a channel without one.

    Returns
    -------
    layout : SpeakerLayout
        Unknown where two channels have the same speaker, or only some have one.
    order : tuple of int or None
        Which channel of the file is at each place; None if all keep their places.
    """
    known = [bit for bit in bits if bit is not None and bit < len(SPEAKERS)]
    if len(known) < len(bits) or len(set(known)) < len(known):
        return SpeakerLayout(), None
    order = tuple(sorted(range(len(known)), key=known.__getitem__))
    layout = SpeakerLayout(sum(1 << bit for bit in known))
    return layout, None if order == tuple(range(len(order))) else order
