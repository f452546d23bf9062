"""What the tests of REAPER share: an imitation of REAPER, and engines for it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .facts_made import tone
from .imitation import rpp
from .imitation.lua_host import LuaHost
from .imitation.model import Item, Project, Source, Take, Track
from .imitation.python_host import PythonHost
from .imitation.reaper import Reaper

SCRIPTS = Path(__file__).resolve().parents[2] / "reaper/scripts/DreamSound"
ENDINGS = {"python": ".py", "lua": ".lua"}
STAND_IN = Path(__file__).with_name("stand_in_engine.py")
DREAM = "Dream selected items"
AGAIN_SO = "Dream selected items with last settings"
ALL = sorted(path.stem.removeprefix("DreamSound_") for path in SCRIPTS.glob("DreamSound_*.py"))


@pytest.fixture
def version() -> str:
    """Which REAPER it is; the tests of versions have all."""
    return "7.08"


@pytest.fixture
def reaper(tmp_path: Path, version: str) -> Iterator[Reaper]:
    """A REAPER in which the scripts are installed; at the end all must have been well."""
    reaper = Reaper(tmp_path / "REAPER's folder", version)
    shutil.copytree(SCRIPTS, reaper.resource / "Scripts/DreamSound")
    yield reaper
    for process in reaper.processes:
        process.wait(60)
    reaper.check()


@pytest.fixture
def scripts(reaper: Reaper) -> Path:
    """The folder of the installed scripts."""
    return reaper.resource / "Scripts/DreamSound"


Install = Callable[..., dict[str, Any]]


@pytest.fixture
def install(scripts: Path, tmp_path: Path) -> Install:
    """Write ``bridge.json``, by default for an engine that only acts as one."""

    def install(**more: Any) -> dict[str, Any]:
        presets = tmp_path / "presets"
        presets.mkdir(exist_ok=True)
        for name in ("Turn to bells", "Turn to birds", "Bönes"):
            (presets / f"{name}.dreamsound.json").write_text("{}")
        report = {
            "schema_version": 1,
            "version": "0.1.0",
            "engine": [sys.executable, os.fspath(STAND_IN)],
            "studio": None,
            "presets": [os.fspath(presets), os.fspath(tmp_path / "none")],
            "runs": os.fspath(tmp_path / "runs of 'REAPER'"),
        } | more
        (scripts / "bridge.json").write_text(json.dumps(report))
        return report

    return install


Host = PythonHost | LuaHost


@pytest.fixture(params=["python", "lua"])
def host(reaper: Reaper, request: pytest.FixtureRequest) -> Iterator[Host]:
    """A language of that REAPER; to each test its Python is new, and never within one."""
    if request.param == "python":
        yield PythonHost(reaper)
        for name in [name for name in sys.modules if name.split(".")[0] == "dreamsound_bridge"]:
            del sys.modules[name]
        sys.modules.pop("reaper_python", None)
    else:
        lua = LuaHost(reaper)
        yield lua
        lua.forget()
        assert not lua.errors, lua.errors


@pytest.fixture
def action(scripts: Path, host: Host) -> Callable[[str], Path]:
    """Return the script of an action by its name."""
    return lambda name: scripts / f"DreamSound_{name}{ENDINGS[host.language]}"


@pytest.fixture
def project(reaper: Reaper, tmp_path: Path) -> Project:
    """An open project of two items, of which the second is not selected, and a MIDI item."""
    folder = tmp_path / "My Söng's"
    folder.mkdir()
    kick = tone(folder / 'ki"ck.wav', 2.0, 300, channels=2)
    bell = tone(folder / "bell.wav", 3.0, 900)
    first = item_of(kick, 0.25, 0.5, is_selected=True)
    second = item_of(bell, 0.0, 3.0)
    midi = Item([Take(Source("MIDI"), "midi")])
    project = Project(os.fspath(folder / "song.rpp"), os.fspath(folder / "Audio"))
    project.tracks = [Track("Voice", items=[first, midi]), Track("Bells", items=[second])]
    project.cursor = 1.5
    return reaper.open(project)


def item_of(path: Path, offset_s: float, length_s: float, is_selected: bool = False) -> Item:
    """An item that plays a part of a file."""
    item = Item([Take(Source("WAVE", os.fspath(path)), path.name)], is_selected=is_selected)
    item.take.numbers["D_STARTOFFS"] = offset_s
    item.numbers["D_LENGTH"] = length_s
    return item


def saved(project: Project) -> bytes:
    """The project as a file."""
    return rpp.save(project)


@pytest.fixture
def how(install, tmp_path):
    """Tell the engine how to act."""
    runs = Path(install()["runs"])
    runs.mkdir()

    def how(**report):
        (runs / "how.json").write_text(json.dumps(report))
        return runs

    how()
    return how


def until(true, seconds=20.0):
    end_s = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def runs_of(runs: Path) -> list[Path]:
    found = (path for path in runs.iterdir() if path.is_dir())
    return sorted(found, key=lambda path: (path / "facts.json").stat().st_mtime_ns)
