"""The scripts of examples/ run as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.mark.yamnet
def test_dream_step_by_step(tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((32_000, 2))
    soundfile.write(tmp_path / "noise.wav", noise, 32_000)
    words = ["noise.wav", "out", "--class", "Whistling", "--steps", "7", "--score", "0.99"]
    script = EXAMPLES / "dream_step_by_step.py"
    result = subprocess.run(
        [sys.executable, script, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "maximise class:Whistling - 0.1*class:" in result.stdout
    assert "<Dream of an array: 7 steps of add, Whistling " in result.stdout
    made = {path.name for path in (tmp_path / "out").iterdir()}
    renders = {f"stepped_{name}.wav" for name in ("dream", "gradient", "hardcut", "dream_step5")}
    assert made == renders | {"dream.png"}
    assert soundfile.info(tmp_path / "out" / "stepped_dream.wav").frames == 32_000
