"""A journey in a real window: open, choose, preview, render, hear, keep, quit, find it all again.

It runs in a process of its own under Xvfb where there is no display, with the real worker and the
real network.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from dreamsound_studio.models.store.local import local_weights
from dreamsound_studio.queue.store.store import Store, default_path

from .conftest import write_sound

SECONDS = 240


@pytest.fixture
def display(tmp_path):
    """A display: the one there is, or an X server of our own."""
    if os.environ.get("DISPLAY"):
        yield os.environ["DISPLAY"]
        return
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("no display, and Xvfb is not installed")
    read, write = os.pipe()
    words = [server, "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with (tmp_path / "xvfb.log").open("w") as log:
        process = subprocess.Popen(words, pass_fds=[write], stdout=log, stderr=log)
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    if not number:
        process.kill()
        pytest.skip(f"Xvfb does not start: {(tmp_path / 'xvfb.log').read_text()[-300:]}")
    yield f":{number}"
    process.terminate()
    process.wait(10)


@pytest.fixture
def no_worker_stays():
    """The worker that was started goes when the journey is over."""
    yield
    store = Store(default_path())
    for row in store.workers():
        with suppress(OSError):
            os.kill(row.pid, signal.SIGTERM)
    store.close()


@pytest.mark.slow
@pytest.mark.yamnet
@pytest.mark.usefixtures("no_worker_stays")
def test_a_journey(tmp_path, display):
    if local_weights("yamnet") is None:
        pytest.skip("YAMNet is not on this machine")
    sound = write_sound(tmp_path / "swell.wav", 4.0)
    script = Path(__file__).with_name("journey.py")
    variables = dict(os.environ, DISPLAY=display, QT_QPA_PLATFORM="xcb")
    for leg in ("out", "back"):
        done = subprocess.run(
            [sys.executable, str(script), leg, str(sound)],
            env=variables,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{leg}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        assert f"{leg}: arrived" in done.stdout
