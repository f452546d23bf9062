#!/usr/bin/env python3
"""Runs the demo, the tests and the checks of DreamSound Studio. Needs nothing but Python.

    python3 dev.py demo [FILE] [--out DIR] [options of `dreamsound render`]
    python3 dev.py test [--coverage] [options of pytest]
    python3 dev.py check [NAME ...]      ruff, ruff-format, mypy, import-linter, vulture, words,
                                         names, architecture
    python3 dev.py docs                  API pages in site/, made from the docstrings
    python3 dev.py bench [options]       speed and memory, as ratios
    python3 dev.py app [SOUND ...]       the desktop app
    python3 dev.py env                   only set up the environment

Each command creates `.venv` beside this file if it is missing, and updates it if pyproject.toml or
requirements-tested.txt have changed. Two environment variables change that:

    DREAMSOUND_VENV        another folder for the environment
    DREAMSOUND_INSTALLER   uv or pip (default: uv if it is installed, else pip)

Exit codes: that of the tool that failed; 2: usage error; 10: no suitable Python; 11: no
environment; 130: interrupted (Ctrl-C).
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent
PINS = TOP / "requirements-tested.txt"
PYTHON_MINORS = (13, 12, 11)  # newest first
STAMP_NAME = "dreamsound-dev.json"  # in the environment: shows that dev.py made it, and from what
EXIT_USAGE, EXIT_NO_PYTHON, EXIT_NO_ENVIRONMENT, EXIT_INTERRUPTED = 2, 10, 11, 130
HEARTBEAT_S = 20  # where no progress bar can be shown, a line says that installing goes on
INTERRUPT_PATIENCE_S = 15  # a tool has this long to clean up after Ctrl-C
DEMO_FOLDER = "dreamsound-demo"
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


class Stop(Exception):
    """Ends dev.py with one line and an exit code."""

    def __init__(self, exit_code, line):
        super().__init__(line)
        self.exit_code = exit_code


def main(arguments):
    """Run the command named first and return the exit code."""
    commands = {
        "demo": demo,
        "test": test,
        "check": check,
        "docs": docs,
        "bench": bench,
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
    if command not in (test, bench, app) and {"-h", "--help"} & set(arguments):
        print(__doc__.strip())
        return 0
    return command(arguments[1:])


# ---------------------------------------------------------------- commands


def env(arguments):
    """Create or update the environment and print its folder."""
    if arguments:
        raise Stop(EXIT_USAGE, f"env takes no arguments: leave out {arguments[0]!r}")
    say(f"environment ready: {shown(make_environment())}")
    return 0


def test(arguments):
    """Run pytest; with --coverage, say which lines no test has reached."""
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


def app(arguments):
    """Start the desktop app."""
    return run_tool(make_environment(), "-m", "dreamsound_desktop", *arguments)


def demo(arguments):
    """Dream a sound, and show the change in numbers and in a picture."""
    source, out, options = split_demo_arguments(arguments)
    if source is not None and not source.is_file():
        raise Stop(EXIT_USAGE, f"no such file: {source}")
    venv = make_environment()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(EXIT_USAGE, f"cannot create the folder {out}: {error.strerror}") from error

    if source is None:
        source = out / "whistle.wav"
        say("demo: whistling a phrase (to dream your own sound: python3 dev.py demo FILE)")
        code = run_tool(venv, "-m", "dreamsound_studio.demo_sound", str(source), "--overwrite")
        if code:
            return code

    say(f"demo: dreaming {shown(source)}")
    render = ["render", str(source), "--out", str(out), "--renders", "all", "--json"]
    code, printed = run(
        [program_in(venv, "dreamsound"), *render, "--overwrite", *options], capture=True
    )
    if code:
        return code
    try:
        dreamed = json.loads(printed)["inputs"][0]
        lines, renders = demo_lines(dreamed), dreamed["renders"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Stop(1, f"`dreamsound render --json` printed no usable result: {error!r}") from error

    picture = None
    if "dream" in renders:
        say("demo: drawing before and after")
        picture = out / f"{Path(renders['dream']).name}.png"
        plot = ["plot", renders["dream"], "--source", str(source), "--out", str(out)]
        code, _ = run([program_in(venv, "dreamsound"), *plot, "--overwrite"], capture=True)
        if code:
            return code
    for line in lines:
        say(line)
    for name, path in renders.items():
        say(f"  {name:<11} {shown(path)}")
    if picture is not None:
        say(f"  {'picture':<11} {shown(picture)}")
    return 0


def split_demo_arguments(arguments):
    """Return the file (or None), the output folder, and the options for `dreamsound render`."""
    options, out = [], DEMO_FOLDER
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name != "--out":
            options.append(word)
            continue
        out = value if equals else next(words, "")
        if not out:
            raise Stop(EXIT_USAGE, "--out needs a folder")
    source = None
    if options and not options[0].startswith("-"):
        source = Path(options.pop(0))
    return source, Path(out), options


def demo_lines(dreamed):
    """Return what the model heard before the first step and after the last, from render's JSON."""
    before, after = dreamed["initial"], dreamed["final"]
    count = len(dreamed["steps"])

    def heard(moment):
        if heard_a_class(moment):
            return f"{moment['class']} {moment['score']:.3f}"
        return f"loss {moment['loss']:.4g}"

    return [
        f"before:         {heard(before)}",
        f"after {count:2} steps: {heard(after)}    (model: {dreamed['model']})",
    ]


