"""The line of a step: it says the strength that the step was made with."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamsound_studio.cli.shared.progress import StepLine
from dreamsound_studio.cli.shared.verbosity import verbosity
from dreamsound_studio.dream.records import StepEvent


def test_a_line_shows_the_strength_of_its_step(capsys: pytest.CaptureFixture[str]) -> None:
    verbosity.reset()
    with StepLine("a.wav", 3) as line:
        line.step(StepEvent(1, -3.0, 0, "Bird", 0.1, 0.5, strength=0.05))
        line.step(StepEvent(2, -2.0, 0, "Bird", 0.2, 0.5, strength=0.0125, halvings=2))
        line.step(StepEvent(3, -1.0, 0, "Bird", 0.3, 0.5))
    first, second, third = capsys.readouterr().err.splitlines()
    assert ", strength 0.05, " in first
    assert ", strength 0.0125 (halved), " in second
    assert "strength" not in third


@pytest.mark.yamnet
def test_a_render_reports_the_first_strength_of_its_objective(
    dream, bird: Path, tmp_path: Path
) -> None:
    options = ("--method", "add", "--layer", "layer3/pointwise_conv", "--steps", 1)
    shown = dream(bird, "--out", tmp_path / "a", *options)
    assert ": step 1/1, " in shown.err
    assert ", strength 0.002, " in shown.err
    (found,) = dream(bird, "--out", tmp_path / "b", *options, "--json").inputs
    assert [step["strength"] for step in found["steps"]] == [0.002]
    assert found["recipe"]["strength"] == 0.002
