"""The doctor: each finding, its remedy, and what the command ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dreamsound_reaper.install import checks, doctor, running
from dreamsound_reaper.install.checks import Check
from dreamsound_reaper.install.homes import home_in
from dreamsound_reaper.install.installer import install
from dreamsound_reaper.install.uninstaller import uninstall
from dreamsound_studio import __version__
from dreamsound_studio.cli import main
from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.weights import Weights

WITH_PRESET = "DreamSound_Dream selected items with preset"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    """The user's folders are empty ones, and no REAPER runs."""
    import platformdirs

    monkeypatch.setattr(platformdirs, "user_data_dir", lambda *_, **__: str(tmp_path / "data"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))  # of processes that are started
    monkeypatch.setenv("DREAMSOUND_QUEUE", str(tmp_path / "queue.sqlite"))
    monkeypatch.setattr(running, "all_programs", list)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Stand-ins for the scripts."""
    folder = tmp_path / "DreamSound"
    folder.mkdir()
    (folder / f"{WITH_PRESET}.lua").write_text("local PRESET = nil\n")
    (folder / f"{WITH_PRESET}.py").write_text("PRESET = None\n")
    return folder


@pytest.fixture
def resource(tmp_path: Path) -> Path:
    """REAPER's folder."""
    folder = tmp_path / "REAPER"
    folder.mkdir()
    (folder / "reaper.ini").write_text("[REAPER]\n")
    return folder


def found_in(resource: Path) -> dict[str, Check]:
    return {check.name: check for check in checks.checks_in_reaper(resource)}


def test_all_is_well(resource, scripts):
    install(resource, scripts=scripts)
    found = found_in(resource)
    assert list(found) == ["REAPER", "scripts", "actions", "language", "engine", "desktop app"]
    assert {check.state for check in found.values()} == {"ok"}
    assert found["scripts"].text.startswith(f"{__version__} (Lua)")
    assert f"dreamsound {__version__}, started by {sys.executable}" in found["engine"].text


def test_no_reaper(tmp_path):
    (check,) = checks.checks_in_reaper(tmp_path / "nowhere")
    assert (check.name, check.state) == ("REAPER", "fail")
    assert "--resource-path" in check.remedy


def test_scripts(resource, scripts):
    assert found_in(resource)["scripts"].text.startswith("not installed")
    install(resource, scripts=scripts)
    home = home_in(resource)
    (home.folder / f"{WITH_PRESET}.lua").write_text("changed\n")
    assert found_in(resource)["scripts"].state == "warning"
    (home.folder / f"{WITH_PRESET}.lua").unlink()
    assert found_in(resource)["scripts"].text.startswith(f"{WITH_PRESET}.lua missing")
    install(resource, scripts=scripts)
    manifest = home.folder / "installed.json"
    manifest.write_text(manifest.read_text().replace(__version__, "0.0.1"))
    assert f"scripts 0.0.1, engine {__version__}" in found_in(resource)["scripts"].text
    manifest.write_text("{")
    assert found_in(resource)["scripts"].state == "fail"
    for check in found_in(resource).values():
        assert check.state == "ok" or check.remedy


def test_actions_of_an_open_reaper(resource, scripts):
    install(resource, scripts=scripts, is_open=True)
    check = found_in(resource)["actions"]
    assert check.state == "warning"
    assert "1 of 1" in check.text
    assert "New action > Load ReaScript" in check.remedy


@pytest.mark.parametrize(
    ("ini", "state", "text"),
    [
        ("reascript=0", "fail", "Python is disabled"),
        ("reascript=1", "warning", "without a library path"),
        ("reascript=1\npythonlibdll64=/nowhere/python3.so", "fail", "library not found"),
        ("reascript=1\npythonlibdll64={python}", "ok", "Python is enabled in REAPER"),
        ("reascript=1\npythonlibdll64={old}", "fail", "is a 64-bit program, but its Python"),
    ],
)
def test_python(resource, scripts, tmp_path, monkeypatch, ini, state, text):
    monkeypatch.setattr(checks, "_bits_of_reaper", lambda _: 64)
    old = tmp_path / "old.so"
    old.write_bytes(b"\x7fELF\x01")
    lines = ini.format(python=Path(sys.executable).resolve(), old=old)
    (resource / "reaper.ini").write_text(f"[REAPER]\n{lines}\n")
    install(resource, "python", scripts=scripts)
    check = found_in(resource)["language"]
    assert (check.state, text in check.text) == (state, True)
    if state != "ok":
        assert "install --lua" in check.remedy


def test_engine(resource, scripts):
    install(resource, scripts=scripts)
    home = home_in(resource)
    asked: list[list[str]] = []

    def says(answer):
        return lambda words: asked.append(words) or answer

    assert checks.check_engine(home, says(f"dreamsound {__version__}")).state == "ok"
    assert checks.check_engine(home, says("dreamsound 0.0.1")).state == "fail"
    assert checks.check_engine(home, says("")).state == "fail"
    assert asked[0] == [sys.executable, "-m", "dreamsound_studio"]
    bridge = home.folder / "bridge.json"
    report = json.loads(bridge.read_text())
    bridge.write_text(json.dumps(report | {"engine": [str(resource / "gone")], "studio": None}))
    assert "does not start" in checks.check_engine(home).text
    assert checks.check_studio(home).state == "warning"
    bridge.write_text("{")
    assert "no engine command" in checks.check_engine(home).text


