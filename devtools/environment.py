"""The environment: created once, updated when the versions change, repaired when incomplete."""

import contextlib
import hashlib
import json
import os
import shutil
import time
from pathlib import Path

from devtools import installing, processes, pythons
from devtools.messages import EXIT_NO_ENVIRONMENT, Stop, say, shown

TOP = Path(__file__).resolve().parent.parent
PINS = TOP / "requirements-tested.txt"
STAMP_NAME = "dreamsound-dev.json"  # in the environment: shows that dev.py made it, and from what
HEARTBEAT_S = 20  # where no progress bar can be shown, a line says that installing goes on


def make_environment():
    """Return the folder of an up-to-date environment; create or update it first."""
    wanted = os.environ.get("DREAMSOUND_VENV") or TOP / ".venv"
    venv = Path(wanted).expanduser().absolute()
    if up_to_date(venv):
        return venv
    refuse_foreign_folder(venv)
    python = pythons.fitting_python()
    pythons.refuse_unsupported_system()
    try:
        venv.parent.mkdir(parents=True, exist_ok=True)
        with locked(venv.with_name(venv.name + ".lock")):
            if not up_to_date(venv):  # another dev.py may have created it meanwhile
                install(venv, python)
    except OSError as error:
        raise Stop(EXIT_NO_ENVIRONMENT, f"cannot create {venv}: {error}") from error
    return venv


def run_tool(venv, *words, folder=None):
    """Run the environment's Python with these arguments and return its exit code."""
    return processes.run([str(pythons.python_in(venv)), *words], folder=folder)[0]


def install(venv, python):
    """Create the environment, or update the versions in a complete one; stamp it last."""
    started = time.monotonic()
    stamp = read_stamp(venv)
    uv = installing.find_uv()
    whole = (
        stamp is not None
        and stamp.get("folder") == str(venv)
        and processes.runs(pythons.python_in(venv))
    )
    if whole:
        say(f"the tested versions have changed: updating {shown(venv)}")
        write_stamp(venv, {"unfinished": True})
    else:
        if venv.exists():
            say(f"{shown(venv)} is incomplete or was moved: creating it again")
            shutil.rmtree(venv)
        venv.mkdir()
        write_stamp(venv, {"unfinished": True})  # from here on, dev.py knows the folder as its own
        installing.create_venv(venv, python, uv)
    with_what = "uv" if uv else "pip"
    say(f"installing the tested versions with {with_what} (first time: a download of about 700 MB)")
    for words in (
        ["--only-binary", ":all:", "-r", str(PINS)],
        ["--no-deps", "--no-build-isolation", "-e", str(TOP)],
    ):
        heartbeat = None if processes.on_terminal() else HEARTBEAT_S
        code, _ = processes.run(
            [*installing.installer(venv, python, uv), *words], folder=TOP, heartbeat=heartbeat
        )
        if code:
            raise Stop(EXIT_NO_ENVIRONMENT, f"{with_what} cannot install the packages: see above")
    write_stamp(venv, stamp_wanted(venv))
    say(f"created {shown(venv)} in {time.monotonic() - started:.0f} s")


def up_to_date(venv):
    """Whether the environment is complete and matches pyproject.toml and the pins."""
    return read_stamp(venv) == stamp_wanted(venv) and pythons.python_in(venv).exists()


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
