"""Where REAPER is, whether it runs, what its ini files say: for three systems, by simulation."""

from __future__ import annotations

import struct
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from dreamsound_reaper.install import keys, places, python_library, running
from dreamsound_reaper.install.bridge import bridge_settings, interpreter
from dreamsound_reaper.install.errors import InstallError
from dreamsound_studio import paths

#: As REAPER wrote them, on Windows and on macOS; from public collections of settings.
REAL_LINES = (
    'SCR 4 0 RS1ee9bb229dabffe151848d7efa3c10f748e1a1cf "Custom: lyrics.lua" Cockos/lyrics.lua',
    "SCR 4 0 RS667c4448c89dfcbfbd8dbb458b15d52eac79391c "
    '"Custom: spk77_Move edit cursor forward by 1 frame (or 1 beat).eel" '
    '"ReaTeam Scripts/Cursor/spk77_Move edit cursor forward by 1 frame (or 1 beat).eel"',
    'SCR 4 0 RS40502f8c2fb463969bdbf3cdc8ecfb0cc7abeeb2 "Custom: ReaSpeech.lua" ReaSpeech.lua',
)


@pytest.mark.parametrize(
    ("system", "environment", "home", "wanted"),
    [
        (
            "Windows",
            {"APPDATA": r"C:\Users\Ada L\AppData\Roaming"},
            "C:/Users/Ada L",
            r"C:\Users\Ada L\AppData\Roaming\REAPER",
        ),
        ("Windows", {}, "C:/Users/Ada", r"C:\Users\Ada\AppData\Roaming\REAPER"),
        ("Darwin", {}, "/Users/ada", "/Users/ada/Library/Application Support/REAPER"),
        ("Linux", {}, "/home/ada", "/home/ada/.config/REAPER"),
        ("Linux", {"XDG_CONFIG_HOME": "/nowhere"}, "/home/ada", "/home/ada/.config/REAPER"),
    ],
)
def test_usual_folder(system, environment, home, wanted):
    found = places.usual_folder(system, environment, Path(home))
    pure = PureWindowsPath if system == "Windows" else PurePosixPath
    assert pure(str(found)) == pure(wanted)


def test_linux_takes_the_configured_folder_where_reaper_is_in_it(tmp_path):
    (tmp_path / "REAPER").mkdir()
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert places.usual_folder("Linux", environment, Path("/home/ada")) == tmp_path / "REAPER"


def test_resource_folder(tmp_path, monkeypatch):
    (tmp_path / "reaper.exe").write_bytes(b"MZ")
    with pytest.raises(InstallError, match=r"no reaper\.ini"):
        places.resource_folder(tmp_path)
    with pytest.raises(InstallError, match="is not a portable REAPER"):
        places.resource_folder(tmp_path, portable=True)
    with pytest.raises(InstallError, match="Pass its folder"):
        places.resource_folder(portable=True)
    with pytest.raises(InstallError, match="no folder"):
        places.resource_folder(tmp_path / "elsewhere")
    (tmp_path / "reaper.ini").write_text("[REAPER]\n")
    for named in (tmp_path, tmp_path / "reaper.exe", tmp_path / "REAPER.app"):
        assert places.resource_folder(named, portable=True) == tmp_path
    monkeypatch.setattr(places, "usual_folder", lambda *_: tmp_path / "never started")
    with pytest.raises(InstallError, match="Start REAPER once"):
        places.resource_folder()
    monkeypatch.setattr(places, "usual_folder", lambda *_: tmp_path)
    assert places.resource_folder() == tmp_path


def test_scripts_are_found_installed_and_in_a_checkout(tmp_path):
    package = tmp_path / "dreamsound_reaper"
    with pytest.raises(InstallError, match="scripts for REAPER not found"):
        places.scripts_folder(package)
    beside = tmp_path / "scripts" / "DreamSound"
    beside.mkdir(parents=True)
    assert places.scripts_folder(package) == beside
    within = package / "scripts" / "DreamSound"
    within.mkdir(parents=True)
    assert places.scripts_folder(package) == within


