"""The process ends at once where only TensorFlow is left to close, and nothing is lost by it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import chirp, write_sound

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


@pytest.mark.skipif(os.name == "nt", reason="a shell that closes streams")
@pytest.mark.yamnet
@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&- <&-"])
def test_a_command_works_where_its_streams_are_closed(tmp_path: Path, closed: str) -> None:
    sound = write_sound(tmp_path / "bird.wav", chirp())
    words = f'"$0" -m dreamsound_studio render "$1" --out "$2" --steps 1 --method add {closed}'

    def code(*arguments: Path) -> int:
        given = [sys.executable, *map(str, arguments)]
        done = subprocess.run(["sh", "-c", words, *given], capture_output=True, check=False)
        assert b"Traceback" not in done.stdout + done.stderr
        return done.returncode

    assert code(sound, tmp_path / "out") == 0
    assert list((tmp_path / "out").glob("*_dream.wav"))
    assert code(tmp_path / "no.wav", tmp_path / "none") == 2
