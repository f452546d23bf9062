"""The tools that create an environment and install into it: uv, or venv and pip."""

import os
import shutil
import subprocess
import sys

from devtools import processes, pythons
from devtools.messages import EXIT_NO_ENVIRONMENT, EXIT_USAGE, Stop


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
    minor = pythons.platform_minor(python)
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
    inside = pythons.python_in(venv)
    if uv:
        quiet = [] if processes.on_terminal() else ["--quiet"]
        return [uv, "pip", "install", *quiet, "--python", str(inside)]
    pip = [str(inside), "-m", "pip"]
    if not processes.runs(inside, "import pip"):
        pip = [python, "-m", "pip", "--python", str(inside)]
    quiet = [] if processes.on_terminal() else ["--quiet", "--quiet"]
    return [*pip, "install", *quiet, "--disable-pip-version-check", "--no-input"]


def base_pip_serves(python):
    """Whether this Python's own pip can install into another environment (from pip 22.3)."""
    version = processes.output_of([python, "-c", "import pip; print(pip.__version__)"])
    return version != "" and tuple(int(part) for part in version.split(".")[:2]) >= (22, 3)


def find_uv():
    """Return a working uv, or None for pip."""
    chosen = os.environ.get("DREAMSOUND_INSTALLER", "")
    if chosen not in ("", "uv", "pip"):
        raise Stop(EXIT_USAGE, f"invalid DREAMSOUND_INSTALLER {chosen!r}: use uv or pip")
    uv = None if chosen == "pip" else shutil.which("uv")
    if uv and processes.succeeds([uv, "--version"]):  # a shim may exist without the program
        return uv
    if chosen == "uv":
        raise Stop(
            EXIT_NO_ENVIRONMENT,
            "DREAMSOUND_INSTALLER is uv, but uv is not on PATH: install uv, or unset the variable",
        )
    return None
