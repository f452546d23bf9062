"""The environment is made once, repaired, and left alone if it is somebody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from devtools import environment, pythons
from devtools.messages import Stop

from .conftest import TOP


def test_the_environment_is_made_once(house):
    assert environment.make_environment() == house.venv
    assert house.did("create") == 1
    pinned, project = (c for c in house.commands if "install" in c)
    assert str(environment.PINS) in pinned
    assert {"-e", "--no-deps", "--no-build-isolation"} <= set(project)

    house.commands.clear()
    assert environment.make_environment() == house.venv
    assert house.commands == []


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements-tested.txt"])
def test_new_versions_are_installed_into_it(house, name):
    environment.make_environment()
    house.commands.clear()
    (house.folder / name).write_text("changed")
    environment.make_environment()
    assert house.did("create") == 0
    assert house.did("install") == 2


@pytest.mark.parametrize("failing", ["-r", "-e"])
def test_an_unfinished_one_is_made_again(house, failing):
    house.codes[failing] = 1
    with pytest.raises(Stop) as stop:
        environment.make_environment()
    assert stop.value.exit_code == 11
    (house.venv / "half a package").touch()

    house.codes.clear()
    house.commands.clear()
    environment.make_environment()
    assert house.did("create") == 1
    assert house.did("install") == 2
    assert not (house.venv / "half a package").exists()


def test_one_that_failed_to_change_is_made_again(house):
    environment.make_environment()
    (house.folder / "pyproject.toml").write_text("changed")
    house.codes["-r"] = 1
    with pytest.raises(Stop):
        environment.make_environment()
    house.codes.clear()
    environment.make_environment()
    assert house.did("create") == 2


def test_one_without_its_python_is_made_again(house):
    environment.make_environment()
    pythons.python_in(house.venv).unlink()
    environment.make_environment()
    assert house.did("create") == 2


def test_a_moved_one_is_made_again(house, monkeypatch):
    environment.make_environment()
    moved = house.venv.with_name("moved")
    house.venv.rename(moved)
    monkeypatch.setenv("DREAMSOUND_VENV", str(moved))
    environment.make_environment()
    assert house.did("create") == 2


def test_a_folder_of_somebody_else_is_left_alone(house):
    house.venv.mkdir()
    (house.venv / "thesis.txt").write_text("mine")
    with pytest.raises(Stop, match="DREAMSOUND_VENV"):
        environment.make_environment()
    assert (house.venv / "thesis.txt").read_text() == "mine"
    assert house.commands == []


def test_two_at_once_take_turns(tmp_path):
    code = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[1])
from devtools.environment import locked
log = pathlib.Path("log")
with locked(pathlib.Path("env.lock")):
    inside = log.read_text() if log.exists() else ""
    log.write_text(inside + "in ")
    time.sleep(0.3)
    log.write_text(log.read_text() + "out ")
"""
    words = [sys.executable, "-c", code, str(TOP)]
    both = [subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(30) for process in both] == [0, 0]
    assert (tmp_path / "log").read_text() == "in out in out "


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_lock_of_one_that_died_does_not_hold(tmp_path):
    code = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[1])
from devtools.environment import locked
with locked(pathlib.Path("env.lock")):
    print("held", flush=True)
    time.sleep(60)
"""
    words = [sys.executable, "-c", code, str(TOP)]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        process.kill()
        process.wait()
    started = time.monotonic()
    with environment.locked(tmp_path / "env.lock"):
        assert time.monotonic() - started < 5
