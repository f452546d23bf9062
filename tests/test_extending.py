"""CONTRIBUTING.md's examples, applied to a copy of the engine: each is a file and a line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import dreamsound_studio as package
from dreamsound_studio.models.store import local

TOP = Path(__file__).resolve().parent.parent
PAGE = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^```(?:python|toml)\n# ([^\s:]+)(?:: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def add_line(path: Path, table: str, line: str) -> None:
    """Add a line at the end of a table."""
    text = path.read_text(encoding="utf-8")
    changed, count = re.subn(
        rf"^({table}\b.*?= {{\n.*?)^}}",
        lambda found: found[1] + line + "}",
        text,
        flags=re.MULTILINE | re.DOTALL,
    )
    assert count == 1, f"{path} has {count} tables {table}"
    path.write_text(changed, encoding="utf-8")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import the extended engine from."""
    folder = tmp_path_factory.mktemp("extended")
    root = Path(str(package.__file__)).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root, folder / package.__name__, ignore=ignored)
    kinds = []
    for path, table, content in BLOCK.findall(PAGE):
        kinds.append(table.split(".")[0])
        if path == "pyproject.toml":
            info = folder / "loudness-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loudness\nVersion: 1.0\n")
            group = re.sub(r'\[project\.entry-points\."(.*)"\]', r"[\1]", table)
            (info / "entry_points.txt").write_text(f"{group}\n{content}".replace('"', ""))
        elif table:
            assert content.count("\n") == 1, f"{table}: one line is promised"
            add_line(folder / path.removeprefix("core/"), table, content)
        else:
            new = folder / path.removeprefix("core/")
            assert not new.exists()
            new.write_text(content, encoding="utf-8")
    assert [kind for kind in kinds if kind] == [
        *("ATOMS", "METHODS", "RENDERS", "[project", "COMMANDS"),
    ]
    return folder


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of a rising tone."""
    time = np.arange(16_000) / 16_000
    path = tmp_path_factory.mktemp("sound") / "tone.wav"
    soundfile.write(path, 0.2 * time * np.sin(2 * np.pi * (800 + 400 * time) * time), 16_000)
    return path


def dreamsound(engine: Path, *words: object) -> str:
    """Run the command line of the extended engine."""
    places = [str(engine), *(place for place in sys.path if place)]
    done = subprocess.run(
        [sys.executable, "-m", package.__name__, *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        encoding="utf-8",
        cwd=engine,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_names_places_that_exist() -> None:
    named = [path for path, table, _ in BLOCK.findall(PAGE) if table and path != "pyproject.toml"]
    assert [path for path in named if not (TOP / path).is_file()] == []


@pytest.mark.yamnet
def test_a_new_objective_method_and_render(engine: Path, tone: Path, tmp_path: Path) -> None:
    if local.local_weights("yamnet") is None:
        pytest.skip(f"YAMNet is not on this machine: name its folder in {local.MODELS_VARIABLE}")
    objective = "2*loudest:layer12"
    words = ["--method", "shimmer", "--objective", objective, "--renders", "dream,backwards"]
    words += ["--steps", "1", "--no-jitter", "--level", "raw", "--bits", "32f"]
    words += ["--model", "yamnet", "--json"]
    report = json.loads(dreamsound(engine, "render", tone, "--out", tmp_path, *words))["inputs"][0]
    assert report["final"]["loss"] > report["initial"]["loss"]
    sound, reversed_sound = (
        soundfile.read(report["renders"][name])[0] for name in ("dream", "backwards")
    )
    np.testing.assert_array_equal(reversed_sound, sound[::-1])
    assert np.any(sound != soundfile.read(tone)[0])
    shown = dreamsound(engine, "recipe", "show", report["renders"]["backwards"]).splitlines()
    lines = {"# render: backwards", "method: shimmer", f"objective: {objective}", "strength: 0.05"}
    assert lines <= set(shown)


def test_a_new_network(engine: Path, tone: Path, tmp_path: Path) -> None:
    words = ["--model", "loudness", "--class", "loud", "--steps", "1", "--json"]
    report = json.loads(dreamsound(engine, "render", tone, "--out", tmp_path, *words))["inputs"][0]
    assert report["model"] == "loudness"
    assert report["final"]["loss"] > report["initial"]["loss"]


def test_a_new_command(engine: Path, tone: Path) -> None:
    assert "Show how long sounds are." in dreamsound(engine, "--help")
    assert dreamsound(engine, "seconds", tone).split() == ["1.000", str(tone)]