def test_the_engine_does_not_see_the_python_of_reaper(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    report = checks.reported_version([sys.executable, "-m", "dreamsound_studio"])
    assert report == f"dreamsound {__version__}"


def test_runs_and_queue(tmp_path, monkeypatch):
    assert doctor.check_runs(tmp_path / "a" / "b").state == "ok"
    assert not list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "file").write_text("")
    assert doctor.check_runs(tmp_path / "file" / "runs").state == "fail"
    assert doctor.check_queue().state == "ok"
    (tmp_path / "queue.sqlite").write_bytes(b"no database" * 100)
    assert doctor.check_queue().state in ("warning", "fail")


def test_model(bare_machine):
    check = doctor.check_model()
    assert check.state == "warning"
    assert "models pull yamnet" in check.remedy
    bare_machine.mkdir(parents=True)
    (bare_machine / "yamnet.h5").write_bytes(b"")
    assert doctor.check_model().text == f"yamnet, from {bare_machine / 'yamnet.h5'}"


@pytest.mark.parametrize(
    ("dreams", "state", "code"),
    [
        (lambda: ("yamnet", 0.5), "ok", 0),
        (lambda: (_ for _ in ()).throw(ModelError("no model")), "fail", 3),
        (lambda: (_ for _ in ()).throw(RuntimeError("broken")), "fail", 1),
    ],
)
def test_dream_and_exit_code(monkeypatch, dreams, state, code):
    monkeypatch.setattr(doctor, "dream_a_second", dreams)
    check = doctor.check_dream()
    assert check.state == state
    assert doctor.Findings((check,)).exit_code == code
    both = doctor.Findings((check, Check("x", "fail", "y")))
    assert (both.exit_code, both.state) == (1, "fail")


def test_a_check_that_breaks_is_a_finding(monkeypatch, resource):
    def broken(*_):
        raise ZeroDivisionError("so\nit is")

    monkeypatch.setattr(doctor, "checks_in_reaper", broken)
    findings = doctor.examine(resource, quick=True)
    assert findings.checks[0] == Check("REAPER", "fail", "ZeroDivisionError: so it is")
    assert [check.name for check in findings.checks] == ["REAPER", "runs", "queue", "model"]


def test_command(resource, scripts, tmp_path, capsys):
    install(resource, scripts=scripts)
    out = tmp_path / "found.json"
    words = ["reaper", "doctor", "--quick", "--resource-path", str(resource)]
    assert main([*words, "--out", str(out)]) == 0
    report = json.loads(out.read_text("utf-8"))
    assert report["version"] == __version__
    assert report["lines"][0] == f"ok    REAPER: {resource}"
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    uninstall(resource)
    capsys.readouterr()
    assert main(words) == 1
    assert "FAIL  scripts: not installed" in capsys.readouterr().out
    assert main([*words, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["state"] == "fail"


def test_quick_needs_no_tensorflow(resource):
    code = (
        "import sys; from dreamsound_studio.cli import main;"
        f"main(['reaper', 'doctor', '--quick', '--resource-path', {str(resource)!r}]);"
        "sys.exit('tensorflow' in sys.modules or 'PySide6' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.yamnet
def test_a_second_is_really_dreamed(yamnet, monkeypatch):
    monkeypatch.setattr("dreamsound_studio.models.recent.load_weights", lambda _: yamnet)
    weights = Weights("yamnet", None)
    monkeypatch.setattr("dreamsound_studio.api.find_weights", lambda *_: weights)
    check = doctor.check_dream()
    assert check.state == "ok", check.text
    assert check.text.startswith("yamnet dreamed 1 s, 2 steps, in ")


@pytest.mark.parametrize(
    ("onednn", "gpu", "system", "state", "text"),
    [
        (True, False, "linux", "ok", "oneDNN on"),
        (False, False, "linux", "warning", "oneDNN off, so that dreams are slower"),
        (False, True, "linux", "ok", "oneDNN off"),
        (False, False, "darwin", "ok", "oneDNN off"),
    ],
)
def test_processor(monkeypatch, onednn, gpu, system, state, text):
    monkeypatch.setattr("dreamsound_studio.models.runtime.uses_onednn", lambda: onednn)
    monkeypatch.setattr("dreamsound_studio.models.runtime.has_gpu", lambda: gpu)
    monkeypatch.setattr("dreamsound_studio.processor.multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(doctor.sys, "platform", system)
    check = doctor.check_processor()
    assert (check.state, bool(check.remedy)) == (state, state == "warning")
    assert check.text.endswith(text)
    assert "has bfloat16 for precision fast" in check.text