@pytest.mark.parametrize(
    ("program", "is_it"),
    [
        ("reaper", True),
        ("reaper.exe", True),
        (r"C:\Program Files\REAPER (x64)\reaper.exe", True),
        ("/Applications/REAPER.app/Contents/MacOS/REAPER", True),
        ("reaper_host64.exe", False),
        ("dreamsound reaper", False),
        ("python3.11", False),
    ],
)
def test_is_reaper(program, is_it):
    assert running.is_reaper(program) is is_it
    assert running.is_running(["init", program]) is is_it


def test_programs_of_the_systems(tmp_path):
    listed = '"System","4","Services","0","144 K"\r\n"reaper.exe","812","Console","1","9.000 K"\r\n'
    assert running.is_running(running.from_tasklist(listed))
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "comm").write_text("reaper\n")
    (tmp_path / "13").mkdir()  # has ended meanwhile
    assert running.from_proc(tmp_path) == ["reaper"]
    assert running.all_programs()


@pytest.mark.parametrize("line", REAL_LINES)
def test_lines_are_as_reaper_writes_them(line):
    path = line.rpartition('" ')[2].strip('"') if line.endswith('"') else line.split()[-1]
    path = line.split('"')[3] if line.endswith('"') else path
    assert keys.script_line(path) == line
    assert keys.registered(line.encode()) == {path}


def test_a_quote_cannot_be_written():
    with pytest.raises(InstallError, match="cannot read this file name"):
        keys.script_line('DreamSound/a "b".lua')


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("text", [b"", b'KEY 1 65 _x 0\t\t # caf\xe9\nACT 0 0 "1" "y" 1'])
def test_lines_come_and_go_without_a_trace(ending, closed, text):
    before = text.replace(b"\n", ending) + (ending if closed and text else b"")
    added = keys.with_scripts(before, ["DreamSound/a b.lua", "DreamSound/c.lua"], ending)
    assert added.data.startswith(before)
    assert added.data.count(ending) == before.count(ending) + 2 + added.closed_a_line
    assert added.closed_a_line is (bool(text) and not closed)
    again = keys.with_scripts(added.data, ["DreamSound/a b.lua", "DreamSound/c.lua"])
    assert again == keys.Added(added.data, (), False)
    assert keys.without_lines(added.data, added.lines, added.closed_a_line) == before


def test_a_line_is_known_though_reaper_has_changed_a_number():
    (line,) = keys.with_scripts(b"", ["DreamSound/a.lua"]).lines
    midi = line.replace("SCR 4 0", "SCR 4 32060").replace(" RS", " RS7d3c_")
    data = f"{line.replace('SCR 4', 'SCR 260')}\r\n{midi}\r\nKEY 1 2 _RSx 0\r\n".encode()
    assert keys.without_lines(data, [line]) == f"{midi}\r\nKEY 1 2 _RSx 0\r\n".encode()


def test_scripts_of_other_sections_are_not_ours():
    line = b'SCR 4 32060 RS7d3c_1 "Custom: a.lua" DreamSound/a.lua\n'
    assert keys.registered(line) == set()
    assert len(keys.with_scripts(line, ["DreamSound/a.lua"]).lines) == 1


def test_windows_has_an_interpreter_without_a_window():
    python = r"C:\Users\Ada\venv\Scripts\python.exe"
    windowed = r"C:\Users\Ada\venv\Scripts\pythonw.exe"
    assert interpreter("Windows", python, lambda _: True) == windowed
    assert interpreter("Windows", windowed, lambda _: True) == windowed
    assert interpreter("Windows", python, lambda _: False) == python
    assert interpreter("Linux", "/usr/bin/python3", lambda _: True) == "/usr/bin/python3"


def test_bridge_settings_name_a_desktop_app_only_where_there_is_one():
    report = bridge_settings("Linux", "/venv/bin/python", lambda name: name != "PySide6")
    assert report["studio"] is None
    assert report["engine"] == ["/venv/bin/python", "-m", "dreamsound_studio"]
    assert all(Path(folder).is_absolute() for folder in [*report["presets"], report["runs"]])
    assert list(Path(report["presets"][1]).glob("*.dreamsound.json"))
    report = bridge_settings("Linux", "/venv/bin/python", lambda _: True)
    assert report["studio"] == ["/venv/bin/python", "-m", "dreamsound_desktop"]
    assert "PySide6.QtCore" not in sys.modules or "pytestqt" in sys.modules


