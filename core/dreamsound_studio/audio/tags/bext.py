"""The Broadcast Audio Extension chunk, ``bext``.

References
----------
EBU Tech 3285, "Specification of the Broadcast Wave Format", version 2, 2011; EBU R 98, "Format for
the CodingHistory field", 1999.
"""

from __future__ import annotations

import struct

from dreamsound_studio.audio.tags.facts import RenderFacts

# Byte offsets.
_DESCRIPTION_BYTES, _BYTES = 256, 602
_TIME_REFERENCE, _VERSION, _UMID, _LOUDNESS = 338, 346, 348, 412
#: Value of an unused loudness field.
_UNUSED = 0x7FFF


def dreamed_bext(content: bytes, facts: RenderFacts) -> bytes:
    """Return a source's ``bext`` as it is true of a render.

    The description begins with what the render is, the coding history ends with a line for it, and
    the time reference is that of its first sample. Originator, date and time remain: they are the
    recording's. The UMID and measured loudness belong to another sound, so they are cleared.

    Parameters
    ----------
    content : bytes
        The chunk; a short one is filled up with zeros, an empty one gives an empty one.
    facts : RenderFacts
        Of the render; its start is a number.
    """
    if not content:
        return b""
    out = bytearray(content[:_BYTES].ljust(_BYTES, b"\0"))
    history = content[_BYTES:].rstrip(b"\0\r\n")
    before = bytes(out[:_DESCRIPTION_BYTES]).split(b"\0")[0].strip()
    out[:_DESCRIPTION_BYTES] = described(before, facts).ljust(_DESCRIPTION_BYTES, b"\0")
    (reference,) = struct.unpack_from("<Q", out, _TIME_REFERENCE)
    start = facts.start or 0
    struct.pack_into("<Q", out, _TIME_REFERENCE, min(reference + start, 2**64 - 1))
    (version,) = struct.unpack_from("<H", out, _VERSION)
    if version >= 1:
        out[_UMID : _UMID + 64] = bytes(64)
    if version >= 2:
        struct.pack_into("<5H", out, _LOUDNESS, *[_UNUSED] * 5)
    lines = [line.strip(b"\r") for line in history.split(b"\n") if line.strip()]
    lines.append(facts.coding.encode("ascii", "replace"))
    return bytes(out) + b"".join(line + b"\r\n" for line in lines)


def described(before: bytes, facts: RenderFacts, most: int = _DESCRIPTION_BYTES) -> bytes:
    """Return a description: what the render is, then the source's own as far as there is room.

    Parameters
    ----------
    before : bytes
        The source's description, in its own encoding.
    facts : RenderFacts
        Of the render.
    most : int, optional
        Bytes that there is room for.
    """
    words = facts.description.encode("utf-8", "replace")
    if before.startswith(words):  # of the same sound before
        return before[:most]
    whole = words + b": " + before if before else words
    if len(whole) <= most:
        return whole
    cut = whole[:most]
    try:
        whole.decode("utf-8")
    except UnicodeDecodeError:  # another encoding, of one byte for each character
        return cut
    return cut.decode("utf-8", "ignore").encode("utf-8")
