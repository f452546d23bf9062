"""``dreamsound vary``: a folder of variations with a page to choose from."""

from __future__ import annotations

import html.parser
import json
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from dreamsound_studio.pictures.contact_sheet import ContactSheet, Variation

from .conftest import Command, chirp, write_sound

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet


@pytest.fixture
def vary(command: Command, yamnet: YamNet, monkeypatch: pytest.MonkeyPatch) -> Command:
    """``dreamsound vary`` with the model that is loaded already."""
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)

    def run(*arguments: object) -> Any:
        return command("vary", *arguments, "--method", "add", "--steps", 2, "--model", "yamnet")

    return run


class Links(html.parser.HTMLParser):
    """Collects what a page refers to, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_combination_is_rendered_and_shown(vary: Command, bird: Path, tmp_path: Path) -> None:
    out = tmp_path / "choice"
    grid = "seed=1,2 strength=0.02,0.1"
    outcome = vary(bird, "--grid", grid, "--out", out, "--renders", "dream,gradient", "--json")
    assert outcome.code == 0, outcome.err
    index = json.loads((out / "index.json").read_text(encoding="utf-8"))
    assert index == json.loads(outcome.out)
    assert [one["number"] for one in index["variations"]] == [1, 2, 3, 4]
    assert index["variations"][1]["fields"] == {"seed": "1", "strength": "0.1"}
    assert index["common"] == {"method": "add", "model": "yamnet", "steps": 2}
    for one in index["variations"]:
        assert (one["recipe"]["seed"], one["recipe"]["strength"]) == (
            int(one["fields"]["seed"]),
            float(one["fields"]["strength"]),
        )
        assert set(one["renders"]) == {"dream", "gradient"}
        assert one["after"]["score"] != one["before"]["score"]
        assert (out / one["picture"]).read_bytes()[1:4] == b"PNG"
    sounds = [soundfile.read(out / f"{n:03d}_bird_dream.wav")[0] for n in range(1, 5)]
    for place, sound in enumerate(sounds):
        assert all(np.any(sound != other) for other in sounds[place + 1 :])
    page = Links((out / "index.html").read_text(encoding="utf-8"))
    assert page.tags.count("article") == 5
    assert page.tags.count("audio") == 9
    for link in page.links:
        assert (out / urllib.parse.unquote(link)).is_file(), link


def test_one_that_fails_does_not_stop_the_others(
    vary: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dreamsound_studio.dream.dreamer import Dreamer
    from dreamsound_studio.errors import RecipeError

    real = Dreamer.steps

    def fails_once(self: Dreamer) -> Any:
        if self.recipe.seed == 2:
            raise RecipeError("Nothing in this sound excites it")
        return real(self)

    monkeypatch.setattr(Dreamer, "steps", fails_once)
    bird = write_sound(tmp_path / "a #1 & <b>.wav", chirp())
    out = tmp_path / "choice"
    outcome = vary(bird, "--grid", "seed=1..3", "--out", out)
    assert outcome.code == 4
    index = json.loads((out / "index.json").read_text(encoding="utf-8"))
    assert [one["error"] is None for one in index["variations"]] == [True, False, True]
    page = Links((out / "index.html").read_text(encoding="utf-8"))
    assert "Nothing in this sound excites it" in page.text
    assert "a #1 & <b>.wav" in page.text
    for link in page.links:
        assert (out / urllib.parse.unquote(link)).is_file(), link


def test_a_page_cannot_be_broken_by_names(tmp_path: Path) -> None:
    hostile = '<script>alert("1")</script>&.wav'
    sheet = ContactSheet(hostile, hostile, None, "net", {"class": hostile}, 1)
    sheet.variations.append(
        Variation(1, {"class": hostile}, {}, {"dream": hostile}, error=None, warnings=[hostile])
    )
    sheet.write(tmp_path)
    page = Links((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert page.tags.count("script") == 1
    assert [urllib.parse.unquote(link) for link in page.links] == [hostile] * 4
    assert json.loads((tmp_path / "index.json").read_text())["source"] == hostile


def test_a_folder_in_use_is_left_alone(vary: Command, bird: Path, tmp_path: Path) -> None:
    outcome = vary(bird, "--grid", "seed=1", "--out", tmp_path)
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert "is not empty" in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bird.wav"]
    assert vary(bird, "--grid", "seed=1", "--out", tmp_path, "--overwrite").code == 0
    assert (tmp_path / "index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--grid seed=x", "seed: "),
        ("--grid steps=0", "steps: "),
        ("--grid class=Ct --model yamnet", "no class 'Ct'"),
        ("--grid model=yamnet", "cannot vary within a grid"),
        ("--grid seed=1 --renders lead", "unknown render 'lead'"),
        ("", "grid"),
    ],
)
def test_what_makes_no_sense_is_reported_before_anything_is_made(
    command: Command, bird: Path, tmp_path: Path, arguments: str, words: str
) -> None:
    outcome = command("vary", bird, "--out", tmp_path / "out", *arguments.split())
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert words in outcome.err
    assert not (tmp_path / "out").exists()
