"""What the tests of dev.py share: its modules, and a project whose tools are pretended."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
DEV = TOP / "dev.py"
sys.path.insert(0, str(TOP))

import dev  # noqa: E402
from devtools import environment, installing, processes, pythons  # noqa: E402


class House:
    """A project whose tools are pretended: each run is noted and ends with a set code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venv = folder / "env"
        self.commands: list[list[str]] = []
        self.codes: dict[str, int] = {}  # a word of the command, and the exit code it gets
        self.printed = ""
        self.heard = '{"classes": [{"name": "Whistling"}]}'

    def run(self, command, folder=None, capture=False, heartbeat=None):
        self.commands.append([str(word) for word in command])
        for word, code in self.codes.items():
            if word in self.commands[-1]:
                return code, self.printed
        return 0, self.heard if "listen" in self.commands[-1] else self.printed

    def create_venv(self, venv, python, uv) -> None:
        self.commands.append(["create"])
        pythons.python_in(venv).parent.mkdir(exist_ok=True)
        pythons.python_in(venv).symlink_to(sys.executable)

    def did(self, word: str) -> int:
        return sum(word in command for command in self.commands)


@pytest.fixture
def house(tmp_path, monkeypatch):
    made = House(tmp_path)
    for name in ("pyproject.toml", "requirements-tested.txt"):
        (tmp_path / name).write_text(name)
    for module in (dev, environment):
        monkeypatch.setattr(module, "TOP", tmp_path)
    monkeypatch.setattr(environment, "PINS", tmp_path / "requirements-tested.txt")
    monkeypatch.setattr(processes, "run", made.run)
    monkeypatch.setattr(installing, "create_venv", made.create_venv)
    monkeypatch.setattr(installing, "find_uv", lambda: None)
    monkeypatch.setattr(pythons, "refuse_unsupported_system", lambda: None)
    monkeypatch.setenv("DREAMSOUND_VENV", str(made.venv))
    monkeypatch.chdir(tmp_path)
    return made
