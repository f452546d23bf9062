"""Actions for one preset: the name is written in safely, and the file fits everywhere."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.favourites import (
    LONGEST_BYTES,
    TEMPLATE,
    favourite_script,
    file_name,
    preset_called,
)
from dreamsound_studio.errors import RecipeError


@pytest.mark.parametrize("name", ["Bones", 'it\'s \\ "x"\n\x1b\U0001f98a', "PRESET = None"])
def test_a_preset_is_written_in_safely(name, tmp_path):
    python = favourite_script("a = 1\nPRESET = None\nb = 2\n", name, "python")
    scope: dict[str, object] = {}
    exec(python, scope)
    assert scope["PRESET"] == name
    assert (scope["a"], scope["b"]) == (1, 2)
    lua = shutil.which("lua5.4") or shutil.which("lua")
    if lua is None:
        pytest.skip("there is no Lua on this machine")
    script = tmp_path / "favourite.lua"
    script.write_bytes(
        favourite_script("local PRESET = nil\nio.write(PRESET)\n", name, "lua").encode()
    )
    report = subprocess.run([lua, str(script)], capture_output=True, check=True).stdout
    assert report == name.encode()


def test_a_script_without_the_line_is_refused():
    with pytest.raises(InstallError, match="lacks the line"):
        favourite_script("PRESET = 1\n", "Bones", "python")


def test_files_of_favourites_fit_all_file_systems():
    assert file_name("Bones", "lua") == f"{TEMPLATE} - Bones.lua"
    assert file_name("a/b:c?", "python") == f"{TEMPLATE} - a_b_c_.py"
    first, second = file_name("狐" * 79 + "a", "lua"), file_name("狐" * 79 + "b", "lua")
    assert first != second
    assert len(first.encode()) < LONGEST_BYTES + 75 <= 255


def test_presets_are_known():
    assert preset_called("bones") == "Bones"
    with pytest.raises(RecipeError, match="Did you mean"):
        preset_called("bonez")
    with pytest.raises(InstallError, match="presets import"):
        preset_called("some.dreamsound.json")
