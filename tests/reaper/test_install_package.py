"""The scripts as they are: they are in the wheel, they install, and they take a favourite."""

from __future__ import annotations

import ast
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from dreamsound_reaper.install.favourites import (
    EMPTY,
    ENDINGS,
    TEMPLATE,
    favourite_script,
)
from dreamsound_reaper.install.homes import LIBRARIES, is_action, shipped
from dreamsound_reaper.install.places import scripts_folder

TOP = Path(__file__).parents[2]
ACTIONS = {
    "Dream selected items",
    "Dream selected items with last settings",
    "Dream selected items with preset",
    "Dream selected items toward the last selected item",
    "Dream selected items toward the first selected item",
    "Dream selected items toward the item under the mouse",
    "Dream selected items toward the target",
    "Use selected item as target",
    "Insert only while stopped",
    "Dream selected items to a new track",
    "Dream selected items glued as one sound",
    "Dream again from the active take",
    "Open selected items in DreamSound Studio",
    "Cancel",
    "Progress",
    "Doctor",
}


@pytest.mark.parametrize("language", ["lua", "python"])
def test_all_actions_are_shipped(language):
    files = shipped(language)
    named = {Path(file).stem.removeprefix("DreamSound_") for file in files if is_action(file)}
    assert named == ACTIONS
    assert [file for file in files if file.startswith(f"{LIBRARIES[language]}/")]
    assert {Path(file).suffix for file in files} == {ENDINGS[language]}


def test_the_shipped_scripts_take_a_favourite(tmp_path):
    for language in ("lua", "python"):
        text = shipped(language)[f"{TEMPLATE}{ENDINGS[language]}"].decode("utf-8")
        made = favourite_script(text, 'it\'s "x"', language)
        assert EMPTY[language] not in made
        (tmp_path / f"made{ENDINGS[language]}").write_text(made, "utf-8")
    ast.parse(made, feature_version=(3, 8))
    lua = shutil.which("luac5.4") or shutil.which("luac")
    if lua is not None:
        subprocess.run([lua, "-p", str(tmp_path / "made.lua")], check=True)


def test_the_wheel_holds_the_scripts(tmp_path):
    wheel = pytest.importorskip("hatchling.builders.wheel")
    (path,) = wheel.WheelBuilder(str(TOP)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "site")
    package = tmp_path / "site" / "dreamsound_reaper"
    folder = scripts_folder(package)
    assert folder == package / "scripts" / "DreamSound"
    for language in ("lua", "python"):
        assert shipped(language, folder) == shipped(language)
