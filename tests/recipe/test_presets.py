"""Presets and recipe files: what is shipped, what is kept, and what is refused."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.errors import DreamSoundError, RecipeError
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.recipe.blend import blend, difference
from dreamsound_studio.recipe.document import (
    MOST_BYTES,
    parse_json,
    read_json,
    recipe_from,
    write_json,
)
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.presets import (
    SUFFIX,
    Preset,
    check_name,
    delete_preset,
    factory_presets,
    find_preset,
    preset_from,
    read_preset,
    save_preset,
    set_fields,
    user_presets,
    user_presets_folder,
)
from dreamsound_studio.recipe.recipe import PAPER_FIELDS, Recipe

GOLDEN = Path(__file__).parent / "recipes"
NAMES = [preset.name for preset in factory_presets()]


@pytest.fixture
def folder(bare_machine: Path) -> Path:
    """The user's folder of presets, empty."""
    return user_presets_folder()


def preset(name: str = "Mine", **fields: Any) -> Preset:
    return Preset(name=name, recipe=Recipe.make(**fields))


# -- what is shipped ------------------------------------------------------------------------------


def test_there_are_factory_presets_and_the_paper_is_one() -> None:
    assert len(NAMES) == len({name.casefold() for name in NAMES}) >= 24
    assert sorted(NAMES, key=str.casefold) == NAMES
    paper = find_preset("as in the paper").preset.recipe
    for name, value in PAPER_FIELDS.items():
        assert getattr(paper, name) == value


def test_factory_presets_are_of_the_present_format_and_name_their_method() -> None:
    folder = files("dreamsound_studio").joinpath("recipe", "factory")
    for file in folder.iterdir():
        recipe = json.loads(file.read_text(encoding="utf-8"))["recipe"]
        assert (recipe["schema_version"], "method" in recipe) == (2, True), file.name


@pytest.mark.parametrize("name", NAMES)
def test_a_factory_preset_makes_sense(name: str) -> None:
    stored = find_preset(name)
    assert stored.factory
    assert stored.preset.note.endswith(".")
    assert stored.preset.tags
    Plan.of(stored.preset.recipe)
    check_names(stored.preset.recipe, *known_tables(stored.preset.recipe.model))
    for other in factory_presets():
        assert other.name == name or difference(other.recipe, stored.preset.recipe)


def test_recipes_of_every_version_are_read_for_ever() -> None:
    files = sorted(GOLDEN.glob("version-*.json"))
    assert len(files) == 1
    recipe = recipe_from(read_json(files[0]), files[0].name)
    assert (recipe.method, recipe.class_, recipe.strength) == ("filter-add", "Whistling", 0.1)


# -- what is kept ---------------------------------------------------------------------------------


def test_a_preset_is_saved_found_replaced_and_deleted(folder: Path) -> None:
    path = save_preset(preset(steps=3))
    assert path == folder / f"Mine{SUFFIX}"
    assert find_preset("mine").preset == preset(steps=3)
    assert read_preset(path) == preset(steps=3)
    with pytest.raises(RecipeError, match="Preset 'Mine' already exists"):
        save_preset(preset("MINE", steps=4))
    assert save_preset(preset("MINE", steps=4), overwrite=True) == path
    assert find_preset("Mine").preset.recipe.steps == 4
    assert delete_preset("mine") == path
    assert list(folder.iterdir()) == []


def test_a_users_preset_goes_before_the_factorys_which_stay(folder: Path) -> None:
    save_preset(preset(NAMES[0], steps=7))
    assert find_preset(NAMES[0]).preset.recipe.steps == 7
    delete_preset(NAMES[0])
    assert find_preset(NAMES[0]).factory
    with pytest.raises(RecipeError, match="factory preset and cannot be changed"):
        delete_preset(NAMES[0])


def test_one_file_that_is_broken_does_not_hide_the_others(folder: Path) -> None:
    save_preset(preset())
    (folder / f"broken{SUFFIX}").write_text("{")
    found, unreadable = user_presets()
    assert [stored.preset.name for stored in found] == ["Mine"]
    assert len(unreadable) == 1
    assert "invalid JSON" in unreadable[0]


def test_of_two_who_save_one_name_at_once_one_is_reported(folder: Path) -> None:
    started, errors = threading.Barrier(8, timeout=60), []

    def save(number: int) -> None:
        started.wait()
        try:
            save_preset(preset(steps=number + 1))
        except RecipeError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 7
    assert [path.name for path in folder.iterdir()] == [f"Mine{SUFFIX}"]
    find_preset("Mine")


def test_a_write_that_fails_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_preset(preset(steps=3))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RecipeError, match="No space left"):
        save_preset(preset(steps=4), overwrite=True)
    monkeypatch.undo()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert read_preset(path).recipe.steps == 3


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", " ", "a ", ".a", "a.", "a/b", "..\\b", "a:b", "a\0b", "a\nb", "CON", "nul.x", "x" * 81],
)
def test_a_name_that_is_no_file_name_somewhere_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="Invalid preset name"):
        check_name(name)


