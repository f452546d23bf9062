"""``--name`` and ``--clash``."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from .conftest import Command


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_renders_are_called_as_the_template_says(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    template = "{n}_{stem}_{class}_{model}_{step}_{date}_{creator}_{render}"
    given = ("--name", template, "--class", "Hi-hat", "--creator", "a/b", "--renders", "dream")
    other = Path(shutil.copy(bird, tmp_path / "owl.wav"))
    assert dream(bird, other, "--out", out, *given).code == 0
    day = dt.date.today().isoformat()
    assert names_in(out) == [
        f"001_bird_Hi-hat_yamnet_2_{day}_a-b_dream.wav",
        f"002_owl_Hi-hat_yamnet_2_{day}_a-b_dream.wav",
    ]
    given = ("--renders", "dream", "--name", "{catid}_{stem}", "--class", "Hi-hat")
    assert dream(bird, "--out", tmp_path / "ucs", *given).code == 0
    assert names_in(tmp_path / "ucs") == ["MUSCPerc_bird.wav"]
    given = ("--renders", "dream", "--name", "{stem}", "--keep-steps", 1)
    assert dream(bird, "--out", tmp_path / "one", *given).code == 0
    assert names_in(tmp_path / "one") == ["bird.wav", "bird_dream_step1.wav"]


def test_a_clash_is_numbered_skipped_or_replaced(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    given = (bird, "--out", out, "--renders", "dream,gradient")
    assert dream(*given).code == 0
    before = (out / "bird_dream.wav").read_bytes()
    assert dream(*given).code == 2
    skipped = dream(*given, "--clash", "skip", "--json")
    assert (skipped.code, skipped.inputs) == (0, [{"input": str(bird), "skipped": True}])
    assert dream(*given, "--clash", "number", "--seed", 1).code == 0
    assert dream(*given, "--clash", "number", "--seed", 2).code == 0
    assert names_in(out) == sorted(
        f"bird_{name}{end}.wav" for name in ("dream", "gradient") for end in ("", "_2", "_3")
    )
    assert (out / "bird_dream.wav").read_bytes() == before
    assert dream(*given, "--clash", "overwrite", "--seed", 1).code == 0
    assert (out / "bird_dream.wav").read_bytes() == (out / "bird_dream_2.wav").read_bytes()


def test_a_source_is_not_replaced_whatever_it_is_called(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    before = bird.read_bytes()
    given = (bird, "--out", tmp_path, "--renders", "dream", "--name", "{stem}")
    assert dream(*given, "--clash", "overwrite").code == 2
    assert bird.read_bytes() == before
    assert dream(*given, "--clash", "number").code == 0
    assert names_in(tmp_path) == ["bird.wav", "bird_2.wav"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--name {stm}_{render}", "Did you mean {stem}"),
        ("--name {stem}", "several renders would have the same name"),
        ("--name {stem}/{render}", "contains a folder"),
        ("--clash maybe", "invalid --clash 'maybe'"),
        ("--clash skip --name {class}_{render}", "before the dream"),
        ("--clash skip --name {catid}_{render}", "Pass --catid"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    command: Command, bird: Path, tmp_path: Path, arguments: str, words: str
) -> None:
    outcome = command("render", bird, "--out", tmp_path, "--model", "yamnet", *arguments.split())
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert words in outcome.err
