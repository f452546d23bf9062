"""``recipe show RENDER``: every render says what made it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from dreamsound_studio.recipe.recipe import Recipe

from .conftest import Command


def test_every_render_says_what_made_it(
    dream: Command, command: Command, bird: Path, tmp_path: Path
) -> None:
    given = ("--renders", "all", "--class", "Whistling", "--span", "0.1:0.5", "--json")
    outcome = dream(bird, "--out", tmp_path, *given)
    (report,) = outcome.inputs
    for name, place in report["renders"].items():
        shown = command("recipe", "show", place, "--json", "--all")
        assert shown.code == 0
        note = json.loads(shown.out)
        assert note["render"] == name
        assert note["recipe"] == report["recipe"]
        assert (note["model"], note["weights_sha256"]) == ("yamnet", report["weights_sha256"])
        assert note["source"] == {
            "name": "bird.wav",
            "sha256": hashlib.sha256(bird.read_bytes()).hexdigest(),
            "start": report["start"],
            "samples": report["samples"],
        }
    assert Recipe.make(**note["recipe"]).class_ == "Whistling"
    words = command("recipe", "show", report["renders"]["dream"])
    assert "# source: name bird.wav" in words.out
    assert "class: Whistling" in words.out


def test_a_sound_that_is_not_a_render_is_one_line(command: Command, bird: Path) -> None:
    outcome = command("recipe", "show", bird)
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert "no recipe found" in outcome.err


def test_a_render_gives_its_recipe_to_another(dream: Command, bird: Path, tmp_path: Path) -> None:
    given = ("--renders", "dream", "--class", "Whistling", "--strength", "0.02", "--json")
    (first,) = dream(bird, "--out", tmp_path / "a", *given).inputs
    again = ("--recipe", first["renders"]["dream"], "--renders", "dream", "--json")
    (second,) = dream(bird, "--out", tmp_path / "b", *again).inputs
    assert second["recipe"] == first["recipe"]
    one, other = (Path(report["renders"]["dream"]).read_bytes() for report in (first, second))
    assert one == other
