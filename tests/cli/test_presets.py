"""``dreamsound presets`` and ``recipe``, and presets in ``render``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamsound_studio.recipe.presets import (
    SUFFIX,
    factory_presets,
    find_preset,
    user_presets_folder,
)
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import Command

pytestmark = pytest.mark.usefixtures("bare_machine")


def test_presets_are_listed_searched_and_shown(command: Command) -> None:
    lines = command("presets", "list").out.splitlines()
    assert len(lines) == len(factory_presets())
    listed = json.loads(command("presets", "list", "--json").out)
    assert [one["name"] for one in listed] == [preset.name for preset in factory_presets()]
    assert all(one["factory"] for one in listed)
    found = command("presets", "list", "--search", "BELLS").out
    assert "Turn to bells" in found
    assert len(found.splitlines()) < 4
    shown = command("presets", "show", "under the skin").out
    assert "masking: under" in shown
    assert json.loads(command("presets", "show", "Under the skin", "--json").out)["path"] is None


def test_one_is_saved_copied_renamed_shared_and_deleted(command: Command, tmp_path: Path) -> None:
    saved = command(
        *("presets", "save", "Mine", "--class", "Cat", "--steps", 7),
        *("--note", "For cats.", "--tags", "cat, soft", "--author", "me"),
    )
    assert saved.code == 0, saved.err
    assert command("presets", "list").out.startswith("* Mine")
    preset = find_preset("mine").preset
    assert (preset.note, preset.tags, preset.author) == ("For cats.", ("cat", "soft"), "me")
    assert (preset.recipe.class_, preset.recipe.steps) == ("Cat", 7)
    assert command("presets", "save", "mine", "--steps", 8).code == 2
    assert find_preset("Mine").preset.recipe.steps == 7
    assert command("presets", "copy", "Bones", "My bones").code == 0
    assert command("presets", "rename", "My bones", "Twigs").code == 0
    assert find_preset("Twigs").preset.recipe == find_preset("Bones").preset.recipe
    assert command("presets", "rename", "Bones", "Sticks").code == 2
    assert command("presets", "export", "Mine", tmp_path).code == 0
    file = tmp_path / f"Mine{SUFFIX}"
    assert command("presets", "export", "Mine", tmp_path).code == 2
    assert command("presets", "delete", "Mine").code == 0
    assert command("presets", "show", "Mine").code == 2
    assert command("presets", "import", file).code == 0
    again = command("presets", "import", file)
    assert (again.code, len(again.messages)) == (2, 1)
    assert command("presets", "import", file, "--overwrite").code == 0
    assert find_preset("Mine").preset == preset
    assert {path.name for path in user_presets_folder().iterdir()} == {
        f"Mine{SUFFIX}",
        f"Twigs{SUFFIX}",
    }


def test_out_writes_a_preset_elsewhere_or_prints_it(command: Command, tmp_path: Path) -> None:
    file = tmp_path / f"Mine{SUFFIX}"
    commands = (
        ("save", "Mine", "--steps", 7),
        ("copy", "Bones", "Mine"),
        ("export", "Bones"),
        ("blend", "Bones", "Turn to birds", "0.2"),
    )
    for arguments in commands:
        printed = command("presets", *arguments, "-o", "-")
        assert (printed.code, printed.err) == (0, "")
        assert command("presets", *arguments, "--out", file).out.startswith(f"wrote {file}; ")
        assert json.loads(file.read_text()) == json.loads(printed.out)
        assert command("presets", *arguments, "--out", file).code == 2
        file.unlink()
        assert command("presets", *arguments, "--out", tmp_path / "preset.json").code == 2
    # None of them is among the user's presets.
    assert not user_presets_folder().exists()


def test_a_blend_is_written_saved_and_printed_at_once(command: Command, tmp_path: Path) -> None:
    blend = ("blend", "Bones", "Turn to birds", "0.2", "--save", "Mix", "--json")
    done = command("presets", *blend, "--out", tmp_path)
    assert done.code == 0
    assert json.loads(done.out) == json.loads((tmp_path / f"Mix{SUFFIX}").read_text())
    assert find_preset("Mix").preset.as_dict() == json.loads(done.out)


def test_an_export_needs_one_place(command: Command, tmp_path: Path) -> None:
    for place in ((), (tmp_path, "--out", tmp_path)):
        done = command("presets", "export", "Bones", *place)
        assert (done.code, done.err) == (
            2,
            "dreamsound: name one place to write to: FILE, or --out FILE\n",
        )


def test_a_bad_file_among_those_imported_changes_nothing(command: Command, tmp_path: Path) -> None:
    command("presets", "export", "Bones", tmp_path)
    bad = tmp_path / f"bad{SUFFIX}"
    bad.write_text(json.dumps({"name": "../../evil", "recipe": {}}))
    outcome = command("presets", "import", tmp_path / f"Bones{SUFFIX}", bad)
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert not user_presets_folder().exists()


def test_a_saved_preset_may_begin_with_another(command: Command) -> None:
    assert command("presets", "save", "Mine", "--from", "Turn to birds", "--steps", 3).code == 0
    recipe, base = (find_preset(name).preset.recipe for name in ("Mine", "Turn to birds"))
    assert (recipe.steps, recipe.objective) == (3, base.objective)
    # Another objective takes the place of the preset's, in whatever form it is given.
    assert command("presets", "save", "Cats", "--from", "Turn to birds", "--class", "Cat").code == 0
    assert find_preset("Cats").preset.recipe.objective is None


def test_two_are_compared_and_mixed(command: Command) -> None:
    out = command("presets", "diff", "Turn to birds", "Turn to water").out
    assert out.splitlines()[0].startswith("objective: class:Bird")
    differences = json.loads(command("presets", "diff", "Bones", "Under the skin", "--json").out)
    assert differences["masking"] == ["none", "under"]
    mixed = json.loads(command("presets", "blend", "Turn to birds", "Turn to water", "0.3").out)
    assert mixed["recipe"]["objective"].startswith("class:Bird")
    assert not user_presets_folder().exists()
    half = command("presets", "blend", "Bones", "Only what it hears", "0.5", "--save", "Half")
    assert half.code == 0, half.err
    assert find_preset("Half").preset.recipe.threshold_db == pytest.approx(-19.0)
    assert command("presets", "blend", "Bones", "Half", "2").code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("presets show Bonse", "Did you mean Bones"),
        ("presets delete Bones", "factory preset"),
        ("presets save a/b", "Invalid preset name"),
        ("presets export Bones there.json", "NAME.dreamsound.json"),
        ("presets import none.json", "none.json"),
        ("recipe show none.json", "none.json"),
    ],
)
def test_what_makes_no_sense_is_one_line(command: Command, arguments: str, words: str) -> None:
    outcome = command(*arguments.split())
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert words in outcome.err


def test_the_schema_tells_of_every_field(command: Command) -> None:
    schema = json.loads(command("recipe", "schema").out)
    names = {field.alias or name for name, field in Recipe.model_fields.items()}
    assert set(schema["properties"]) == names
    for name, field in schema["properties"].items():
        assert field["description"], name


def test_a_file_shows_its_recipe(command: Command, tmp_path: Path) -> None:
    command("presets", "export", "Bones", tmp_path)
    shown = command("recipe", "show", tmp_path / f"Bones{SUFFIX}", "--json").out
    assert json.loads(shown) == {"schema_version": 1} | json.loads(shown)
    assert "mask: local" in command("recipe", "show", tmp_path / f"Bones{SUFFIX}").out
    every = command("recipe", "show", tmp_path / f"Bones{SUFFIX}", "--all", "--json").out
    assert set(json.loads(every)) == {f.alias or n for n, f in Recipe.model_fields.items()}
