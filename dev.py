#!/usr/bin/env python3
"""Runs the demo, the tests and the checks of DreamSound Studio. Needs nothing but Python.

    python3 dev.py demo [FILE] [--out DIR] [options of `dreamsound render`]
    python3 dev.py test [--coverage] [options of pytest]
    python3 dev.py check [NAME ...]      ruff, ruff-format, mypy, import-linter, vulture, words,
                                         names, architecture
    python3 dev.py docs                  API pages in site/, made from the docstrings
    python3 dev.py bench [options]       speed and memory, as ratios
    python3 dev.py fuzz [TARGET ...]     random files for every reader, a minute each
    python3 dev.py app [SOUND ...]       the desktop app
    python3 dev.py env                   only set up the environment

Each command creates `.venv` beside this file if it is missing, and updates it if pyproject.toml or
requirements-tested.txt have changed. Two environment variables change that:

    DREAMSOUND_VENV        another folder for the environment
    DREAMSOUND_INSTALLER   uv or pip (default: uv if it is installed, else pip)

Exit codes: that of the tool that failed; 2: usage error; 10: no suitable Python; 11: no
environment; 130: interrupted (Ctrl-C).
"""

import os
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent
sys.path.insert(0, str(TOP))  # also for a Python that leaves out a script's own folder

from devtools.demo import demo
from devtools.environment import make_environment, run_tool
from devtools.messages import EXIT_INTERRUPTED, EXIT_USAGE, Stop, say, shown

MOST_PROCESSES = 4  # that run tests at once

# Makes the pages of a package, run by the environment's Python. The command line has its own help.
MAKE_DOCS = """
import importlib, pathlib, pkgutil, sys, warnings
import pdoc, pdoc.render
warnings.filterwarnings("ignore", "Error parsing type annotation")  # names of TYPE_CHECKING
package = importlib.import_module(sys.argv[1])
for name in package.__all__:  # imported at first use, but pdoc takes only what is there
    vars(package)[name] = getattr(package, name)
vars(package)["dream"] = package.api.dream  # not the folder of that name
modules = [found.name for found in pkgutil.iter_modules(package.__path__)]
modules = [f"{package.__name__}.{name}" for name in modules if name not in ("cli", "__main__")]
pdoc.render.configure(docformat="numpy")
pdoc.pdoc(package.__name__, *modules, output_directory=pathlib.Path(sys.argv[2]))
"""


def main(arguments):
    """Run the command named first and return the exit code."""
    commands = {
        "demo": demo,
        "test": test,
        "check": check,
        "docs": docs,
        "bench": bench,
        "fuzz": fuzz,
        "app": app,
        "env": env,
    }
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(__doc__.strip())
        return 0 if arguments else EXIT_USAGE
    command = commands.get(arguments[0])
    if command is None:
        names = ", ".join(commands)
        raise Stop(EXIT_USAGE, f"unknown command {arguments[0]!r}: use one of {names}")
    if command not in (test, bench, fuzz, app) and {"-h", "--help"} & set(arguments):
        print(__doc__.strip())
        return 0
    return command(arguments[1:])


def env(arguments):
    """Create or update the environment and print its folder."""
    if arguments:
        raise Stop(EXIT_USAGE, f"env takes no arguments: leave out {arguments[0]!r}")
    say(f"environment ready: {shown(make_environment())}")
    return 0


def test(arguments):
    """Run pytest, all tests in several processes; with --coverage, say which lines none reached."""
    if not arguments:
        # A file's tests share what they load; a process grows to 2 GB.
        arguments = ["-n", str(min(os.cpu_count() or 1, MOST_PROCESSES)), "--dist", "loadfile"]
    if "--coverage" not in arguments:
        return run_tool(make_environment(), "-m", "pytest", *arguments, folder=TOP)
    # Only on request: on Python 3.11 it costs a quarter more time.
    words = [word for word in arguments if word != "--coverage"]
    venv = make_environment()
    run_tool(venv, "-m", "coverage", "erase", folder=TOP)
    code = run_tool(venv, "-m", "coverage", "run", "-m", "pytest", *words, folder=TOP)
    for step in (["combine", "--quiet"], ["report"]):
        if run_tool(venv, "-m", "coverage", *step, folder=TOP):
            return code or 1
    return code


def check(arguments):
    """Run every check, or those named, even if one fails."""
    lint_imports = "from importlinter.cli import lint_imports_command as run; run()"
    tools = {
        "ruff": ["-m", "ruff", "check", "."],
        "ruff-format": ["-m", "ruff", "format", "--check", "."],
        "mypy": ["-m", "mypy"],
        "import-linter": ["-c", lint_imports],
        "vulture": ["-m", "vulture"],
        "words": [str(TOP / "checks" / "words.py")],
        "names": [str(TOP / "checks" / "names.py")],
        "architecture": [str(TOP / "checks" / "architecture.py")],
    }
    for name in arguments:
        if name not in tools:
            raise Stop(EXIT_USAGE, f"there is no check {name!r}: use some of {', '.join(tools)}")
    venv = make_environment()
    failed = []
    for name in arguments or tools:
        say(f"check: {name}")
        if run_tool(venv, *tools[name], folder=TOP):
            failed.append(name)
    say("check: " + (f"failed: {', '.join(failed)}" if failed else "all good"))
    return 1 if failed else 0


def docs(arguments):
    """Make pages of the engine's docstrings."""
    if arguments:
        raise Stop(EXIT_USAGE, f"docs takes no arguments, but was given {arguments[0]!r}")
    site = TOP / "site"
    code = run_tool(make_environment(), "-c", MAKE_DOCS, "dreamsound_studio", str(site), folder=TOP)
    if code == 0:
        say(f"docs: {shown(site / 'index.html')}")
    return code


def bench(arguments):
    """Run the benchmarks."""
    script = TOP / "benchmarks" / "run.py"
    if not script.is_file():
        raise Stop(EXIT_USAGE, f"no benchmark found: {shown(script)} does not exist")
    return run_tool(make_environment(), str(script), *arguments)


def fuzz(arguments):
    """Fuzz the readers of files."""
    return run_tool(make_environment(), "-m", "tests.fuzz.run", *arguments, folder=TOP)


def app(arguments):
    """Start the desktop app."""
    return run_tool(make_environment(), "-m", "dreamsound_desktop", *arguments)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        print(f"dev.py: {stop}", file=sys.stderr)
        sys.exit(stop.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
