"""``dreamsound reaper install|uninstall|favourite`` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamsound_reaper.install import homes, running
from dreamsound_studio.cli import main


@pytest.fixture
def resource(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """REAPER's folder; REAPER is closed, and the scripts are stand-ins."""
    shipped = tmp_path / "DreamSound"
    shipped.mkdir()
    for ending, empty in ((".lua", "local PRESET = nil"), (".py", "PRESET = None")):
        stem = "DreamSound_Dream selected items with preset"
        (shipped / f"{stem}{ending}").write_text(f"{empty}\n")
        (shipped / f"DreamSound_Cancel{ending}").write_text("cancel\n")
    monkeypatch.setattr(homes, "scripts_folder", lambda: shipped)
    monkeypatch.setattr(running, "all_programs", lambda: ["init"])
    folder = tmp_path / "REAPER"
    folder.mkdir()
    (folder / "reaper.ini").write_text("[REAPER]\n")
    return folder


@pytest.fixture
def command(resource, capsys):
    """``dreamsound reaper`` on that folder: the exit code, and what is printed."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["reaper", *words, "--resource-path", str(resource)])
        return code, *capsys.readouterr()

    return run


def test_install_and_uninstall(command, resource):
    code, report, _ = command("install", "--favourite", "bones", "--favourite", "Bones")
    assert code == 0
    assert f"in {resource / 'Scripts' / 'DreamSound'}" in report
    assert "Added 3 actions to REAPER" in report
    assert (resource / "reaper-kb.ini").read_text().count("SCR 4 0 RS") == 3
    assert command("uninstall")[:2] == (0, f"Removed DreamSound from {resource}\n")
    assert [path.name for path in resource.iterdir()] == ["reaper.ini"]
    code, _, said = command("uninstall")
    assert (code, said.count("\n")) == (2, 1)
    assert "Nothing to remove" in said


def test_python_says_which_library_to_enter(command):
    code, report, _ = command("install", "--python", "--portable")
    assert code == 0
    assert "Preferences > Plug-ins > ReaScript" in report


def test_favourites(command, resource):
    code, _, said = command("favourite", "add", "Bones")
    assert (code, said.count("\n")) == (2, 1)
    assert "run dreamsound reaper install" in said
    command("install")
    assert command("favourite", "add", "bones", "Chameleon")[0] == 0
    code, report, _ = command("favourite", "list", "--json")
    name = "DreamSound_Dream selected items with preset - Bones.lua"
    assert json.loads(report)[0] == {"preset": "Bones", "file": name}
    assert (resource / "Scripts/DreamSound" / name).read_text() == 'local PRESET = "Bones"\n'
    assert command("install")[0] == 0  # an update keeps them
    code, report, _ = command("favourite", "list")
    assert [line.split()[0] for line in report.splitlines()] == ["Bones", "Chameleon"]
    assert command("favourite", "remove", "BONES")[0] == 0
    assert not (resource / "Scripts/DreamSound" / name).exists()
    assert "Bones" not in (resource / "reaper-kb.ini").read_text()
    code, _, said = command("favourite", "remove", "Bones")
    assert (code, said.count("\n")) == (2, 1)
    assert "Existing: Chameleon" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["install", "--lua", "--python"], "pass --lua or --python, not both"),
        (["install", "--favourite", "Bonez"], "Did you mean"),
        (["install", "--nonsense"], "unknown option --nonsense"),
        (["instal"], "did you mean install?"),
    ],
)
def test_bad_input_changes_nothing(command, resource, words, message):
    code, _, said = command(*words)
    assert (code, said.count("\n")) == (2, 1)
    assert message in said
    assert [path.name for path in resource.iterdir()] == ["reaper.ini"]


def test_no_reaper(tmp_path, capsys):
    assert main(["reaper", "install", "--resource-path", str(tmp_path)]) == 2
    assert "is not REAPER's folder" in capsys.readouterr().err
    assert main(["reaper", "install", "--portable"]) == 2
    assert "Pass its folder with --resource-path" in capsys.readouterr().err