@pytest.mark.parametrize("name", ["Ümläut & Söhne", "1/2".replace("/", "-"), "夜", "it's (new)"])
def test_other_names_are_fine(folder: Path, name: str) -> None:
    save_preset(preset(name))
    assert find_preset(name).preset.name == name


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "not a preset"),
        ({"name": "a"}, "no recipe in it"),
        ({"name": "a", "recipe": []}, "not a JSON object"),
        ({"name": "../a", "recipe": {}}, "Invalid preset name"),
        ({"name": "a", "recipe": {"stepz": 1}}, "stepz: unknown field; did you mean steps"),
        ({"name": "a", "recipe": {"steps": 0}}, "steps: "),
        ({"name": "a", "recipe": {"schema_version": 99}}, "version 99 .* newer DreamSound"),
        ({"name": "a", "recipe": {"schema_version": 0}}, "unknown schema_version"),
        ({"name": "a", "recipe": {"schema_version": True}}, "unknown schema_version"),
        ({"preset_version": 9, "name": "a", "recipe": {}}, "needs a newer DreamSound"),
        ({"name": "a", "recipe": {}, "nam": 1}, "nam: unknown field; did you mean name"),
        ({"name": 3, "recipe": {}}, "name: "),
        ({"recipe": {}}, "name: "),
    ],
)
def test_what_is_not_a_preset_is_reported(document: Any, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as raised:
        preset_from(document, "it.json")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "invalid JSON"),
        (b"\xff\xfe", "invalid JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' * 20 + b"1" + b"}" * 20, "nested too deeply"),
        (b'{"strength": NaN}', "NaN is not a valid number"),
        (b" " * (MOST_BYTES + 1), "too large for a recipe"),
    ],
)
def test_what_is_not_json_is_reported(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(RecipeError, match=words):
        read_json(tmp_path / "a.json")


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(RecipeError, match=str(path)):
            read_json(path)
    write_json(tmp_path / "a.json", {})
    with pytest.raises(RecipeError, match=r"already exists. Use another name"):
        write_json(tmp_path / "a.json", {})
    assert os.listdir(tmp_path) == ["a.json"]  # noqa: PTH208 - whatever is left, hidden too


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
FIELDS = st.sampled_from([field.alias or name for name, field in Recipe.model_fields.items()])


@given(st.dictionaries(FIELDS, JSON, max_size=5) | JSON)
def test_any_document_is_a_recipe_or_refused(document: Any) -> None:
    with contextlib.suppress(DreamSoundError):
        recipe = recipe_from(document, "it")
        assert recipe_from(json.loads(json.dumps(recipe.as_dict())), "it") == recipe


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_refused(content: bytes) -> None:
    with contextlib.suppress(DreamSoundError):
        parse_json(content, "it")


# -- between two ----------------------------------------------------------------------------------


def test_numbers_lie_between_and_the_rest_is_the_nearers() -> None:
    a = Recipe.make(strength=0.1, steps=10, class_="Cat", smooth_time=0, seed=1)
    b = Recipe.make(strength=0.2, steps=20, layer="layer3", smooth_time=4, method="filter", seed=9)
    near_a, near_b = blend(a, b, 0.3), blend(a, b, 0.75)
    assert near_a.strength == pytest.approx(0.13)
    assert (near_a.steps, near_a.class_, near_a.layer) == (13, "Cat", None)
    assert (near_a.smooth_time, near_a.method, near_a.seed) == (pytest.approx(1.2), "add", 1)
    assert (near_b.steps, near_b.class_, near_b.layer) == (18, None, "layer3")
    assert (near_b.method, near_b.seed) == ("filter", 9)
    assert blend(a, b, 0) == a
    assert blend(a, b, 1) == b


def test_open_fields_take_their_methods_number() -> None:
    mixed = blend(Recipe.make(), Recipe.make(strength=0.15), 0.5)
    assert mixed.strength == pytest.approx(0.1)  # add's own is 0.05


@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.floats(0, 1))
def test_any_two_presets_can_be_mixed(first: str, second: str, share: float) -> None:
    a, b = (find_preset(name).preset.recipe for name in (first, second))
    Plan.of(blend(a, b, share))


def test_a_difference_shows_only_what_differs() -> None:
    a, b = Recipe.make(steps=3, class_="Cat"), Recipe.make(steps=3, class_="Dog")
    assert difference(a, b) == {"class": ("Cat", "Dog")}
    assert difference(a, a) == {}
    assert set_fields(a) == {
        "schema_version": 2,
        "method": "sculpt",
        "steps": 3,
        "class": "Cat",
    }
