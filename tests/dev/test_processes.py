"""A tool is run, its exit code and its output passed on, and its silence explained."""

from __future__ import annotations

import os
import sys

import pytest
from devtools import processes
from devtools.messages import Stop


def test_a_long_command_without_a_terminal_says_that_it_goes_on(capfd):
    code = "import time; time.sleep(0.5); print('done')"
    assert processes.run([sys.executable, "-c", code], heartbeat=0.1) == (0, None)
    *beats, last = capfd.readouterr().out.splitlines()
    assert len(beats) >= 2
    assert all(line.startswith("  still at it after ") for line in beats)
    assert last == "done"
    assert processes.run([sys.executable, "-c", code], capture=True, heartbeat=0.1) == (0, "done\n")


def test_run_gives_exit_codes_and_what_was_printed():
    assert processes.run([sys.executable, "-c", "print('é')"], capture=True) == (0, "é\n")
    assert processes.run([sys.executable, "-c", "raise SystemExit(9)"])[0] == 9
    with pytest.raises(Stop, match="cannot run"):
        processes.run(["no such program"])


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_run_reports_a_killed_tool_as_a_shell_does():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert processes.run([sys.executable, "-c", code])[0] == 137
