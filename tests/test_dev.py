"""dev.py makes the environment once, repairs it, and passes on what the tools say."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections import namedtuple
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
DEV = TOP / "dev.py"
PINS = (TOP / "requirements-tested.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BASH = shutil.which("bash")


def load():
    spec = importlib.util.spec_from_file_location("dev_under_test", DEV)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class House:
    """A project whose tools are pretended: each run is noted and ends with a set code."""

    def __init__(self, dev, folder: Path) -> None:
        self.dev = dev
        self.venv = folder / "env"
        self.commands: list[list[str]] = []
        self.codes: dict[str, int] = {}  # a word of the command, and the exit code it gets
        self.printed = ""

    def run(self, command, folder=None, capture=False, heartbeat=None):
        self.commands.append([str(word) for word in command])
        for word, code in self.codes.items():
            if word in self.commands[-1]:
                return code, self.printed
        return 0, self.printed

    def create_venv(self, venv, python, uv) -> None:
        self.commands.append(["create"])
        self.dev.python_in(venv).parent.mkdir(exist_ok=True)
        self.dev.python_in(venv).symlink_to(sys.executable)

    def did(self, word: str) -> int:
        return sum(word in command for command in self.commands)


@pytest.fixture
def house(tmp_path, monkeypatch):
    dev = load()
    made = House(dev, tmp_path)
    for name in ("pyproject.toml", "requirements-tested.txt"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(dev, "TOP", tmp_path)
    monkeypatch.setattr(dev, "PINS", tmp_path / "requirements-tested.txt")
    monkeypatch.setattr(dev, "run", made.run)
    monkeypatch.setattr(dev, "create_venv", made.create_venv)
    monkeypatch.setattr(dev, "find_uv", lambda: None)
    monkeypatch.setattr(dev, "refuse_unsupported_system", lambda: None)
    monkeypatch.setenv("DREAMSOUND_VENV", str(made.venv))
    monkeypatch.chdir(tmp_path)
    return made


# ---------------------------------------------------------------- the file itself


def test_it_imports_nothing_but_pythons_own_library():
    tree = ast.parse(DEV.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(node.module.split(".")[0])
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["fly"], 2, "demo, test, check, docs, bench, app, env"),
        (["check", "everything"], 2, "everything"),
        (["docs", "everything"], 2, "everything"),
        (["demo", "nowhere.wav"], 2, "nowhere.wav"),
        (["demo", "--out"], 2, "--out"),
    ],
)
def test_a_command_that_makes_no_sense_is_one_line_and_exit_2(tmp_path, arguments, code, says):
    done = subprocess.run(
        [sys.executable, DEV, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == code
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_is_help():
    for words in (["--help"], ["demo", "--help"]):
        done = subprocess.run([sys.executable, DEV, *words], capture_output=True, check=True)
        assert b"python3 dev.py test" in done.stdout


# ---------------------------------------------------------------- which Python

Version = namedtuple("Version", "major minor micro")


def pretend_python(dev, monkeypatch, version: Version, on_path: dict[str, int]) -> None:
    monkeypatch.setattr(dev.sys, "version_info", version)
    monkeypatch.setattr(dev.shutil, "which", lambda name: f"/{name}" if name in on_path else None)
    monkeypatch.setattr(dev, "platform_minor", lambda path: on_path[path.lstrip("/")])


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_a_python_that_fits_is_taken(monkeypatch, minor):
    dev = load()
    pretend_python(dev, monkeypatch, Version(3, minor, 1), {})
    assert dev.fitting_python() == getattr(sys, "_base_executable", sys.executable)


@pytest.mark.parametrize("version", [Version(3, 8, 2), Version(3, 10, 9), Version(3, 14, 0)])
def test_otherwise_one_on_path_is_found(monkeypatch, version):
    dev = load()
    # A shim of python3.13 is there without the Python behind it.
    pretend_python(dev, monkeypatch, version, {"python3.13": None, "python3.11": 11})
    assert dev.fitting_python() == "/python3.11"


@pytest.mark.parametrize("version", [Version(3, 8, 2), Version(3, 10, 9), Version(3, 14, 0)])
def test_without_any_the_line_says_what_is_needed(monkeypatch, version):
    dev = load()
    pretend_python(dev, monkeypatch, version, {})
    here = rf"Python 3\.11, 3\.12 or 3\.13; this is 3\.{version.minor}\.{version.micro}"
    with pytest.raises(dev.Stop, match=here) as stop:
        dev.fitting_python()
    assert stop.value.exit_code == 10


# ---------------------------------------------------------------- the environment


def test_the_environment_is_made_once(house):
    assert house.dev.make_environment() == house.venv
    assert house.did("create") == 1
    pinned, project = (c for c in house.commands if "install" in c)
    assert str(house.dev.PINS) in pinned
    assert {"-e", "--no-deps", "--no-build-isolation"} <= set(project)

    house.commands.clear()
    assert house.dev.make_environment() == house.venv
    assert house.commands == []


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements-tested.txt"])
def test_new_versions_are_installed_into_it(house, name):
    house.dev.make_environment()
    house.commands.clear()
    (house.dev.TOP / name).write_text("changed")
    house.dev.make_environment()
    assert house.did("create") == 0
    assert house.did("install") == 2


@pytest.mark.parametrize("failing", ["-r", "-e"])
def test_an_unfinished_one_is_made_again(house, failing):
    house.codes[failing] = 1
    with pytest.raises(house.dev.Stop) as stop:
        house.dev.make_environment()
    assert stop.value.exit_code == 11
    (house.venv / "half a package").touch()

    house.codes.clear()
    house.commands.clear()
    house.dev.make_environment()
    assert house.did("create") == 1
    assert house.did("install") == 2
    assert not (house.venv / "half a package").exists()


def test_one_that_failed_to_change_is_made_again(house):
    house.dev.make_environment()
    (house.dev.TOP / "pyproject.toml").write_text("changed")
    house.codes["-r"] = 1
    with pytest.raises(house.dev.Stop):
        house.dev.make_environment()
    house.codes.clear()
    house.dev.make_environment()
    assert house.did("create") == 2


def test_one_without_its_python_is_made_again(house):
    house.dev.make_environment()
    house.dev.python_in(house.venv).unlink()
    house.dev.make_environment()
    assert house.did("create") == 2


def test_a_moved_one_is_made_again(house, monkeypatch):
    house.dev.make_environment()
    moved = house.venv.with_name("moved")
    house.venv.rename(moved)
    monkeypatch.setenv("DREAMSOUND_VENV", str(moved))
    house.dev.make_environment()
    assert house.did("create") == 2


def test_a_folder_of_somebody_else_is_left_alone(house):
    house.venv.mkdir()
    (house.venv / "thesis.txt").write_text("mine")
    with pytest.raises(house.dev.Stop, match="DREAMSOUND_VENV"):
        house.dev.make_environment()
    assert (house.venv / "thesis.txt").read_text() == "mine"
    assert house.commands == []


def test_two_at_once_take_turns(tmp_path):
    code = """
