"""``--objective`` and the options of the craft, from the command line to the renders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from .conftest import Command, chirp, write_sound


def test_an_objective_is_dreamed_and_reported(dream: Command, bird: Path, tmp_path: Path) -> None:
    text = 'class:Whistling - 0.25*class:"Bird vocalization, bird call, bird song":score'
    outcome = dream(bird, "--out", tmp_path, "--objective", text, "--json")
    assert outcome.code == 0, outcome.err
    report = outcome.inputs[0]
    assert report["recipe"]["objective"] == text
    assert report["recipe"]["class"] is None
    assert report["final"]["class"] == "Whistling"
    assert report["steps"][1]["loss"] > report["steps"][0]["loss"]


def test_a_guide_is_read_from_its_file(dream: Command, bird: Path, tmp_path: Path) -> None:
    guide = write_sound(tmp_path / "other bird.wav", chirp(1.5))
    outcome = dream(bird, "--out", tmp_path, "--objective", f'guide:"{guide}"', "--json")
    assert outcome.code == 0, outcome.err
    short = dream(bird, "--out", tmp_path / "short", "--objective", f'guide:"{bird}"')
    assert short.code == 2
    assert "shorter than a yamnet patch" in short.err


def test_a_texture_that_cannot_be_heard_is_one_line(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    silent = write_sound(tmp_path / "silent.wav", np.zeros((1, 20_000)))
    faint = write_sound(tmp_path / "faint.wav", np.full((1, 20_000), 1e-9))
    for path, words in (
        (bird, "shorter than a yamnet patch"),
        (silent, "The sound is silent"),
        (faint, "The sound is silent"),
    ):
        for options in (
            ("--objective", f'texture:"{path}":layer3'),
            ("--method", "sculpt", "--target", path),
        ):
            outcome = dream(bird, "--out", tmp_path / "out", *options)
            assert (outcome.code, len(outcome.messages)) == (2, 1), outcome.err
            assert path.name in outcome.err
            assert words.casefold() in outcome.err.casefold()


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        ("class:Whistlng", "Did you mean Whistling"),
        ("channel:layer3:128", "ends at 127"),
        ('guide:"none.wav"', "none.wav"),
        ('texture:"none.wav"', "none.wav"),
        ('texture:"none.wav":layer33', "no layer 'layer33'"),
        ("class:@target", "needs a target"),
        ("note:A4", "hears no notes. Pass --model basic-pitch."),
        ("class:Bird + basic-pitch/layer:notes", "basic-pitch has no layer 'notes'"),
    ],
)
def test_an_objective_that_cannot_be_had_is_one_line(
    dream: Command, bird: Path, tmp_path: Path, objective: str, words: str
) -> None:
    outcome = dream(bird, "--out", tmp_path / "out", "--objective", objective)
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert words in outcome.err
    assert not list(tmp_path.glob("out/*"))


def test_a_caret_shows_where_an_objective_stops_making_sense(
    command: Command, bird: Path, tmp_path: Path
) -> None:
    outcome = command("render", bird, "--out", tmp_path, "--objective", "class:Cat + clas:Dog")
    assert outcome.code == 2
    assert outcome.err.splitlines() == [
        "dreamsound: objective: expected one of class, layer, channel, unit, direction, guide, "
        "texture, note, chord, melody",
        "  class:Cat + clas:Dog",
        "              ^",
    ]


@pytest.mark.parametrize("short", [("--class", "Cat"), ("--layer", "layer3"), ("--at", "log")])
def test_short_forms_beside_an_objective_are_refused(
    command: Command, bird: Path, tmp_path: Path, short: tuple[str, str]
) -> None:
    outcome = command("render", bird, "--out", tmp_path, "--objective", "class:Dog", *short)
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert f"{short[0][2:]} is short for an objective" in outcome.err


def test_targets_morph_from_the_command_line(dream: Command, bird: Path, tmp_path: Path) -> None:
    time = np.arange(16_000) / 16_000
    low, high = (
        write_sound(tmp_path / f"{hz}.wav", 0.2 * np.sin(2 * np.pi * hz * time)[None])
        for hz in (500, 3000)
    )
    given = ("--method", "target", "--target", low, "--target-b", high, "--renders", "all")
    outcome = dream(bird, "--out", tmp_path / "out", *given, "--json")
    assert outcome.code == 0, outcome.err
    renders = outcome.inputs[0]["renders"]
    assert len(renders) == 5
    plain = dream(bird, "--out", tmp_path / "plain", *given[:4], "--json")
    sounds = [soundfile.read(run.inputs[0]["renders"]["dream"])[0] for run in (outcome, plain)]
    assert np.any(sounds[0] != sounds[1])
    missing = dream(bird, "--out", tmp_path, "--target-b", high)
    assert missing.code == 2
    assert "Name target too" in missing.err
    # What is read is never replaced.
    assert soundfile.info(low).frames == soundfile.info(high).frames == 16_000


def test_a_preset_or_recipe_is_dreamed_and_options_win(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    from dreamsound_studio.recipe.document import write_json
    from dreamsound_studio.recipe.presets import SUFFIX, factory_presets

    bones = next(preset for preset in factory_presets() if preset.name == "Bones")
    write_json(tmp_path / f"Mine{SUFFIX}", bones.as_dict())
    write_json(tmp_path / "recipe.json", {"method": "filter", "seed": 5})
    for given, seed, mask in (
        (("--preset", "bones"), 0, "local"),
        (("--preset", tmp_path / f"Mine{SUFFIX}", "--seed", 9), 9, "local"),
        (("--recipe", tmp_path / "recipe.json", "--knee-db", 3), 5, "frame"),
    ):
        out = tmp_path / f"{seed}"
        outcome = dream(bird, "--out", out, *given, "--json")
        assert outcome.code == 0, outcome.err
        recipe = outcome.inputs[0]["recipe"]
        assert (recipe["method"], recipe["seed"], recipe["threshold_ref"]) == ("filter", seed, mask)
    both = dream(bird, "--out", tmp_path, "--preset", "Bones", "--recipe", tmp_path / "recipe.json")
    assert (both.code, "not both" in both.err) == (2, True)
