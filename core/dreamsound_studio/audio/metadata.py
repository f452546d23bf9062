"""Carry a source's metadata over to its renders, and make it true of them.

What each kind of chunk says is in ``audio.tags``; here is decided what goes into which format. What
is true of the source only is left behind, and named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dreamsound_studio.audio.formats import FileFormat
from dreamsound_studio.audio.riff import (
    HEADS,
    MOST_CHUNK_BYTES,
    chunks_of,
)
from dreamsound_studio.audio.tags import caf, flac, id3, iff, info
from dreamsound_studio.audio.tags.bext import dreamed_bext
from dreamsound_studio.audio.tags.caf import chunks_of_caf
from dreamsound_studio.audio.tags.cues import (
    cues_from,
    labels_of,
    markers_in,
    shifted_cues,
    shifted_sampler,
)
from dreamsound_studio.audio.tags.facts import RenderFacts
from dreamsound_studio.audio.tags.iff import chunks_of_iff
from dreamsound_studio.audio.tags.ixml import noted_ixml, parsed, says_only_ours
from dreamsound_studio.audio.tags.markers import SoundMarker, within
from dreamsound_studio.errors import AudioFileError

BEXT, CUE, LABELS, SAMPLER, IXML = b"bext", b"cue ", b"LIST:adtl", b"smpl", b"iXML"
INFO, ID3 = b"LIST:INFO", b"id3 "
#: Chunks that are true of any part of a sound, and of a dream of it.
AS_THEY_ARE = (b"inst", b"DISP", b"_PMX")
#: Chunks that are true of a render that is as long as its source: they count its beats or its time.
OF_THE_WHOLE = (b"acid", b"cart", b"axml", b"chna")
#: Bytes of the type that a ``LIST`` begins with.
_LIST_TYPE_BYTES = 4
#: XMP can have markers, whose time is the file's.
_XMP, _XMP_TIMES = b"_PMX", b"startTime"
#: Chunks that belong to a file rather than a sound: its format, samples, peaks and padding.
_OF_THE_FILE = (
    *(b"fmt ", b"data", b"ds64", b"fact", b"PEAK", b"levl", b"JUNK", b"junk", b"PAD ", b"FLLR"),
    *(b"filr", b"umid", b"MD5 "),
)
_OF_THE_AIFF = (b"COMM", b"SSND", b"FVER", b"CHAN", b"PEAK", b"FLLR", b"NAME", b"AUTH", b"(c) ")
_OF_THE_CAF = (b"desc", b"data", b"chan", b"free", b"info", b"pakt", b"kuki", b"ovvw", b"peak")
#: Chunks of Apple's loops, true of a render that is as long as its source.
_APPLE_LOOP = (b"basc", b"trns", b"cate")
#: Bytes of all chunks that are kept together: below what a RIFF may exceed its samples by.
MOST_BYTES = 12 * 2**20


@dataclass
class SourceMetadata:
    """What a source says beside its samples.

    Attributes
    ----------
    riff : dict
        Chunks of a WAV by name, the first of each.
    iff : list of (bytes, bytes)
        Chunks of an AIFF, in order.
    caf : dict
        Chunks of a CAF by name.
    comments, pictures : list of bytes
        Comments of a FLAC or Ogg that libsndfile does not carry over, and pictures of a FLAC.
    markers : list of SoundMarker
        Its cue points or markers.
    tag : id3.Tag or None
        Its ID3 tag.
    unreadable : list of str
        Chunks that are cut off or too large, or repeat another, and other content that no render
        has.
    """

    riff: dict[bytes, bytes] = field(default_factory=dict)
    iff: list[tuple[bytes, bytes]] = field(default_factory=list)
    caf: dict[bytes, bytes] = field(default_factory=dict)
    comments: list[bytes] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    markers: list[SoundMarker] = field(default_factory=list)
    tag: id3.Tag | None = None
    unreadable: list[str] = field(default_factory=list)


@dataclass
class Carried:
    """The metadata of a render.

    Attributes
    ----------
    first : dict
        Chunks that a WAV begins with.
    chunks : dict
        Further chunks of a WAV, by name.
    iff, caf : list of (bytes, bytes)
        Chunks of an AIFF, or of a CAF.
    comments, pictures : list of bytes
        Further comments of a FLAC, and its pictures.
    tag : id3.Tag or None
        What the tag of an MP3 has beside text.
    left : list of str
        What is left behind, as a person knows it.
    """

    first: dict[bytes, bytes] = field(default_factory=dict)
    chunks: dict[bytes, bytes] = field(default_factory=dict)
    iff: list[tuple[bytes, bytes]] = field(default_factory=list)
    caf: list[tuple[bytes, bytes]] = field(default_factory=list)
    comments: list[bytes] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    tag: id3.Tag | None = None
    left: list[str] = field(default_factory=list)

    @property
    def other_chunks(self) -> dict[bytes, bytes]:
        """The further chunks without the text, which is written with the tags."""
        return {name: content for name, content in self.chunks.items() if name != INFO}


def read_metadata(path: Path | None) -> SourceMetadata:
    """Return what a file says beside its samples.

    Parameters
    ----------
    path : pathlib.Path or None
        A file of any format; None, and a file that is gone, have nothing to say.

    Raises
    ------
    AudioFileError
        The file cannot be read.
    """
    found = SourceMetadata()
    if path is None or not path.is_file():
        return found
    try:
        with path.open("rb") as file:
            head = file.read(10)
            if head[:4] in HEADS:
                _read_wav(file, found)
            elif head[:4] == b"FORM":
                _read_aiff(file, found)
            elif head[:4] == b"caff":
                _read_caf(file, found)
            elif head[:4] == b"fLaC":
                _read_flac(file, found)
            elif head[:4] == b"OggS":
                found.comments = flac.other_comments(flac.ogg_comments(head + file.read(2**16)))
            elif 0 < id3.size_of(head) <= MOST_CHUNK_BYTES:
                tag = head + file.read(id3.size_of(head) - len(head))
                found.tag = _tag_in(tag, found)
                file.seek(id3.size_of(head))
                if file.read(4) == b"fLaC":
                    _read_flac(file, found)
    except OSError as error:
        raise AudioFileError(f"{path}: {error.strerror or error}") from error
    return found


def _tag_in(content: bytes, found: SourceMetadata) -> id3.Tag | None:
    """Return a file's ID3 tag; note one of a version that is not read."""
    tag = id3.tag_in(content)
    if tag is None and content[id3.HEAD_BYTES :].strip(b"\0"):
        found.unreadable.append("ID3")
    return tag


