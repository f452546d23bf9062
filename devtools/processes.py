"""Other programs: run, watched, and asked."""

import contextlib
import os
import subprocess
import sys
import time

from devtools.messages import Stop, say

INTERRUPT_PATIENCE_S = 15  # a tool has this long to clean up after Ctrl-C


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
