"""The command line in this process and in one of its own, and short sounds to give it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from dreamsound_studio.cli import main
from dreamsound_studio.cli.shared.verbosity import verbosity

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

Floats = npt.NDArray[np.float32]
RATE = 16_000


@pytest.fixture(autouse=True)
def _as_loud_as_by_default() -> Iterator[None]:
    """Leave no command quiet for the tests that follow."""
    yield
    verbosity.reset()


@dataclass
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def messages(self) -> list[str]:
        """The warnings and errors: neither progress nor where files are."""
        marks = (": step ", " → ", "wrote ", "to dream one: ")
        return [line for line in self.err.splitlines() if not any(mark in line for mark in marks)]

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """What ``--json`` says of each input."""
        inputs = json.loads(self.out)["inputs"]
        assert isinstance(inputs, list)
        return inputs


Command = Callable[..., Outcome]


def chirp(seconds: float = 0.6, rate: int = RATE, channels: int = 1) -> Floats:
    """A bird, more or less: a tone that rises and trembles, and a little wind."""
    time = np.arange(round(seconds * rate)) / rate
    hertz = 1500 + 900 * time + 150 * np.sin(2 * np.pi * 9 * time)
    tone = 0.2 * np.sin(2 * np.pi * np.cumsum(hertz) / rate)
    wind = np.random.default_rng(5).standard_normal((channels, len(time)))
    return (tone + 0.003 * wind).astype(np.float32)


def write_sound(path: Path, values: Floats, rate: int = RATE) -> Path:
    soundfile.write(path, values.T, rate, subtype="PCM_24", format="WAV")
    return path


@pytest.fixture
def bird(tmp_path: Path) -> Path:
    """A short sound."""
    return write_sound(tmp_path / "bird.wav", chirp())


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """``dreamsound`` in this process."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture
def dream(command: Command, yamnet: YamNet, monkeypatch: pytest.MonkeyPatch) -> Command:
    """``dreamsound render`` in this process, with the model that is loaded already.

    It takes two steps of ``add`` where nothing else is asked for.
    """
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)

    def run(*arguments: object) -> Outcome:
        steps = () if "--steps" in arguments else ("--steps", 2)
        chosen = {"--method", "--preset", "--recipe", "--paper"} & {str(word) for word in arguments}
        method = () if chosen else ("--method", "add")
        return command("render", *arguments, *steps, *method)

    return run


def process(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """``dreamsound`` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "dreamsound_studio", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