def _read_wav(file: BinaryIO, found: SourceMetadata) -> None:
    places = []
    for chunk in chunks_of(file):
        places.append((chunk.name, chunk.start, chunk.size))
        if chunk.name == b"data" and chunk.size == 0:
            break  # a recording that was never finished: what follows are its samples
    for name, content in _contents(file, places, _OF_THE_FILE, found):
        name = ID3 if name == iff.ID3 else name  # some programs write an AIFF's
        if name not in found.riff:
            found.riff[name] = content
        elif name in (INFO, LABELS):
            found.riff[name] += content[_LIST_TYPE_BYTES:]
        else:
            found.unreadable.append(f"a second {_shown(name)}")
    found.markers = markers_in(found.riff.get(CUE, b""), found.riff.get(LABELS, b""))
    found.tag = _tag_in(found.riff.get(ID3, b""), found)


def _read_aiff(file: BinaryIO, found: SourceMetadata) -> None:
    found.iff = list(_contents(file, list(chunks_of_iff(file)), _OF_THE_AIFF, found))
    chunks = dict(reversed(found.iff))
    found.markers = [*iff.numbered_markers(chunks.get(iff.MARKERS, b"")).values()]
    found.tag = _tag_in(chunks.get(iff.ID3, b""), found)


def _read_caf(file: BinaryIO, found: SourceMetadata) -> None:
    found.caf = dict(_contents(file, list(chunks_of_caf(file)), _OF_THE_CAF, found))
    marks, strings = (found.caf.get(name, b"") for name in (caf.MARKERS, caf.STRINGS))
    found.markers = caf.marks_in(marks, strings)


