"""Installing and uninstalling: to the same state, all or nothing, and without a trace."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dreamsound_reaper.install import files, homes, keys
from dreamsound_reaper.install.errors import InstallError, InstallFailedError
from dreamsound_reaper.install.installer import install as install_now
from dreamsound_reaper.install.uninstaller import uninstall
from dreamsound_studio import __version__

PRESET_STEM = "DreamSound_Dream selected items with preset"
KEYS_BEFORE = b'ACT 0 0 "1" "Custom: mine" 40044\r\nKEY 1 65 _1 0\t\t # caf\xe9\r\n'


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Stand-ins for the scripts, in both languages."""
    folder = tmp_path / "shipped" / "DreamSound"
    for library, ending, empty in (
        ("dreamsound_bridge", ".py", "PRESET = None"),
        ("dreamsound_bridge_lua", ".lua", "local PRESET = nil"),
    ):
        (folder / library / "__pycache__").mkdir(parents=True)
        (folder / library / "__pycache__" / "api.cpython-311.pyc").write_bytes(b"x")
        (folder / library / f"api{ending}").write_text("of the library\n")
        (folder / f"DreamSound_Doctor{ending}").write_text("doctor\n")
        (folder / f"{PRESET_STEM}{ending}").write_text(f"first\n{empty}\nlast\n")
    return folder


@pytest.fixture
def resource(tmp_path: Path) -> Path:
    """A folder of REAPER's, with spaces and letters beyond ASCII in its path."""
    folder = tmp_path / "Résumé of Ada" / "REAPER"
    folder.mkdir(parents=True)
    (folder / "reaper.ini").write_bytes(b"[REAPER]\r\nreascript=0\r\n")
    (folder / "reaper-kb.ini").write_bytes(KEYS_BEFORE)
    return folder


@pytest.fixture
def install(scripts, resource):
    """Install the stand-ins, with REAPER closed."""

    def run(language=None, **more):
        return install_now(resource, language, scripts=scripts, **{"is_open": False} | more)

    return run


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("language", ["lua", "python"])
def test_what_is_installed(install, resource, language):
    install(language)
    ending, other = (".lua", ".py") if language == "lua" else (".py", ".lua")
    home = resource / "Scripts" / "DreamSound"
    names = set(tree(home))
    assert f"DreamSound_Doctor{ending}" in names
    assert f"{homes.LIBRARIES[language]}/api{ending}" in names
    assert not [name for name in names if name.endswith(other) or "__pycache__" in name]
    lines = (resource / "reaper-kb.ini").read_bytes()[len(KEYS_BEFORE) :].decode().splitlines()
    assert lines == [
        keys.script_line(f"DreamSound/DreamSound_Doctor{ending}"),
        keys.script_line(f"DreamSound/{PRESET_STEM}{ending}"),
    ]
    assert (resource / "reaper-kb.ini.dreamsound-backup").read_bytes() == KEYS_BEFORE
    report = json.loads((home / "bridge.json").read_text("utf-8"))
    assert report["schema_version"] == 1
    assert report["version"] == __version__
    assert Path(report["engine"][0]).is_absolute()
    answer = subprocess.run([*report["engine"], "--version"], capture_output=True, text=True)
    assert answer.stdout.strip() == f"dreamsound {__version__}"


def test_lua_is_the_first_choice_and_the_language_is_kept(install, scripts):
    assert install().language == "lua"
    assert install("python").language == "python"
    assert install().language == "python"


def test_twice_is_once(install, resource):
    install(add=["Bones"])
    once = tree(resource)
    install()
    assert tree(resource) == once
    install(add=["Chameleon"])
    assert (resource / "reaper-kb.ini.dreamsound-backup").read_bytes() == KEYS_BEFORE


@pytest.mark.parametrize("ini", [KEYS_BEFORE, KEYS_BEFORE.rstrip(b"\r\n"), b"", None])
def test_uninstalling_leaves_no_trace(install, resource, ini):
    keys_file = resource / "reaper-kb.ini"
    keys_file.unlink() if ini is None else keys_file.write_bytes(ini)
    before = tree(resource)
    install("python", add=["Bones"])
    compiled = resource / "Scripts" / "DreamSound" / "dreamsound_bridge" / "__pycache__"
    compiled.mkdir()
    (compiled / "api.cpython-312.pyc").write_bytes(b"by REAPER's Python")
    install("lua")
    install(remove=["bones"])
    uninstall(resource, is_open=False)
    assert tree(resource) == before


def test_what_the_user_made_or_changed_stays(install, resource):
    install()
    home = resource / "Scripts" / "DreamSound"
    (home / "my own.lua").write_text("mine\n")
    (home / "DreamSound_Doctor.lua").write_text("changed by me\n")
    report = uninstall(resource, is_open=False).lines
    assert [line for line in report if "Kept " in line]
    assert set(tree(home)) == {"my own.lua", "DreamSound_Doctor.lua"}
    assert (resource / "reaper-kb.ini").read_bytes() == KEYS_BEFORE


def test_a_changed_file_is_kept_when_it_is_written_again(install, resource):
    home = resource / "Scripts" / "DreamSound"
    install()
    for text in ("changed by me\n", "changed again\n"):
        (home / "DreamSound_Doctor.lua").write_text(text)
        report = install().lines
        assert (home / "DreamSound_Doctor.lua").read_text() == "doctor\n"
    assert (home / "DreamSound_Doctor.lua.bak").read_text() == "changed by me\n"
    assert (home / "DreamSound_Doctor.lua.bak2").read_text() == "changed again\n"
    assert [line for line in report if "backed up as DreamSound_Doctor.lua.bak2" in line]