def heard_a_class(moment):
    """Whether a class and its score are known: the objective of a layer has neither."""
    return moment.get("class") is not None and moment.get("score") is not None


# ---------------------------------------------------------------- the environment


def make_environment():
    """Return the folder of an up-to-date environment; create or update it first."""
    wanted = os.environ.get("DREAMSOUND_VENV") or TOP / ".venv"
    venv = Path(wanted).expanduser().absolute()
    if up_to_date(venv):
        return venv
    refuse_foreign_folder(venv)
    python = fitting_python()
    refuse_unsupported_system()
    try:
        venv.parent.mkdir(parents=True, exist_ok=True)
        with locked(venv.with_name(venv.name + ".lock")):
            if not up_to_date(venv):  # another dev.py may have created it meanwhile
                install(venv, python)
    except OSError as error:
        raise Stop(EXIT_NO_ENVIRONMENT, f"cannot create {venv}: {error}") from error
    return venv


def install(venv, python):
    """Create the environment, or update the versions in a complete one; stamp it last."""
    started = time.monotonic()
    stamp = read_stamp(venv)
    uv = find_uv()
    whole = stamp is not None and stamp.get("folder") == str(venv) and runs(python_in(venv))
    if whole:
        say(f"the tested versions have changed: updating {shown(venv)}")
        write_stamp(venv, {"unfinished": True})
    else:
        if venv.exists():
            say(f"{shown(venv)} is incomplete or was moved: creating it again")
            shutil.rmtree(venv)
        venv.mkdir()
        write_stamp(venv, {"unfinished": True})  # from here on, dev.py knows the folder as its own
        create_venv(venv, python, uv)
    with_what = "uv" if uv else "pip"
    say(f"installing the tested versions with {with_what} (first time: a download of about 700 MB)")
    for words in (
        ["--only-binary", ":all:", "-r", str(PINS)],
        ["--no-deps", "--no-build-isolation", "-e", str(TOP)],
    ):
        heartbeat = None if on_terminal() else HEARTBEAT_S
        code, _ = run([*installer(venv, python, uv), *words], folder=TOP, heartbeat=heartbeat)
        if code:
            raise Stop(EXIT_NO_ENVIRONMENT, f"{with_what} cannot install the packages: see above")
    write_stamp(venv, stamp_wanted(venv))
    say(f"created {shown(venv)} in {time.monotonic() - started:.0f} s")