@pytest.mark.parametrize(
    ("ini", "is_on", "library"),
    [
        ("[REAPER]\nreascript=1\npythonlibpath64=/a\npythonlibdll64=b.so\n", True, "/a/b.so"),
        ("[reaper]\r\nreascript=1\r\npythonlibdll64=/a/b.so\r\n", True, "/a/b.so"),
        ("[reaper]\nreascript=0\n", False, None),
        ("[other]\nreascript=1\n[reaper]\nx=y\n", False, None),
        ("", False, None),
    ],
)
def test_python_in_reaper(ini, is_on, library):
    report = python_library.python_in_reaper(ini)
    assert (report.is_on, report.library) == (is_on, None if library is None else Path(library))


@pytest.mark.parametrize(
    ("system", "variables", "base", "wanted"),
    [
        ("Windows", {}, r"C:\Python311", r"C:\Python311\python311.dll"),
        (
            "Linux",
            {"INSTSONAME": "libpython3.11.so.1.0", "LIBDIR": "/usr/lib", "MULTIARCH": "x86_64-l"},
            "/usr",
            "/usr/lib/x86_64-l/libpython3.11.so.1.0",
        ),
        ("Linux", {"LDLIBRARY": "libpython3.11.a", "LIBDIR": "/o"}, "/o", "/o/libpython3.11.so"),
        (
            "Darwin",
            {"PYTHONFRAMEWORKPREFIX": "/F", "LDLIBRARY": "Python.framework/Versions/3.11/Python"},
            "/F/x",
            "/F/Python.framework/Versions/3.11/Python",
        ),
        ("Darwin", {"LIBDIR": "/o/lib"}, "/o", "/o/lib/libpython3.11.dylib"),
    ],
)
def test_library_candidates(system, variables, base, wanted):
    found = list(python_library.library_candidates(system, variables, base, (3, 11)))
    assert wanted in [str(place) for place in found]
    assert not [place for place in found if str(place).endswith(".a")]


def test_bits_of_programs(tmp_path):
    file = tmp_path / "program"
    assert python_library.binary_bits(Path(sys.executable).resolve()) == struct.calcsize("P") * 8
    for machine, bits in ((0x8664, 64), (0x014C, 32), (0x1234, None)):
        head = b"MZ".ljust(0x3C, b"\0") + (64).to_bytes(4, "little")
        file.write_bytes(head + b"PE\0\0" + machine.to_bytes(2, "little"))
        assert python_library.binary_bits(file) == bits
    file.write_bytes(b"")
    assert python_library.binary_bits(file) is None
    assert python_library.binary_bits(tmp_path / "none") is None


def test_what_to_enter():
    report = python_library.what_to_enter(Path("/usr/lib/libpython3.11.so.1.0"))
    assert "/usr/lib as the library folder and libpython3.11.so.1.0" in report
    assert "python.org" in python_library.what_to_enter(None)


def test_the_folder_of_runs_is_ascii_on_windows(monkeypatch, tmp_path):
    """Lua's `os.rename` takes no other path there; each user has a folder of their own."""
    plain, mine, theirs = (tmp_path / name for name in ("Jo", "J\u00f6rg", "\u6771\u4eac"))
    monkeypatch.setenv("PROGRAMDATA", str(tmp_path / "ProgramData"))
    assert paths.ascii_folder(plain) == plain
    found = {paths.ascii_folder(mine), paths.ascii_folder(theirs)}
    assert len(found) == 2
    assert all(str(one.relative_to(tmp_path)).isascii() for one in found)
    monkeypatch.setattr(paths, "data_folder", lambda: mine)
    monkeypatch.setattr(paths.sys, "platform", "win32")
    assert paths.runs_folder() == paths.ascii_folder(mine / "reaper" / "runs")
    monkeypatch.setattr(paths.sys, "platform", "linux")
    assert paths.runs_folder() == mine / "reaper" / "runs"
