"""dev.py runs the tools, and passes on what they say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import dev
import pytest
from devtools import environment
from devtools.messages import Stop

from .conftest import DEV, TOP

FILES = [DEV, *sorted((TOP / "devtools").glob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_imports_nothing_but_pythons_own_library_and_its_parts(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(node.module.split(".")[0])
    assert names <= {"devtools", *sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["fly"], 2, "demo, test, check, docs, bench, fuzz, app, env"),
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


def test_test_passes_on_arguments_and_exit_code(house):
    house.codes["pytest"] = 5
    assert dev.main(["test", "-k", "whistle"]) == 5
    assert house.commands[-1][1:] == ["-m", "pytest", "-k", "whistle"]


@pytest.mark.parametrize(("processors", "processes"), [(1, "1"), (2, "2"), (64, "4"), (None, "1")])
def test_all_tests_run_in_several_processes(house, monkeypatch, processors, processes):
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    assert dev.main(["test"]) == 0
    assert house.commands[-1][1:] == ["-m", "pytest", "-n", processes, "--dist", "loadfile"]


def test_check_runs_every_tool_even_if_one_fails(house, capsys):
    assert dev.main(["check"]) == 0
    ran = [command for command in house.commands if "install" not in command]
    house.codes["check"] = 1  # of ruff
    house.commands.clear()
    assert dev.main(["check"]) == 1
    assert len(house.commands) == len(ran) - 1 == 8  # less the making of the environment
    assert "failed: ruff\n" in capsys.readouterr().out


def test_check_runs_the_tools_that_are_named(house):
    environment.make_environment()
    house.commands.clear()
    assert dev.main(["check", "vulture", "mypy"]) == 0
    assert [command[2] for command in house.commands] == ["vulture", "mypy"]


def test_coverage_is_measured_on_request_and_reported_even_if_tests_fail(house):
    house.codes["run"] = 1  # of coverage
    assert dev.main(["test", "--coverage", "-k", "whistle"]) == 1
    erase, measure, combine, report = (command[2:] for command in house.commands[-4:])
    assert erase == ["coverage", "erase"]
    assert measure == ["coverage", "run", "-m", "pytest", "-k", "whistle"]
    assert combine[:2] == ["coverage", "combine"]
    assert report == ["coverage", "report"]
    house.codes = {"combine": 1}  # nothing was measured
    assert dev.main(["test", "--coverage"]) == 1


def test_docs_are_made_beside_the_sources_and_their_place_is_reported(house, capsys):
    assert dev.main(["docs"]) == 0
    words = house.commands[-1]
    site = str(house.folder / "site")
    assert words[1:] == ["-c", dev.MAKE_DOCS, "dreamsound_studio", site]
    assert str(Path("site") / "index.html") in capsys.readouterr().out
    house.codes["dreamsound_studio"] = 3
    assert dev.main(["docs"]) == 3
    assert "site" not in capsys.readouterr().out


def test_bench_needs_a_benchmark(house):
    with pytest.raises(Stop, match="no benchmark"):
        dev.main(["bench"])
    (house.folder / "benchmarks").mkdir()
    (house.folder / "benchmarks" / "run.py").touch()
    house.codes["--quick"] = 7
    assert dev.main(["bench", "--quick"]) == 7