def create_venv(venv, python, uv):
    """Create an empty environment with the first tool that succeeds."""
    if uv:
        ways = [[uv, "venv", "--quiet", "--allow-existing", "--python", python, str(venv)]]
    else:
        ways = [
            [python, "-m", "venv", str(venv)],
            [python, "-m", "virtualenv", "--quiet", str(venv)],
            ["virtualenv", "--quiet", "--python", python, str(venv)],
        ]
        if base_pip_serves(python):  # Debian without python3-venv lacks pip's wheel only
            ways.insert(1, [python, "-m", "venv", "--without-pip", str(venv)])
    complaints = []
    for way in ways:
        try:
            done = subprocess.run(way, capture_output=True, text=True, check=False)
        except OSError as error:
            complaints.append(str(error))
            continue
        if done.returncode == 0:
            return
        complaints.append(done.stderr.strip() or done.stdout.strip())
    minor = platform_minor(python)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    raise Stop(
        EXIT_NO_ENVIRONMENT,
        f"{python} cannot create a virtual environment: install its venv module (on Debian and"
        f" Ubuntu: apt install python3.{minor}-venv), virtualenv or uv, and try again",
    )


def installer(venv, python, uv):
    """Return the command that installs: uv, the environment's pip, or the base Python's pip.

    On a terminal they show their progress; elsewhere only what fails, without warnings.
    """
    inside = python_in(venv)
    if uv:
        quiet = [] if on_terminal() else ["--quiet"]
        return [uv, "pip", "install", *quiet, "--python", str(inside)]
    pip = [str(inside), "-m", "pip"]
    if not runs(inside, "import pip"):
        pip = [python, "-m", "pip", "--python", str(inside)]
    quiet = [] if on_terminal() else ["--quiet", "--quiet"]
    return [*pip, "install", *quiet, "--disable-pip-version-check", "--no-input"]


def base_pip_serves(python):
    """Whether this Python's own pip can install into another environment (from pip 22.3)."""
    version = output_of([python, "-c", "import pip; print(pip.__version__)"])
    return version != "" and tuple(int(part) for part in version.split(".")[:2]) >= (22, 3)


def find_uv():
    """Return a working uv, or None for pip."""
    chosen = os.environ.get("DREAMSOUND_INSTALLER", "")
    if chosen not in ("", "uv", "pip"):
        raise Stop(EXIT_USAGE, f"invalid DREAMSOUND_INSTALLER {chosen!r}: use uv or pip")
    uv = None if chosen == "pip" else shutil.which("uv")
    if uv and succeeds([uv, "--version"]):  # a shim may exist without the program
        return uv
    if chosen == "uv":
        raise Stop(
            EXIT_NO_ENVIRONMENT,
            "DREAMSOUND_INSTALLER is uv, but uv is not on PATH: install uv, or unset the variable",
        )
    return None


def up_to_date(venv):
    """Whether the environment is complete and matches pyproject.toml and the pins."""
    return read_stamp(venv) == stamp_wanted(venv) and python_in(venv).exists()


def stamp_wanted(venv):
    """Return the stamp of an up-to-date environment."""
    digest = hashlib.sha256()
    try:
        for path in (TOP / "pyproject.toml", PINS):
            digest.update(path.read_bytes() + b"\0")
    except OSError as error:
        raise Stop(
            EXIT_NO_ENVIRONMENT, f"cannot read {error.filename}: {error.strerror}"
        ) from error
    return {"folder": str(venv), "project": str(TOP), "sha256": digest.hexdigest()}


def read_stamp(venv):
    """Return the stamp, {} if it is unreadable, None if it is missing."""
    try:
        text = (venv / STAMP_NAME).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        stamp = json.loads(text)
    except ValueError:
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(venv, stamp):
    """Replace the stamp in one move."""
    unfinished = venv / (STAMP_NAME + ".new")
    unfinished.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    unfinished.replace(venv / STAMP_NAME)


def refuse_foreign_folder(venv):
    """Stop before emptying a folder that dev.py has not created."""
    if not venv.exists():
        return
    if not venv.is_dir() or (read_stamp(venv) is None and any(venv.iterdir())):
        raise Stop(
            EXIT_NO_ENVIRONMENT,
            f"{venv} exists, but dev.py has not created it: move it away, or set DREAMSOUND_VENV to"
            " another folder",
        )


@contextlib.contextmanager
def locked(path):
    """Hold a lock that the system releases if its holder dies."""
    with path.open("a+b") as file:
        waiting = False
        while not try_lock(file):
            if not waiting:
                say("waiting for another dev.py to create the environment")
                waiting = True
            time.sleep(0.5)
        yield


