"""The scripts of examples/ and the README's Python run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

TOP = Path(__file__).resolve().parent.parent
EXAMPLES = TOP / "examples"


@pytest.mark.yamnet
def test_the_readme_can_be_pasted_into_an_interpreter(tmp_path: Path) -> None:
    page = (TOP / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    time = np.arange(16_000) / 16_000
    soundfile.write(tmp_path / "bird.wav", 0.2 * np.sin(2 * np.pi * 1000 * time), 16_000)
    lines = [*blocks, "print(hardcut.shape, hardcut.dtype)\n"]
    result = subprocess.run(
        [sys.executable, "-i", "-q"],
        input="".join(lines),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Error" not in result.stderr, result.stderr
    assert result.stdout.splitlines()[-1] == "(1, 16000) float32"
    made = {path.name for path in (tmp_path / "from python").iterdir()}
    assert made == {"bird_dream.wav", "bird_gradient.wav", "bird_hardcut.wav"}


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
