"""Give a clone an environment that borrows the packages of another one.

    python3 borrow.py CLONE ENVIRONMENT

``CLONE/.venv`` then runs the clone's own code, and `dev.py` in the clone takes it as up to date:
nothing is downloaded or installed. ENVIRONMENT is one that `dev.py` has made; it stays as it is.
"""

import subprocess
import sys
from pathlib import Path

PACKAGES = "lib/python*/site-packages"


def borrow(clone, environment):
    """Make the clone's environment and return its folder."""
    sys.path.insert(0, str(clone))
    from devtools import environment as made
    from devtools.pythons import program_in, python_in

    venv = clone / ".venv"
    python = python_in(environment)
    subprocess.run([python, "-m", "venv", "--without-pip", venv], check=True)
    borrowed = next(environment.glob(PACKAGES))
    # In this order: the clone's code comes before any other that is installed there. Python reads
    # no .pth files in `borrowed`, so the checkout that it was made for is not even in reach.
    places = [clone / "core", clone / "desktop", clone / "reaper", borrowed]
    own = next(venv.glob(PACKAGES))
    (own / "borrowed.pth").write_text("".join(f"{place}\n" for place in places), "utf-8")
    program = Path(program_in(venv, "dreamsound"))
    program.write_text(
        f"#!{python_in(venv)}\nimport sys\nfrom dreamsound_studio.cli import run\nrun()\n",
        "utf-8",
    )
    program.chmod(0o755)
    made.write_stamp(venv, made.stamp_wanted(venv))
    return venv


if __name__ == "__main__":
    borrow(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
