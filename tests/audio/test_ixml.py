"""iXML: read as programs write it, and true of the render."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.audio.riff import append_chunks, read_chunks
from dreamsound_studio.audio.tags.ixml import note_in, noted_ixml, parsed

from .tagging import BODY, carry, facts, written

DECLARED = "<?xml version='1.0' encoding='{}'?>\n"
DOCUMENTS = {
    "plain": BODY.encode(),
    "line break first": b"\n\r\n" + DECLARED.format("UTF-8").encode() + BODY.encode(),
    "mark of byte order": b"\xef\xbb\xbf" + DECLARED.format("UTF-8").encode() + BODY.encode(),
    "Latin-1": DECLARED.format("ISO-8859-1").encode() + BODY.encode("latin-1"),
    "Latin-1 that claims to be UTF-8": DECLARED.format("UTF-8").encode() + BODY.encode("latin-1"),
    "Latin-1 without a word": BODY.encode("latin-1"),
    "an unknown encoding": DECLARED.format("X-NONE").encode() + BODY.encode("latin-1"),
    "UTF-16": (DECLARED.format("UTF-16") + BODY).encode("utf-16"),
    "UTF-16, big-endian": b"\xfe\xff" + (DECLARED.format("UTF-16") + BODY).encode("utf-16-be"),
    "UTF-16 without a mark": BODY.encode("utf-16-le"),
    "garbage behind": BODY.encode() + b"\0\0\xff\xfe garbage <a",
    "zeros behind": BODY.encode() + bytes(5000),
    "garbage behind UTF-16": BODY.encode("utf-16") + b"\x00\xd8\x01",
    "a bare ampersand": BODY.replace("<X/>", "<X>Rock & Roll &amp; more</X>").encode(),
    "a forbidden character": BODY.replace("<X/>", "<X>\x01\x0b</X>").encode(),
    "beyond 1 MiB": BODY.replace("<X/>", f"<X>{'long ' * 600_000}</X>").encode(),
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_ixml_is_read_whatever_it_looks_like(tmp_path: Path, document: bytes) -> None:
    source = written(tmp_path / "source.wav")
    append_chunks(source, {b"iXML": document})
    assert carry(source, tmp_path / "render.wav") == []
    content = read_chunks(tmp_path / "render.wav", (b"iXML",))[b"iXML"]
    root = ET.fromstring(content)
    assert root.findtext("SCENE") == "Köln"
    mine = root.find("MINE")
    assert mine is not None
    assert mine.get("a") == "1"
    assert len(mine.findtext("X") or "") == {
        "beyond 1 MiB": 3_000_000,
        "a bare ampersand": len("Rock & Roll & more"),
    }.get(next(name for name, one in DOCUMENTS.items() if one is document), 0)
    assert b"<!-- why -->" in content
    assert note_in(content) == '{"render":"dream"}'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_ixml_with_entities_of_its_own_is_not_read(tmp_path: Path, encoding: str) -> None:
    bomb = f"<!DOCTYPE a [<!ENTITY b '{'x' * 100}'>]>{BODY.replace('Köln', '&b;')}"
    assert parsed(bomb.encode(encoding)) is None
    source = written(tmp_path / "source.wav")
    append_chunks(source, {b"iXML": bomb.encode(encoding)})
    assert carry(source, tmp_path / "render.wav") == ["iXML"]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.sampled_from([b"", b"<BWFXML>", b"\xff\xfe<\0B\0"]))
def test_any_bytes_are_an_ixml_or_none(content: bytes, head: bytes) -> None:
    document = noted_ixml(head + content, facts())
    assert note_in(document) == '{"render":"dream"}'


def test_ixml_is_made_true() -> None:
    points = "".join(
        f"<SYNC_POINT><SYNC_POINT_TYPE>{kind}</SYNC_POINT_TYPE><SYNC_POINT_LOW>{low}"
        "</SYNC_POINT_LOW><SYNC_POINT_HIGH>0</SYNC_POINT_HIGH></SYNC_POINT>"
        for kind, low in (("RELATIVE", 50), ("RELATIVE", 130), ("ABSOLUTE", 77))
    )
    document = f"""<BWFXML><FILE_UID>AB12</FILE_UID><LOUDNESS><LOUDNESS_VALUE>-23</LOUDNESS_VALUE>
    </LOUDNESS><SPEED><AUDIO_BIT_DEPTH>16</AUDIO_BIT_DEPTH></SPEED>
    <SYNC_POINT_LIST><SYNC_POINT_COUNT>3</SYNC_POINT_COUNT>{points}</SYNC_POINT_LIST>
    <BEXT><BWF_DESCRIPTION>Rain</BWF_DESCRIPTION><BWF_UMID>00</BWF_UMID></BEXT>
    <TRACK_LIST><TRACK_COUNT>2</TRACK_COUNT></TRACK_LIST>
    <USER><CatID>RAIN</CatID><NOTES>mine</NOTES></USER></BWFXML>"""
    category = ("BIRDSong", "BIRDS", "SONGBIRD")
    made = noted_ixml(document.encode(), facts(start=100, bits="32f", category=category))
    root = ET.fromstring(made)
    assert root.findtext("HISTORY/PARENT_FILENAME") == "rain.wav"
    assert root.findtext("HISTORY/PARENT_UID") == "AB12"
    assert root.findtext("FILE_UID") not in ("AB12", "", None)
    assert root.find("LOUDNESS") is None
    assert root.find("BEXT/BWF_UMID") is None
    assert root.findtext("BEXT/BWF_DESCRIPTION") == "Dream of rain.wav: Rain"
    assert root.findtext("SPEED/AUDIO_BIT_DEPTH") == "32"
    assert root.findtext("TRACK_LIST/TRACK_COUNT") == "2"
    assert root.findtext("SYNC_POINT_LIST/SYNC_POINT_COUNT") == "2"
    assert [low.text for low in root.iter("SYNC_POINT_LOW")] == ["30", "77"]
    assert root.findtext("USER/CatID") == "BIRDSong"
    assert root.findtext("USER/CATEGORY") == "BIRDS"
    assert root.findtext("USER/CATEGORYFULL") == "BIRDS-SONGBIRD"
    assert root.findtext("USER/NOTES") == "mine"


def test_names_with_control_characters_keep_a_document_whole() -> None:
    document = b"<BWFXML><FILE_UID>1</FILE_UID><BEXT><BWF_DESCRIPTION/></BEXT></BWFXML>"
    root = ET.fromstring(noted_ixml(document, facts(source="a\x01<b>.wav")))
    assert root.findtext("HISTORY/PARENT_FILENAME") == "a<b>.wav"
    assert root.findtext("BEXT/BWF_DESCRIPTION") == "Dream of a<b>.wav"
