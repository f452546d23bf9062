"""Which Python makes the environment, and where the environment has its own."""

import os
import platform
import shutil
import sys

from devtools.messages import EXIT_NO_ENVIRONMENT, EXIT_NO_PYTHON, Stop
from devtools.processes import output_of

PYTHON_MINORS = (13, 12, 11)  # newest first


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