def test_an_upgrade_removes_what_is_no_longer_shipped(install, resource, scripts):
    install()
    (scripts / "DreamSound_Doctor.lua").unlink()
    (scripts / "DreamSound_New.lua").write_text("new\n")
    install()
    home = resource / "Scripts" / "DreamSound"
    assert "DreamSound_Doctor.lua" not in tree(home)
    assert keys.registered((resource / "reaper-kb.ini").read_bytes()) == {
        "DreamSound/DreamSound_New.lua",
        f"DreamSound/{PRESET_STEM}.lua",
    }


def test_an_open_reaper_keeps_its_list(install, resource):
    report = install(is_open=True).lines
    assert (resource / "reaper-kb.ini").read_bytes() == KEYS_BEFORE
    assert [line for line in report if "New action > Load ReaScript" in line]
    uninstall(resource, is_open=True)
    install()
    assert not [line for line in install(is_open=True).lines if "Load ReaScript" in line]
    report = install("python", is_open=True).lines
    assert [line for line in report if "removed actions stay in its list" in line]
    assert b"DreamSound_Doctor.lua" in (resource / "reaper-kb.ini").read_bytes()
    install()
    assert b"DreamSound_Doctor.lua" not in (resource / "reaper-kb.ini").read_bytes()
    before = tree(resource)
    with pytest.raises(InstallError, match="Close it"):
        uninstall(resource, is_open=True)
    assert tree(resource) == before


def test_actions_that_the_user_loaded_are_not_doubled_and_not_ours(install, resource):
    line = keys.script_line("DreamSound/DreamSound_Doctor.lua").encode() + b"\r\n"
    (resource / "reaper-kb.ini").write_bytes(KEYS_BEFORE + line)
    install()
    assert (resource / "reaper-kb.ini").read_bytes().count(b"DreamSound_Doctor.lua\r\n") == 1
    report = uninstall(resource, is_open=False).lines
    assert (resource / "reaper-kb.ini").read_bytes() == KEYS_BEFORE + line
    assert [text for text in report if text.startswith("1 actions loaded in REAPER itself")]


def test_a_link_to_the_keys_stays_one(install, resource, tmp_path):
    real = tmp_path / "dotfiles.ini"
    (resource / "reaper-kb.ini").rename(real)
    (resource / "reaper-kb.ini").symlink_to(real)
    install()
    assert (resource / "reaper-kb.ini").is_symlink()
    assert b"DreamSound" in real.read_bytes()


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("what", ["_write", "_rename"])
def test_a_failure_half_way_leaves_the_old_state(
    install, resource, scripts, monkeypatch, is_first, what
):
    if not is_first:
        install(add=["Bones"])
        (resource / "Scripts" / "DreamSound" / "DreamSound_Doctor.lua").write_text("by me\n")
    for path in scripts.glob("*.lua"):
        path.write_text(path.read_text() + "newer\n")
    before = tree(resource)
    does = getattr(files, what)
    failures = 0
    while True:
        left = failures

        def fail(path, other):
            nonlocal left
            if left == 0:
                if what == "_write":
                    path.write_bytes(other[:3])
                raise OSError(errno.ENOSPC, "No space left on device")
            left -= 1
            does(path, other)

        with monkeypatch.context() as patch:
            patch.setattr(files, what, fail)
            try:
                install()
                break
            except InstallFailedError as error:
                assert "No space left" in str(error)  # noqa: PT017 - each of many failures
        assert tree(resource) == before
        failures += 1
    assert failures >= 5
    assert tree(resource) != before


def test_what_a_crash_left_goes_with_the_next_installation(install, resource):
    install()
    once = tree(resource)
    (resource / "Scripts" / "DreamSound" / f".12345678{files.NEW_END}").write_text("half")
    install()
    assert tree(resource) == once


def test_a_damaged_or_hostile_manifest_removes_nothing(install, resource):
    install()
    path = resource / "Scripts" / "DreamSound" / "installed.json"
    report = json.loads(path.read_text("utf-8"))
    for files_of_it in ({"../../reaper.ini": "x"}, {"/etc/passwd": "x"}, ["a"], {"C:\\x": "x"}):
        path.write_text(json.dumps(report | {"files": files_of_it}))
        before = tree(resource)
        with pytest.raises(InstallError, match="damaged"):
            uninstall(resource, is_open=False)
        assert tree(resource) == before
    path.write_text("{")
    with pytest.raises(InstallError, match="cannot read"):
        install()
    shutil.rmtree(path.parent)
    with pytest.raises(InstallError, match="Nothing to remove"):
        uninstall(resource, is_open=False)


def test_reapack_keeps_its_scripts_and_they_know_the_engine(install, resource, scripts):
    home = resource / "Scripts" / "DreamSound Studio" / "DreamSound"
    shutil.copytree(scripts, home, ignore=shutil.ignore_patterns("*.py", "dreamsound_bridge"))
    before = tree(resource)
    assert install(add=["Bones"]).folder == home
    assert set(tree(resource)) - set(before) == {
        f"Scripts/DreamSound Studio/DreamSound/{name}"
        for name in ("bridge.json", "installed.json", f"{PRESET_STEM} - Bones.lua")
    } | {"reaper-kb.ini.dreamsound-backup"}
    assert keys.registered((resource / "reaper-kb.ini").read_bytes()) == {
        f"DreamSound Studio/DreamSound/{PRESET_STEM} - Bones.lua"
    }
    with pytest.raises(InstallError, match="ReaPack provides the Lua scripts"):
        install("python")
    uninstall(resource, is_open=False)
    assert tree(resource) == before


def test_two_copies_are_one_too_many(install, resource, scripts):
    install()
    home = resource / "Scripts" / "DreamSound Studio" / "DreamSound"
    shutil.copytree(scripts, home)
    with pytest.raises(InstallError, match="twice"):
        install()
