"""Which Python makes the environment, and which tool installs into it."""

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple

import pytest
from devtools import installing, processes, pythons
from devtools.messages import Stop

Version = namedtuple("Version", "major minor micro")


def pretend_python(monkeypatch, version: Version, on_path: dict[str, int]) -> None:
    monkeypatch.setattr(pythons.sys, "version_info", version)
    monkeypatch.setattr(
        pythons.shutil, "which", lambda name: f"/{name}" if name in on_path else None
    )
    monkeypatch.setattr(pythons, "platform_minor", lambda path: on_path[path.lstrip("/")])


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_a_python_that_fits_is_taken(monkeypatch, minor):
    pretend_python(monkeypatch, Version(3, minor, 1), {})
    assert pythons.fitting_python() == getattr(sys, "_base_executable", sys.executable)


@pytest.mark.parametrize("version", [Version(3, 8, 2), Version(3, 10, 9), Version(3, 14, 0)])
def test_otherwise_one_on_path_is_found(monkeypatch, version):
    # A shim of python3.13 is there without the Python behind it.
    pretend_python(monkeypatch, version, {"python3.13": None, "python3.11": 11})
    assert pythons.fitting_python() == "/python3.11"


@pytest.mark.parametrize("version", [Version(3, 8, 2), Version(3, 10, 9), Version(3, 14, 0)])
def test_without_any_the_line_says_what_is_needed(monkeypatch, version):
    pretend_python(monkeypatch, version, {})
    here = rf"Python 3\.11, 3\.12 or 3\.13; this is 3\.{version.minor}\.{version.micro}"
    with pytest.raises(Stop, match=here) as stop:
        pythons.fitting_python()
    assert stop.value.exit_code == 10


def test_a_python_without_ensurepip_is_served_by_its_own_pip(tmp_path, monkeypatch):
    tried = []

    def run(way, **_):
        tried.append(way[1:])
        fails = "--without-pip" not in way
        return subprocess.CompletedProcess(way, int(fails), "ensurepip is not available", "")

    monkeypatch.setattr(installing.subprocess, "run", run)
    monkeypatch.setattr(installing, "base_pip_serves", lambda _: True)
    installing.create_venv(tmp_path / "env", "python3", None)
    assert tried[-1][:3] == ["-m", "venv", "--without-pip"]

    monkeypatch.setattr(processes, "runs", lambda *_: False)  # no pip inside
    words = installing.installer(tmp_path / "env", "python3", None)
    assert words[:4] == ["python3", "-m", "pip", "--python"]


def test_without_any_way_to_make_one_the_package_is_named(tmp_path, monkeypatch, capsys):
    answer = subprocess.CompletedProcess([], 1, "ensurepip is not available", "")
    monkeypatch.setattr(installing.subprocess, "run", lambda *_, **__: answer)
    monkeypatch.setattr(installing, "base_pip_serves", lambda _: False)
    monkeypatch.setattr(pythons, "platform_minor", lambda _: 11)
    with pytest.raises(Stop, match=r"apt install python3\.11-venv"):
        installing.create_venv(tmp_path / "env", "python3", None)
    assert "ensurepip is not available" in capsys.readouterr().err


@pytest.mark.parametrize("uv", [None, "/bin/uv"])
def test_on_a_terminal_installing_shows_its_progress_and_elsewhere_only_what_fails(
    tmp_path, monkeypatch, uv
):
    monkeypatch.setattr(processes, "runs", lambda *_: True)
    for watched in (True, False):
        monkeypatch.setattr(processes, "on_terminal", lambda watched=watched: watched)
        assert ("--quiet" in installing.installer(tmp_path, "python3", uv)) is not watched
