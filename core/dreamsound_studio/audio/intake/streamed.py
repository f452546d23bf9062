"""Files whose header leaves the length open, as programs write them to a pipe: FLAC, CAF and AU.

Of FLAC the samples are counted once; CAF and AU end where the file does.
"""

from __future__ import annotations

import os
from pathlib import Path

from dreamsound_studio.audio.intake.mended import UNFINISHED, Mended, native_path
from dreamsound_studio.audio.intake.pieced import FilePart, Slice

#: Where FLAC's STREAMINFO has the total number of samples: the lower 36 of 64 bits.
_FLAC_TOTAL_AT, _FLAC_TOTAL_MASK = 18, 2**36 - 1
_FLAC_HEAD_BYTES, _FLAC_STREAMINFO = 26, 0
_CAF_HEAD_BYTES, _CAF_CHUNK_BYTES, _MOST_CHUNKS = 8, 12, 1000
_AU_SIZE_AT, _AU_HEAD_BYTES = 8, 24
_COUNTED_SAMPLES = 2**18


def mended_flac(path: Path) -> Mended | None:
    """Return a FLAC file with the number of its samples; None if it says how many there are."""
    with path.open("rb") as file:
        head = file.read(_FLAC_HEAD_BYTES)
        size = file.seek(0, os.SEEK_END)
    if len(head) < _FLAC_HEAD_BYTES or head[4] & 0x7F != _FLAC_STREAMINFO:
        return None
    value = int.from_bytes(head[_FLAC_TOTAL_AT:], "big")
    if value & _FLAC_TOTAL_MASK:
        return None
    total = _counted(path)
    known = (value | min(total, _FLAC_TOTAL_MASK)).to_bytes(8, "big")
    rest = Slice(_FLAC_HEAD_BYTES, size - _FLAC_HEAD_BYTES)
    return Mended(((head[:_FLAC_TOTAL_AT] + known, rest),)) if total else None


def _counted(path: Path) -> int:
    """Return how many samples can be decoded."""
    import soundfile

    done = 0
    with soundfile.SoundFile(native_path(path)) as sound:
        size = 2 * sound.channels * _COUNTED_SAMPLES
        block = soundfile._ffi.new("char[]", size)
        # soundfile seeks after each read, which fails beyond an unknown end.
        read = soundfile._snd.sf_readf_short
        while count := read(sound._file, soundfile._ffi.cast("short*", block), _COUNTED_SAMPLES):
            done += count
    return int(done)


def mended_caf(path: Path) -> Mended | None:
    """Return a CAF file whose samples end where the file does, if it leaves that open."""
    with path.open("rb") as file:
        total = file.seek(0, os.SEEK_END)
        place = _CAF_HEAD_BYTES
        for _ in range(_MOST_CHUNKS):
            file.seek(place)
            head = file.read(_CAF_CHUNK_BYTES)
            size = int.from_bytes(head[4:], "big", signed=True)
            if len(head) < _CAF_CHUNK_BYTES:
                return None
            start = place + _CAF_CHUNK_BYTES
            if head[:4] == b"data":
                break
            if size < 0:
                return None
            place = start + size
    rest = total - start
    if size > 0 or rest <= 0:
        return None
    pieces: tuple[FilePart, ...] = (
        Slice(0, place + 4),
        rest.to_bytes(8, "big"),
        Slice(start, rest),
    )
    return Mended((pieces,), "" if size < 0 else UNFINISHED)


def mended_au(path: Path) -> Mended | None:
    """Return an AU file whose samples end where the file does, if its length is 0."""
    with path.open("rb") as file:
        head = file.read(_AU_HEAD_BYTES)
        total = file.seek(0, os.SEEK_END)
    start = int.from_bytes(head[4:8], "big")
    size = head[_AU_SIZE_AT : _AU_SIZE_AT + 4]
    if len(head) < _AU_HEAD_BYTES or any(size) or start >= total:
        return None
    after = _AU_SIZE_AT + 4
    pieces = (Slice(0, _AU_SIZE_AT), b"\xff" * 4, Slice(after, total - after))
    return Mended((pieces,), UNFINISHED)