def try_lock(file):
    """Lock the open file; return False if another process holds it."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        pass  # a file system without locks: continue as if alone
    return True


# ---------------------------------------------------------------- Python


def fitting_python():
    """Return the path of a Python 3.11 to 3.13: this one, one on PATH, or one of uv's."""
    if sys.version_info[0] == 3 and sys.version_info[1] in PYTHON_MINORS:
        # The base Python: this one may belong to the environment that is about to be replaced.
        return getattr(sys, "_base_executable", None) or sys.executable
    for minor in PYTHON_MINORS:
        found = shutil.which(f"python3.{minor}")
        if found and platform_minor(found) == minor:  # a shim may exist without the program
            return found
        if os.name == "nt" and shutil.which("py"):
            found = output_of(["py", f"-3.{minor}", "-c", "import sys; print(sys.executable)"])
            if found:
                return found
    if shutil.which("uv"):
        found = output_of(["uv", "python", "find", "--no-python-downloads", ">=3.11,<3.14"])
        if found and platform_minor(found) in PYTHON_MINORS:
            return found
    here = ".".join(str(number) for number in sys.version_info[:3])
    raise Stop(
        EXIT_NO_PYTHON,
        f"DreamSound Studio needs Python 3.11, 3.12 or 3.13; this is {here}, and PATH has none of"
        " those. Install one and try again",
    )


def refuse_unsupported_system():
    """Stop early on Intel Macs, which TensorFlow no longer supports."""
    if platform.system() == "Darwin" and platform.machine() == "x86_64":
        raise Stop(
            EXIT_NO_ENVIRONMENT,
            "TensorFlow 2.18 does not support Intel Macs: use Apple silicon, Windows or Linux",
        )


def platform_minor(python):
    """Return the minor version of a Python (11 for 3.11), or None if it does not run."""
    code = "import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else -1)"
    printed = output_of([python, "-c", code])
    return int(printed) if printed else None


def python_in(venv):
    """Return the environment's Python."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def program_in(venv, name):
    """Return the path of a program in the environment."""
    return str(venv / (f"Scripts/{name}.exe" if os.name == "nt" else f"bin/{name}"))


# ---------------------------------------------------------------- processes


def run_tool(venv, *words, folder=None):
    """Run the environment's Python with these arguments and return its exit code."""
    return run([str(python_in(venv)), *words], folder=folder)[0]


def run(command, folder=None, capture=False, heartbeat=None):
    """Run a command; return its exit code and, if captured, its output.

    With a heartbeat, print a line every so many seconds while the command runs.
    """
    variables = dict(
        os.environ,
        PIP_USER="0",  # a user's pip may install elsewhere by default
        PIP_ROOT_USER_ACTION="ignore",  # what is changed is an environment of its own
    )
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdout=subprocess.PIPE if capture else None,
            encoding="utf-8" if capture else None,
        )
    except OSError as error:
        raise Stop(1, f"cannot run {command[0]}: {error.strerror}") from error
    try:
        printed = wait_for(process, heartbeat)
    except KeyboardInterrupt:
        # Ctrl-C reached the tool as well: let it clean up before it is killed.
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(INTERRUPT_PATIENCE_S)
        process.kill()
        raise
    code = process.returncode
    return (code if code >= 0 else 128 - code), printed  # killed by signal n: 128 + n


def wait_for(process, heartbeat):
    """Wait until a process ends and return what it printed, if that is captured."""
    started = time.monotonic()
    while True:
        try:
            return process.communicate(timeout=heartbeat)[0]
        except subprocess.TimeoutExpired:
            say(f"  still at it after {time.monotonic() - started:.0f} s")


def on_terminal():
    """Whether somebody watches: both streams go to a terminal."""
    return sys.stdout.isatty() and sys.stderr.isatty()


def output_of(command):
    """Return the output of a command, or an empty text if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def succeeds(command):
    """Whether a command runs and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def runs(python, code="pass"):
    """Whether this Python exists and runs the code."""
    return succeeds([str(python), "-c", code])


def say(line):
    """Print a line at once, before the output of the next tool."""
    print(line, flush=True)


def shown(path):
    """Return the path relative to the current folder, if it is below it."""
    try:
        return str(Path(path).absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        print(f"dev.py: {stop}", file=sys.stderr)
        sys.exit(stop.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