import importlib.util, pathlib, sys, time
spec = importlib.util.spec_from_file_location("dev", sys.argv[1])
dev = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dev)
log = pathlib.Path("log")
with dev.locked(pathlib.Path("env.lock")):
    inside = log.read_text() if log.exists() else ""
    log.write_text(inside + "in ")
    time.sleep(0.3)
    log.write_text(log.read_text() + "out ")
"""
    words = [sys.executable, "-c", code, str(DEV)]
    both = [subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(30) for process in both] == [0, 0]
    assert (tmp_path / "log").read_text() == "in out in out "


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_lock_of_one_that_died_does_not_hold(tmp_path):
    code = """
import importlib.util, pathlib, sys, time
spec = importlib.util.spec_from_file_location("dev", sys.argv[1])
dev = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dev)
with dev.locked(pathlib.Path("env.lock")):
    print("held", flush=True)
    time.sleep(60)
"""
    words = [sys.executable, "-c", code, str(DEV)]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        process.kill()
        process.wait()
    started = time.monotonic()
    with load().locked(tmp_path / "env.lock"):
        assert time.monotonic() - started < 5


def test_a_python_without_ensurepip_is_served_by_its_own_pip(tmp_path, monkeypatch):
    dev = load()
    tried = []

    def run(way, **_):
        tried.append(way[1:])
        fails = "--without-pip" not in way
        return subprocess.CompletedProcess(way, int(fails), "ensurepip is not available", "")

    monkeypatch.setattr(dev.subprocess, "run", run)
    monkeypatch.setattr(dev, "base_pip_serves", lambda _: True)
    dev.create_venv(tmp_path / "env", "python3", None)
    assert tried[-1][:3] == ["-m", "venv", "--without-pip"]

    monkeypatch.setattr(dev, "runs", lambda *_: False)  # no pip inside
    words = dev.installer(tmp_path / "env", "python3", None)
    assert words[:4] == ["python3", "-m", "pip", "--python"]


def test_without_any_way_to_make_one_the_package_is_named(tmp_path, monkeypatch, capsys):
    dev = load()
    answer = subprocess.CompletedProcess([], 1, "ensurepip is not available", "")
    monkeypatch.setattr(dev.subprocess, "run", lambda *_, **__: answer)
    monkeypatch.setattr(dev, "base_pip_serves", lambda _: False)
    monkeypatch.setattr(dev, "platform_minor", lambda _: 11)
    with pytest.raises(dev.Stop, match=r"apt install python3\.11-venv"):
        dev.create_venv(tmp_path / "env", "python3", None)
    assert "ensurepip is not available" in capsys.readouterr().err


# ---------------------------------------------------------------- the commands


def test_test_passes_on_arguments_and_exit_code(house):
    house.codes["pytest"] = 5
    assert house.dev.main(["test", "-k", "whistle"]) == 5
    assert house.commands[-1][1:] == ["-m", "pytest", "-k", "whistle"]


def test_check_runs_every_tool_even_if_one_fails(house, capsys):
    assert house.dev.main(["check"]) == 0
    ran = [command for command in house.commands if "install" not in command]
    house.codes["check"] = 1  # of ruff
    house.commands.clear()
    assert house.dev.main(["check"]) == 1
    assert len(house.commands) == len(ran) - 1 == 8  # less the making of the environment
    assert "failed: ruff\n" in capsys.readouterr().out


def test_check_runs_the_tools_that_are_named(house):
    house.dev.make_environment()
    house.commands.clear()
    assert house.dev.main(["check", "vulture", "mypy"]) == 0
    assert [command[2] for command in house.commands] == ["vulture", "mypy"]


def test_coverage_is_measured_on_request_and_reported_even_if_tests_fail(house):
    house.codes["run"] = 1  # of coverage
    assert house.dev.main(["test", "--coverage", "-k", "whistle"]) == 1
    erase, measure, combine, report = (command[2:] for command in house.commands[-4:])
    assert erase == ["coverage", "erase"]
    assert measure == ["coverage", "run", "-m", "pytest", "-k", "whistle"]
    assert combine[:2] == ["coverage", "combine"]
    assert report == ["coverage", "report"]
    house.codes = {"combine": 1}  # nothing was measured
    assert house.dev.main(["test", "--coverage"]) == 1


def test_docs_are_made_beside_the_sources_and_their_place_is_reported(house, capsys):
    assert house.dev.main(["docs"]) == 0
    words = house.commands[-1]
    site = str(house.dev.TOP / "site")
    assert words[1:] == ["-c", house.dev.MAKE_DOCS, "dreamsound_studio", site]
    assert str(Path("site") / "index.html") in capsys.readouterr().out
    house.codes["dreamsound_studio"] = 3
    assert house.dev.main(["docs"]) == 3
    assert "site" not in capsys.readouterr().out


def test_bench_needs_a_benchmark(house):
    with pytest.raises(house.dev.Stop, match="no benchmark"):
        house.dev.main(["bench"])
    (house.dev.TOP / "benchmarks").mkdir()
    (house.dev.TOP / "benchmarks" / "run.py").touch()
    house.codes["--quick"] = 7
    assert house.dev.main(["bench", "--quick"]) == 7


def rendered(folder: Path, **changes) -> str:
    moment = {"class": "Whistling", "score": 0.7, "loss": 1.0}
    result = {
        "model": "yamnet",
        "steps": [moment | {"score": 0.1}, moment],
        "initial": moment,
        "final": {"class": "Owl", "score": 0.96, "loss": 2.0},
        "renders": {"dream": str(folder / "whistle_dream.wav")},
    }
    return json.dumps({"inputs": [result | changes]})


def test_demo_whistles_dreams_draws_and_reports(house, capsys):
    house.printed = rendered(house.dev.TOP / "dreamsound-demo")
    assert house.dev.main(["demo", "--steps", "3"]) == 0
    whistle, render, draw = house.commands[-3:]
    sound = str(Path("dreamsound-demo") / "whistle.wav")
    assert whistle[1:4] == ["-m", "dreamsound_studio.demo_sound", sound]
    assert render[1:] == [
        *("render", sound, "--out", "dreamsound-demo", "--renders", "all", "--json"),
        *("--overwrite", "--steps", "3"),
    ]
    dream = str(house.dev.TOP / "dreamsound-demo" / "whistle_dream.wav")
    assert draw[1:] == [
        *("plot", dream, "--source", sound, "--out", "dreamsound-demo", "--overwrite"),
    ]
    printed = capsys.readouterr().out
    assert "Whistling 0.700" in printed
    assert "Owl 0.960" in printed
    assert str(Path("dreamsound-demo") / "whistle_dream.wav") in printed  # seen from here
    assert str(Path("dreamsound-demo") / "whistle_dream.wav.png") in printed


def test_demo_dreams_a_file_into_a_folder(house):
    house.printed = rendered(house.dev.TOP, initial={"class": None, "loss": 0.5})
    (house.dev.TOP / "cat.wav").touch()
    assert house.dev.main(["demo", "--out=there", "cat.wav", "--layer", "layer7"]) == 0
    assert house.did("dreamsound_studio.demo_sound") == 0
    assert house.commands[-2][1:5] == ["render", "cat.wav", "--out", "there"]
    assert house.commands[-2][-2:] == ["--layer", "layer7"]
    assert house.commands[-1][1] == "plot"


@pytest.mark.parametrize(
    "word",
    ["dreamsound_studio.demo_sound", "render", "plot"],
)
def test_demo_passes_on_the_exit_code_of_the_step_that_fails(house, word):
    house.printed = rendered(house.dev.TOP)
    house.codes[word] = 3
    assert house.dev.main(["demo"]) == 3
    assert word in house.commands[-1]


def test_demo_draws_no_picture_without_the_dream(house, capsys):
    house.printed = rendered(house.dev.TOP, renders={"gradient": "whistle_gradient.wav"})
    assert house.dev.main(["demo", "--renders", "gradient"]) == 0
    assert house.did("plot") == 0
    assert "picture" not in capsys.readouterr().out


@pytest.mark.parametrize("printed", ["", "{}", '{"inputs": []}', "oh"])
def test_demo_says_so_when_render_prints_no_result(house, printed):
    house.printed = printed
    with pytest.raises(house.dev.Stop, match="no usable result"):
        house.dev.main(["demo"])


@pytest.mark.parametrize("uv", [None, "/bin/uv"])
def test_on_a_terminal_installing_shows_its_progress_and_elsewhere_only_what_fails(
    tmp_path, monkeypatch, uv
):
    dev = load()
    monkeypatch.setattr(dev, "runs", lambda *_: True)
    for watched in (True, False):
        monkeypatch.setattr(dev, "on_terminal", lambda watched=watched: watched)
        assert ("--quiet" in dev.installer(tmp_path, "python3", uv)) is not watched


def test_a_long_command_without_a_terminal_says_that_it_goes_on(capfd):
    code = "import time; time.sleep(0.5); print('done')"
    assert load().run([sys.executable, "-c", code], heartbeat=0.1) == (0, None)
    *beats, last = capfd.readouterr().out.splitlines()
    assert len(beats) >= 2
    assert all(line.startswith("  still at it after ") for line in beats)
    assert last == "done"
    assert load().run([sys.executable, "-c", code], capture=True, heartbeat=0.1) == (0, "done\n")


def test_run_gives_exit_codes_and_what_was_printed():
    dev = load()
    assert dev.run([sys.executable, "-c", "print('é')"], capture=True) == (0, "é\n")
    assert dev.run([sys.executable, "-c", "raise SystemExit(9)"])[0] == 9
    with pytest.raises(dev.Stop, match="cannot run"):
        dev.run(["no such program"])


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_run_reports_a_killed_tool_as_a_shell_does():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert load().run([sys.executable, "-c", code])[0] == 137


# ---------------------------------------------------------------- CI and the pins


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
    code = "def main(): print(__file__); return 7"
    (clone / "core" / "dreamsound_studio" / "cli.py").write_text(code)
    for path in (DEV, TOP / "pyproject.toml", TOP / "requirements-tested.txt"):
        shutil.copy(path, clone)
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
