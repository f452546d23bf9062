"""The process ends at once where only TensorFlow is left to close, and nothing is lost by it."""

from __future__ import annotations

import subprocess
import sys

import pytest

START = """
import atexit, sys, threading, time, types
from dreamsound_studio.cli.shared.leaving import leave
atexit.register(print, "taken apart")
"""
LOADED = 'sys.modules["tensorflow"] = types.ModuleType("tensorflow")\n'


def ended(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.parametrize("code", [0, 4, 130])
def test_with_tensorflow_nothing_is_taken_apart_and_all_is_printed(code: int) -> None:
    done = ended(f"{LOADED}print('dreamed'); print('why', file=sys.stderr); leave({code})")
    assert (done.returncode, done.stdout, done.stderr) == (code, "dreamed\n", "why\n")


@pytest.mark.parametrize(
    "code",
    ["", LOADED + 'sys.modules["distributed"] = types.ModuleType("distributed")\n'],
)
def test_without_it_or_with_a_farm_python_ends_as_it_does(code: str) -> None:
    done = ended(f"{code}leave(3)")
    assert (done.returncode, done.stdout) == (3, "taken apart\n")


def test_work_in_a_thread_is_waited_for() -> None:
    work = "threading.Thread(target=lambda: (time.sleep(0.3), print('written'))).start()\n"
    assert ended(f"{LOADED}{work}leave(0)").stdout == "written\ntaken apart\n"
    idle = "threading.Thread(target=lambda: time.sleep(300), name='block_0').start()\n"
    assert ended(f"{LOADED}{idle}leave(0)").stdout == ""