def _read_flac(file: BinaryIO, found: SourceMetadata) -> None:
    blocks = flac.blocks_in(file)
    comments = [one for block in blocks.get(flac.COMMENT, []) for one in flac.comments_in(block)]
    found.comments = flac.other_comments(comments)
    found.pictures = blocks.get(flac.PICTURE, [])
    found.markers = flac.chapters_in(comments, blocks.get(0, [b""])[0])
    if flac.CUESHEET in blocks:
        found.unreadable.append("CUESHEET")
    if flac.APPLICATION in blocks:
        found.unreadable.append("APPLICATION")


def _contents(
    file: BinaryIO,
    places: list[tuple[bytes, int, int]],
    skipped: tuple[bytes, ...],
    found: SourceMetadata,
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks that are complete and not too large; note the others."""
    total = 0
    for name, start, size in places:
        if name in skipped or not size:
            continue
        content = b""
        if 0 < size <= MOST_CHUNK_BYTES and total + size <= MOST_BYTES:
            file.seek(start)
            content = file.read(size)
        if name.startswith(b"LIST") and not content.strip(b"\0"):
            continue  # recorders reserve space so
        if len(content) == size:
            total += size
            yield name, content
        else:
            found.unreadable.append(_shown(name))


def carried(source: SourceMetadata, facts: RenderFacts, file_format: FileFormat) -> Carried:
    """Return the metadata of a render.

    Parameters
    ----------
    source : SourceMetadata
        What its source says.
    facts : RenderFacts
        What is true of the render.
    file_format : str
        Its format.
    """
    made = Carried(left=[*source.unreadable])
    if source.tag is not None:
        is_whole = facts.is_whole and facts.start is not None
        made.tag = id3.true_of_render(source.tag, is_whole)
    if file_format == "wav":
        _into_wav(source, facts, made)
    elif file_format == "aiff":
        _into_aiff(source, facts, made)
    else:
        held: tuple[bytes, ...] = (INFO, ID3, LABELS, iff.ID3, iff.ANNOTATION, caf.STRINGS)
        if file_format == "caf" and facts.start is not None:
            made.caf = caf.marks_from(within(source.markers, facts.start, facts.reach))
        if file_format == "flac":
            made.comments, made.pictures = [*source.comments], [*source.pictures]
            if facts.start is not None:
                markers = within(source.markers, facts.start, facts.reach)
                made.comments += flac.chapters_from(markers, facts.sample_rate_hz)
        if file_format in ("caf", "flac") and facts.start is not None:
            held = (*held, CUE, iff.MARKERS, caf.MARKERS)
        names = [*source.riff, *(name for name, _ in source.iff), *source.caf]
        made.left += [_shown(name) for name in names if name not in held]
        if source.tag is not None and file_format != "mp3":
            made.left.append("ID3")
    if file_format != "flac":
        made.left += [f"comment {flac.comment_key(comment)}" for comment in source.comments]
        made.left += ["pictures"] if source.pictures else []
    if file_format != "wav":
        made.left += info.others_in(source.riff.get(INFO, b""))
    if says_only_ours(source.riff.get(IXML, b"")):
        made.left = [name for name in made.left if name != _shown(IXML)]
    made.left = list(dict.fromkeys(made.left))
    return made


def _into_wav(source: SourceMetadata, facts: RenderFacts, made: Carried) -> None:
    found, start, chunks = source.riff, facts.start, made.chunks
    if INFO in found:
        chunks[INFO] = found[INFO]
    if start is not None:
        made.first = _filled({BEXT: dreamed_bext(found.get(BEXT, b""), facts)})
        if CUE in found:
            chunks[CUE], names = shifted_cues(found[CUE], start, facts.reach)
            chunks[LABELS] = labels_of(found.get(LABELS, b""), names)
        else:
            chunks[CUE], chunks[LABELS] = cues_from(within(source.markers, start, facts.reach))
        chunks[SAMPLER] = shifted_sampler(found.get(SAMPLER, b""), start, facts.length)
    chunks |= _whole_chunks(source, facts, made)
    if made.tag is not None:
        chunks[ID3] = id3.packed(made.tag)
    is_timed = start is not None
    ixml = found.get(IXML, b"") if is_timed else b""
    chunks[IXML] = noted_ixml(ixml, facts)
    if IXML in found and (not is_timed or parsed(ixml) is None):
        made.left.append("iXML" if is_timed else "iXML (its time)")
    timed = () if is_timed else (BEXT, CUE, SAMPLER)
    handled = (BEXT, CUE, LABELS, SAMPLER, IXML, INFO, ID3, *AS_THEY_ARE, *OF_THE_WHOLE)
    made.left += [_shown(name) for name in found if name in timed or name not in handled]
    known: tuple[bytes, ...] = (iff.ID3, iff.ANNOTATION, caf.STRINGS)
    known = (*known, iff.MARKERS, caf.MARKERS) if is_timed else known
    others = [*(name for name, _ in source.iff), *source.caf]
    made.left += [_shown(name) for name in others if name not in known]
    made.chunks = _filled(chunks)


def _whole_chunks(source: SourceMetadata, facts: RenderFacts, made: Carried) -> dict[bytes, bytes]:
    """Return the chunks that are copied as they are, where they are true of the render."""
    kept = {}
    is_whole = facts.is_whole and facts.start == 0
    for name, content in source.riff.items():
        if name in AS_THEY_ARE:
            if name != _XMP or is_whole or _XMP_TIMES not in content:
                kept[name] = content
            else:
                made.left.append("XMP (its time)")
        elif name in OF_THE_WHOLE:
            if is_whole and (facts.has_all_channels or name not in (b"axml", b"chna")):
                kept[name] = content
            else:
                made.left.append(_shown(name))
    return kept


def _into_aiff(source: SourceMetadata, facts: RenderFacts, made: Carried) -> None:
    start = facts.start
    numbered = {} if source.iff else dict(enumerate(source.markers, 1))
    for name, content in source.iff:
        if name == iff.MARKERS:
            numbered = iff.numbered_markers(content)
    kept = {}
    if start is not None:
        for number, marker in numbered.items():
            moved = within([marker], start, facts.reach)
            if moved:
                kept[number] = moved[0]
        made.iff.append((iff.MARKERS, iff.marker_chunk(kept)))
    for name, content in source.iff:
        if name == iff.INSTRUMENT:
            made.iff.append((name, iff.instrument(content, kept)))
        elif name == iff.COMMENTS:
            made.iff.append((name, iff.comments(content, kept)))
        elif name in _APPLE_LOOP and facts.is_whole and start == 0:
            made.iff.append((name, content))
        elif name not in (iff.MARKERS, iff.ID3, iff.ANNOTATION):
            made.left.append(_shown(name))
    if start is None and source.iff and numbered:
        made.left.append(_shown(iff.MARKERS))
    if made.tag is not None:
        made.iff.append((iff.ID3, id3.packed(made.tag)))
    held = (INFO, ID3, LABELS, caf.STRINGS, *((CUE, caf.MARKERS) if start is not None else ()))
    made.left += [_shown(name) for name in (*source.riff, *source.caf) if name not in held]
    made.iff = [(name, content) for name, content in made.iff if content]


def _filled(chunks: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {name: content for name, content in chunks.items() if content}


def _shown(name: bytes) -> str:
    """Return the name of a chunk as a person knows it."""
    known = {
        CUE: "cue points",
        LABELS: "cue labels",
        SAMPLER: "smpl loops",
        b"_PMX": "XMP",
        iff.MARKERS: "markers",
        caf.MARKERS: "markers",
    }
    return known.get(name) or "".join(chr(byte) for byte in name if 0x20 <= byte < 0x7F).strip()
