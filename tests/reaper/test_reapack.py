"""ReaPack: the rules of headers, and the index that is made of them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from dreamsound_reaper.install import reapack
from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.places import scripts_folder
from dreamsound_reaper.install.reapack_index import rtf
from dreamsound_studio import __version__

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
HEADER = f"""\
-- @description DreamSound: dream & more
-- @author DreamSound Studio
-- @version {__version__}
-- @changelog
--   First release.
-- @provides
--   [main] DreamSound_*.lua
--   [nomain] bridge/*.lua
-- @about
--   Dreams selected items.
--
--   {{Braces}} and caf\u00e9.

local PRESET = nil
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package of two actions and a library."""
    folder = tmp_path / "scripts" / "DreamSound"
    (folder / "bridge").mkdir(parents=True)
    (folder / "DreamSound_Dream it.lua").write_text(HEADER, "utf-8")
    (folder / "DreamSound_Cancel.lua").write_text("-- @noindex\n", "utf-8")
    (folder / "bridge" / "api.lua").write_text("-- @noindex\n", "utf-8")
    return folder


def test_index(folder):
    root = ET.fromstring(reapack.make_index(folder, "", NOW))
    assert (root.tag, root.get("version"), root.get("name")) == ("index", "1", "DreamSound Studio")
    (category,) = root
    assert category.get("name") == "DreamSound"
    (package,) = category
    assert package.attrib == {
        "name": "DreamSound_Dream it.lua",
        "type": "script",
        "desc": "DreamSound: dream & more",
    }
    version = package.find("version")
    assert version is not None
    assert version.attrib == {
        "name": __version__,
        "author": "DreamSound Studio",
        "time": "2026-11-26T12:00:00Z",
    }
    assert version.findtext("changelog") == "First release."
    base = f"{reapack.BASE_URL.format(version=__version__)}/DreamSound"
    assert [(each.attrib, each.text) for each in version.iter("source")] == [
        ({"main": "main"}, f"{base}/DreamSound_Dream%20it.lua"),
        ({"main": "main", "file": "DreamSound_Cancel.lua"}, f"{base}/DreamSound_Cancel.lua"),
        ({"file": "bridge/api.lua"}, f"{base}/bridge/api.lua"),
    ]
    assert "\\{Braces\\} and caf\\u233?." in (package.findtext("metadata/description") or "")


def test_versions_that_are_out_stay_as_they_are(folder):
    first = reapack.make_index(folder, "", NOW)
    assert reapack.make_index(folder, first, datetime(2027, 1, 1, tzinfo=UTC)) == first
    older = first.replace(f'name="{__version__}"', 'name="0.0.9"').replace("Dream%20it", "Old")
    both = ET.fromstring(reapack.make_index(folder, older, datetime(2027, 1, 1, tzinfo=UTC)))
    versions = list(both.iter("version"))
    assert [each.get("name") for each in versions] == ["0.0.9", __version__]
    assert [each.get("time") for each in versions] == [
        "2026-11-26T12:00:00Z",
        "2027-01-01T00:00:00Z",
    ]
    assert "/DreamSound_Old.lua" in (versions[0].findtext("source") or "")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("DreamSound_Cancel.lua", "-- @noindex", "--", "lacks @version or @noindex"),
        ("DreamSound_Cancel.lua", "-- @noindex", HEADER, "is in both"),
        ("bridge/api.lua", "-- @noindex", "-- @nonsense", "unknown or repeated tag"),
        ("DreamSound_Dream it.lua", f"@version {__version__}", "@version 9.9", "9.9"),
        ("DreamSound_Dream it.lua", "-- @author DreamSound Studio\n", "", "package lacks @author"),
        ("DreamSound_Dream it.lua", "@changelog", "@noindex", "must not have @noindex"),
        ("DreamSound_Dream it.lua", "--   [nomain] bridge/*.lua\n", "", "in no package"),
        ("DreamSound_Dream it.lua", "bridge/*.lua", "bridge/*.eel", "matches no script"),
        ("DreamSound_Dream it.lua", "[nomain] bridge", "[main] bridge", "other files \\[nomain"),
        (
            "DreamSound_Dream it.lua",
            "[main] DreamSound_*",
            "DreamSound_*",
            r"actions must be \[main\]",
        ),
        ("DreamSound_Dream it.lua", "DreamSound_*", "DreamSound_C*", "must provide itself"),
        ("DreamSound_Dream it.lua", "-- @about", "-- @version 1\n-- @about", "repeated tag"),
    ],
)
def test_rules(folder, file, old, new, message):
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(InstallError, match=message):
        reapack.make_index(folder, "", NOW)


def test_check_and_write(folder, tmp_path, capsys):
    index = tmp_path / "index.xml"
    words = ["--scripts", str(folder), "--index", str(index)]
    assert reapack.main(["--check", *words]) == 1
    assert reapack.main(["--write", *words]) == 0
    assert reapack.main(["--check", *words]) == 0
    (folder / "DreamSound_Later.lua").write_text("-- @noindex\n")
    assert reapack.main(["--check", *words]) == 1
    assert "does not match the scripts" in capsys.readouterr().err
    index.write_text("<index")
    assert reapack.main(["--write", *words]) == 1
    assert "cannot read the index" in capsys.readouterr().err


def test_rtf():
    assert rtf("a\nb\n\nc") == "{\\rtf1\\ansi\na b\\par\nc\\par\n}"
    assert rtf("\U0001f98a") == "{\\rtf1\\ansi\n\\u-10178?\\u-8822?\\par\n}"


def test_the_index_in_the_repository_is_what_the_scripts_say():
    folder = scripts_folder()
    index = folder.parents[1] / "index.xml"
    committed = index.read_text("utf-8")
    assert reapack.make_index(folder, committed) == committed, "reapack --write makes it so"
    current = f"/v{re.escape(__version__)}/reaper/scripts/DreamSound/"
    named = [
        unquote(text.split(f"/{folder.name}/", 1)[1])
        for text in ET.fromstring(committed).itertext()
        if re.search(current, text)
    ]
    there = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix in reapack.COMMENTS and "__pycache__" not in path.parts
    ]
    assert sorted(named) == sorted(there)
