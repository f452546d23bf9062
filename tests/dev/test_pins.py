"""The tested versions, and the scripts of CI that install or borrow them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from .conftest import DEV, TOP

PINS = (TOP / "requirements-tested.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BASH = shutil.which("bash")


@pytest.mark.skipif(BASH is None, reason="no bash")
def test_ci_is_scripts_that_bash_can_read():
    for name in ("run", "bare"):
        script = TOP / ".ci" / name
        subprocess.run([BASH, "-n", script], check=True)
        assert os.name == "nt" or os.access(script, os.X_OK)


def pinned_lines() -> list[str]:
    """Return each pin with its hashes as one line."""
    text = re.sub(r"^#.*\n", "", PINS, flags=re.MULTILINE)
    return text.replace("\\\n", " ").splitlines()


def pins() -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", PINS, flags=re.MULTILINE)
    return {name.lower(): version for name, version in found}


def test_the_pins_are_versions_with_hashes_and_name_no_address():
    marker = r"( ; [\w' .!=<>]+)?"
    pin = re.compile(rf"[\w.-]+==[\w.]+{marker}( +--hash=sha256:[0-9a-f]{{64}})+ *")
    assert len(pinned_lines()) > 50
    assert [line for line in pinned_lines() if not pin.fullmatch(line)] == []
    assert "://" not in PINS


def test_the_pins_cover_what_the_project_needs():
    packaging = pytest.importorskip("packaging.requirements")
    needed = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    for text in needed:
        requirement = packaging.Requirement(text)
        version = pins()[requirement.name.lower()]
        assert requirement.specifier.contains(version), f"{text} is pinned to {version}"


@pytest.mark.skipif(os.name == "nt", reason=".ci is for bash")
def test_a_clone_that_borrows_packages_runs_its_own_code(tmp_path):
    packages = tmp_path / "made" / "lib" / "python3" / "site-packages"
    packages.mkdir(parents=True)
    # The environment's own checkout has to stay out of reach.
    (packages / "checkout.pth").write_text(str(tmp_path / "other"))
    for place, text in (("other/dreamsound_studio.py", "1"), ("other/elsewhere.py", "1")):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text)
    (packages / "borrowed_one.py").write_text("")
    (packages / "dreamsound_studio.py").write_text("")
    (packages.parents[2] / "bin").mkdir()
    (packages.parents[2] / "bin" / "python").symlink_to(sys.executable)
    clone = tmp_path / "clone"
    (clone / "core" / "dreamsound_studio").mkdir(parents=True)
    (clone / "core" / "dreamsound_studio" / "__init__.py").write_text("")
    code = "def run(): print(__file__); raise SystemExit(7)"
    (clone / "core" / "dreamsound_studio" / "cli.py").write_text(code)
    for path in (DEV, TOP / "pyproject.toml", TOP / "requirements-tested.txt"):
        shutil.copy(path, clone)
    shutil.copytree(TOP / "devtools", clone / "devtools")
    words = [sys.executable, TOP / ".ci" / "borrow.py", clone, packages.parents[2]]
    subprocess.run(words, check=True)

    program = clone / ".venv" / "bin" / "dreamsound"
    ran = subprocess.run([program], capture_output=True, text=True, check=False, env={})
    assert (ran.returncode, Path(ran.stdout.strip()).is_relative_to(clone)) == (7, True), ran
    code = "import importlib.util as u; print(*map(bool, map(u.find_spec, ('{}', '{}'))))"
    code = code.format("borrowed_one", "elsewhere")
    python = clone / ".venv" / "bin" / "python"
    ran = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, env={})
    assert ran.stdout.split() == ["True", "False"]
    ready = [sys.executable, clone / "dev.py", "env"]
    nothing = {"DREAMSOUND_INSTALLER": "pip", "PATH": ""}
    ran = subprocess.run(ready, capture_output=True, text=True, check=True, env=nothing)
    assert ran.stdout.startswith("environment ready")
