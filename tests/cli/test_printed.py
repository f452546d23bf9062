"""``--out`` of the commands that only print."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .conftest import Command
from .test_help_pages import EVERY


def test_what_is_printed_goes_into_a_file(command: Command, tmp_path: Path) -> None:
    printed = command("classes", "--search", "bird", "--model", "yamnet", "--json")
    place = tmp_path / "birds.json"
    outcome = command("classes", "--search", "bird", "--model", "yamnet", "--json", "-o", place)
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == f"wrote {place}\n"
    assert json.loads(place.read_text()) == json.loads(printed.out)
    assert not list(tmp_path.glob(".*"))


def test_a_dash_prints(command: Command) -> None:
    given = ("layers", "--model", "yamnet")
    assert command(*given, "--out", "-").out == command(*given).out != ""


def test_a_file_that_exists_stays(command: Command, tmp_path: Path) -> None:
    place = tmp_path / "models.txt"
    place.write_text("mine")
    outcome = command("models", "list", "-o", place)
    assert (outcome.code, outcome.err) == (
        2,
        f"dreamsound: {place}: already exists. Use another name.\n",
    )
    assert place.read_text() == "mine"


@pytest.mark.parametrize("words", [("classes", "--model", "yamnt"), ("queue", "show", "99")])
def test_an_error_leaves_no_file(command: Command, tmp_path: Path, words: tuple[str, ...]) -> None:
    place = tmp_path / "out.txt"
    assert command(*words, "-o", place).code == 2
    assert not place.exists()


def test_a_folder_that_is_missing_is_bad_input(command: Command, tmp_path: Path) -> None:
    outcome = command("presets", "list", "-o", tmp_path / "none" / "presets.txt")
    assert outcome.code == 2
    assert re.search("cannot be written: no folder .*none", outcome.err)


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_that_prints_json_takes_a_file(
    command: Command, path: tuple[str, ...]
) -> None:
    page = command(*path, "--help").out
    assert ("--json" not in page) or ("--out" in page)
