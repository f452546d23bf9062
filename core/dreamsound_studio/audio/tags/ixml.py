"""iXML documents: read as recorders and programs write them, and made true of a render.

References
----------
Gallery Software, "iXML specification", revision 3.01, http://www.gallery.co.uk/ixml. The elements
of ``USER`` and ``ASWG`` that hold a category are those of UCS tools and of Sony's ASWG-G006.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from xml.etree import ElementTree as ET

from dreamsound_studio.audio.tags.bext import described
from dreamsound_studio.audio.tags.facts import RenderFacts

#: The element that holds the recipe.
ELEMENT = "DREAMSOUND"
_ROOT = "BWFXML"
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_PROLOGUE = re.compile(r"^.*?(?=<BWFXML[\s>])", re.DOTALL)
#: What XML 1.0 allows no document to contain.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BARE_AMPERSAND = re.compile(r"&(?!#\d{1,7};|#x[0-9a-fA-F]{1,6};|(?:amp|lt|gt|quot|apos);)")
_MOST_NUMBER = 2**64 - 1
#: Fields of USER in which UCS tools look for a category.
_CATEGORY_FIELDS = ("CATID", "CATEGORY", "SUBCATEGORY", "CATEGORYFULL")


def noted_ixml(content: bytes, facts: RenderFacts) -> bytes:
    """Return an iXML document that is true of a render; UTF-8.

    It has the note, the source's name and ID as its parent's, and its own ID; time stamps and sync
    points are shifted, measured loudness and tracks that are gone are removed, and other elements
    remain.

    Parameters
    ----------
    content : bytes
        The source's iXML; one that cannot be read is replaced by a new document.
    facts : RenderFacts
        Of the render.
    """
    root = parsed(content)
    if root is None:
        root = ET.Element(_ROOT)
        ET.SubElement(root, "IXML_VERSION").text = "3.01"
    else:
        _make_true(root, facts)
    _categorise(root, facts)
    for old in root.findall(ELEMENT):
        root.remove(old)
    ET.SubElement(root, ELEMENT).text = facts.note
    document: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document


def note_in(content: bytes) -> str:
    """Return the note stored in an iXML document; empty if there is none."""
    root = parsed(content)
    return "" if root is None else root.findtext(ELEMENT, "")


def says_only_ours(content: bytes) -> bool:
    """Return whether a document says nothing but what DreamSound wrote into it."""
    root = parsed(content)
    if root is None or root.find(ELEMENT) is None:
        return False
    names = {str(element.tag) for element in (*root, *root.findall("USER/*"))}
    return names <= {"IXML_VERSION", ELEMENT, "USER", *_CATEGORY_FIELDS}


def parsed(content: bytes) -> ET.Element | None:
    """Return the root of an iXML document; None for another, or for what is none.

    What precedes the root and follows it is ignored: recorders fill the chunk up, and write line
    breaks, marks of byte order and wrong encodings. So are characters that XML forbids.
    """
    text = _text(content)
    # A document type can declare entities that expand without limit; iXML has none.
    if not text or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    end = text.rfind(f"</{_ROOT}")
    if end >= 0:
        text = text[: end + len(_ROOT) + 2] + ">"
    text = _PROLOGUE.sub("", text, count=1)
    text = _FORBIDDEN.sub("", text)
    builder = ET.TreeBuilder(insert_comments=True, insert_pis=True)
    for mended in (text, _BARE_AMPERSAND.sub("&amp;", text)):
        try:
            root: ET.Element = ET.fromstring(mended, ET.XMLParser(target=builder))
        except (ET.ParseError, LookupError, ValueError):
            builder = ET.TreeBuilder(insert_comments=True, insert_pis=True)
            continue
        return root if root.tag == _ROOT else None
    return None


def _text(content: bytes) -> str:
    """Return a document as text, whatever its encoding."""
    content = content.lstrip(b" \t\r\n")
    for bom, name in _BOMS.items():
        if content.startswith(bom):
            return content.decode(name, "ignore").lstrip("\ufeff")
    if content[:2] == b"<\0":
        return content.decode("utf-16-le", "ignore")
    if content[:2] == b"\0<":
        return content.decode("utf-16-be", "ignore")
    # Garbage behind the document is of no encoding.
    end = content.rfind(f"</{_ROOT}".encode())
    content = content[: end + len(_ROOT) + 3] if end >= 0 else content.rstrip(b"\0")
    declared = _DECLARED.match(content)
    names = ["utf-8", declared[1].decode("ascii") if declared else "cp1252", "latin-1"]
    for name in names:
        try:
            return content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return ""


def _make_true(root: ET.Element, facts: RenderFacts) -> None:
    start = facts.start or 0
    _shift(root, "BEXT/BWF_TIME_REFERENCE_{}", ("HIGH", "LOW"), start)
    _shift(root, "SPEED/TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_{}", ("HI", "LO"), start)
    for points in root.findall("SYNC_POINT_LIST"):
        _shift_sync_points(points, start, facts.length)
    depth = root.find("SPEED/AUDIO_BIT_DEPTH")
    if depth is not None:
        depth.text = facts.bits.removesuffix("f")
    description = root.find("BEXT/BWF_DESCRIPTION")
    if description is not None:
        before = (description.text or "").strip().encode("utf-8")
        words = described(before, facts).decode("utf-8", "ignore")
        description.text = _FORBIDDEN.sub("", words)
    history = root.find("BEXT/BWF_CODING_HISTORY")
    if history is not None:
        lines = [line.strip() for line in (history.text or "").splitlines() if line.strip()]
        history.text = "\r\n".join([*lines, facts.coding]) + "\r\n"
    untrue = root.findall("LOUDNESS")
    if not facts.has_all_channels:
        untrue += root.findall("TRACK_LIST")
    for element in untrue:
        root.remove(element)
    for bext in root.findall("BEXT"):
        for field in [*bext]:
            if str(field.tag).startswith("BWF_LOUDNESS") or field.tag in _MEASURED:
                bext.remove(field)
    own = root.find("FILE_UID")
    if own is not None:
        parents = root.find("HISTORY")
        parents = ET.SubElement(root, "HISTORY") if parents is None else parents
        _set(parents, "PARENT_FILENAME", facts.source)
        _set(parents, "PARENT_UID", (own.text or "").strip())
        own.text = hashlib.sha256(facts.note.encode()).hexdigest()[:32].upper()


#: Fields of BEXT that were measured of the source, or name its file.
_MEASURED = (
    "BWF_MAX_TRUE_PEAK_LEVEL",
    "BWF_MAX_MOMENTARY_LOUDNESS",
    "BWF_MAX_SHORT_TERM_LOUDNESS",
    "BWF_UMID",
)


def _categorise(root: ET.Element, facts: RenderFacts) -> None:
    """Write the UCS category of a render where UCS tools look for it."""
    if not facts.category:
        return
    catid, category, subcategory = facts.category
    user = root.find("USER")
    user = ET.SubElement(root, "USER") if user is None else user
    values = (catid, category, subcategory, f"{category}-{subcategory}")
    for name, value in zip(_CATEGORY_FIELDS, values, strict=True):
        if value.strip("-"):
            _set(user, name, value)
    sony = root.find("ASWG")
    if sony is not None:
        for name, value in zip(("catId", "category", "subCategory"), facts.category, strict=True):
            if value:
                _set(sony, name, value)


def _set(parent: ET.Element, name: str, text: str) -> None:
    """Set the text of an element, which is found whatever its case, or added."""
    text = _FORBIDDEN.sub("", text)
    for child in parent:
        if str(child.tag).upper() == name.upper():
            child.text = text
            return
    ET.SubElement(parent, name).text = text


def _shift(root: ET.Element, place: str, halves: tuple[str, str], start: int) -> None:
    """Add to a 64-bit number stored as two 32-bit halves, the upper one first."""
    upper, lower = (root.find(place.format(half)) for half in halves)
    value = _number(upper, lower)
    if upper is not None and lower is not None and value is not None:
        value = min(value + start, _MOST_NUMBER)
        upper.text, lower.text = str(value >> 32), str(value & 0xFFFFFFFF)


def _number(upper: ET.Element | None, lower: ET.Element | None) -> int | None:
    if upper is None or lower is None:
        return None
    texts = (upper.text or "").strip(), (lower.text or "").strip()
    if not all(text.isascii() and text.isdigit() and len(text) < 12 for text in texts):
        return None
    return (int(texts[0]) << 32) + int(texts[1])


def _shift_sync_points(points: ET.Element, start: int, length: int) -> None:
    """Shift the sync points that count from the start of the file; remove those outside."""
    for point in points.findall("SYNC_POINT"):
        if (point.findtext("SYNC_POINT_TYPE") or "").strip().upper() != "RELATIVE":
            continue
        upper, lower = point.find("SYNC_POINT_HIGH"), point.find("SYNC_POINT_LOW")
        value = _number(upper, lower)
        if upper is None or lower is None or value is None:
            continue
        if not start <= value < start + length:
            points.remove(point)
            continue
        upper.text, lower.text = str(value - start >> 32), str(value - start & 0xFFFFFFFF)
    count = points.find("SYNC_POINT_COUNT")
    if count is not None:
        count.text = str(len(points.findall("SYNC_POINT")))
