"""Recipes: what they refuse, in which words, and that they come back from JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.default_method import ADDED
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.method_table import METHODS, MethodRow
from dreamsound_studio.recipe.no_effect import without_effect
from dreamsound_studio.recipe.plan import Plan, terms_of
from dreamsound_studio.recipe.presets import factory_presets, with_fields
from dreamsound_studio.recipe.recipe import PAPER_FIELDS, Recipe

#: Texts that a file can hold.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
).filter(str.strip)
# Any value that each field takes, whatever the others are.
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "model": TEXTS,
    "method": st.sampled_from(["add", "filter", "filter-add", "target"]),
    "combine": st.sampled_from(["add", "replace"]),
    "mask_from": st.sampled_from(["none", "gradient", "input", "target"]),
    "carrier": st.sampled_from(["gradient", "input", "target"]),
    "target": TEXTS,
    "class_": TEXTS,
    "at": st.sampled_from(["logit", "score", "log"]),
    "steps": st.integers(4, 10_000),
    "strength": st.floats(0, 100, exclude_min=True),
    "strength_ref": st.sampled_from(["source", "absolute"]),
    "normalise": st.sampled_from(["after", "before"]),
    "follow_envelope": st.floats(0, 1),
    "restore_level": st.booleans(),
    "jitter": st.booleans(),
    "patch_hop": st.floats(0.125, 1),
    "threshold_db": st.floats(-200, 0),
    "threshold_ref": st.sampled_from(["span", "frame", "local"]),
    "mask": st.sampled_from(["hard", "soft", "per-frame", "inverted", "local"]),
    "knee_db": st.floats(0, 120),
    "invert_mask": st.booleans(),
    "hop_samples": st.integers(1, 512),
    "channels": st.sampled_from(["linked", "independent", "mid-side"]),
    "air": st.sampled_from(["keep", "mask", "drop", "octave"]),
    "target_b": TEXTS,
    "start": st.sampled_from(["sound", "noise", "silence"]),
    "octaves": st.integers(1, 4),
    "pull_to_source": st.floats(0, 100),
    "damp_above": st.floats(0, 100),
    "damp_above_hz": st.floats(1, 96_000),
    "smooth_time": st.floats(0, 100),
    "smooth_frequency": st.floats(0, 100),
    "masking": st.sampled_from(["none", "under", "over"]),
    "band_low_hz": st.floats(1, 900),
    "band_high_hz": st.floats(1000, 96_000),
    "fade_in_s": st.floats(0, 3600),
    "fade_out_s": st.floats(0, 3600),
    "strength_over_steps": st.just("1:2, 10:0.5"),
    "strength_over_time": st.just("0:0, 2.5:1"),
    "threshold_over_steps": st.just("1:-20, 10:0"),
    "threshold_over_time": st.just("-3"),
    "backtrack": st.booleans(),
    "listens": st.integers(1, 64),
    "listen_level_db": st.floats(0, 40),
    "listen_speed": st.floats(0, 0.5),
    "listen_tilt": st.floats(0, 0.99),
    "listen_noise_db": st.floats(-120, 0),
    "listen_windows": st.booleans() | st.none(),
    "listen_eq_db": st.floats(0, 40) | st.none(),
    "natural": st.floats(0, 1000) | st.none(),
    "gain_grid": st.sampled_from(["96x32ms", "48x64ms + binsx.1s"]),
    "depth_db": st.floats(1, 120),
    "rate_db": st.floats(0.01, 20),
    "pull": st.floats(0, 10),
    "bed": st.sampled_from(["none", "noise", "pink", "clicks", "voices", "mixed"]),
    "bed_file": TEXTS,
    "bed_level_db": st.floats(-80, 20),
    "wet": st.floats(0, 1),
    "stop_score": st.floats(0.01, 0.99),
    "stop_plateau": st.floats(0.01, 0.99),
    "seed": st.integers(0, 2**32 - 1),
    "block_patches": st.integers(1, 1024),
    "precision": st.sampled_from(["float32", "fast", "bfloat16"]),
}


@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_a_recipe_comes_back_from_json(fields: dict[str, Any]) -> None:
    recipe = Recipe.make(**fields)
    for name, value in fields.items():
        assert getattr(recipe, name) == value
    text = json.dumps(recipe.as_dict())
    assert Recipe.model_validate(json.loads(text)) == recipe


def test_json_names_fields_as_the_options_do() -> None:
    fields = Recipe.make(class_="Whistling").as_dict()
    assert fields["class"] == "Whistling"
    assert "class_" not in fields
    assert Recipe.make(**{"class": "Whistling"}) == Recipe.make(class_="Whistling")


def test_every_field_is_generated_here() -> None:
    rest = {"schema_version", "flip", "layer", "objective", "fft_size", "morph"}
    assert set(FIELDS) | rest == set(Recipe.model_fields)


# -- the paper ------------------------------------------------------------------------------------


def test_paper_sets_what_the_design_lists() -> None:
    # DESIGN section 3, the table "studio default | paper".
    listed = {
        "strength_ref": "absolute",
        "normalise": "before",
        "follow_envelope": 0.0,
        "restore_level": False,
        "jitter": False,
        "at": "score",
        "backtrack": False,
    }
    recipe = Recipe.make(paper=True)
    assert {name: getattr(recipe, name) for name in listed} == listed
    assert set(PAPER_FIELDS) == set(listed)
    assert recipe.method == "add"
    studio = Recipe.make(method="add")
    changed = {
        name for name in Recipe.model_fields if getattr(studio, name) != getattr(recipe, name)
    }
    assert changed == set(listed)


def test_a_field_given_by_name_wins_over_the_paper() -> None:
    recipe = Recipe.make(paper=True, at="log", jitter=True)
    assert (recipe.at, recipe.jitter, recipe.normalise) == ("log", True, "before")


def test_the_paper_may_dream_of_a_layer() -> None:
    recipe = Recipe.make(paper=True, layer="layer7")
    assert (recipe.layer, recipe.at, recipe.jitter) == ("layer7", None, False)


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, "steps: use 1 or more, not 0$"),
        ({"steps": 10_001}, "steps: use 10000 or less, not 10001$"),
        ({"steps": "many"}, "steps: use a whole number, not 'many'$"),
        ({"steps": 1.5}, "steps: use a whole number, not 1.5$"),
        ({"strength": "loud"}, "strength: use a number, not 'loud'$"),
        ({"stop_score": 1}, "stop_score: use less than 1, not 1$"),
        ({"flip": "maybe"}, "flip: use true or false, not 'maybe'$"),
        ({"layer": 7}, "layer: use text, not 7$"),
        ({"seed": 2**32}, "seed: use 4294967295 or less, not 4294967296$"),
        ({"strength": 0}, "strength: use more than 0, not 0$"),
        ({"strength": 101}, "strength: use 100 or less, not 101$"),
        ({"strength": float("nan")}, "strength: .*not nan"),
        ({"strength": float("inf")}, "strength: .*not inf"),
        ({"follow_envelope": 1.1}, "follow_envelope: .*not 1.1"),
        ({"patch_hop": 0.1}, "patch_hop: use 0.125 or more, not 0.1"),
        ({"threshold_db": 1}, "threshold_db: use 0 or less, not 1$"),
        ({"threshold_db": -201}, "threshold_db: .*-200"),
        ({"knee_db": -1}, "knee_db: "),
        ({"fft_size": 8}, "fft_size: .*16"),
        ({"fft_size": 131_072}, "fft_size: .*65536"),
        ({"hop_samples": 0}, "hop_samples: "),
        ({"seed": -1}, "seed: "),
        ({"seed": 2**32}, "seed: "),
        ({"block_patches": 0}, "block_patches: "),
        (
            {"method": "adds"},
            "method: use one of add, filter, filter-add, target, sculpt, not 'adds'$",
        ),
        ({"air": "twice"}, "air: use one of keep, mask, drop, octave, not 'twice'$"),
        ({"schema_version": 1}, "schema_version: use 2, not 1$"),
        ({"steps": 0, "seed": -1}, "steps: .*; seed: "),
    ],
)
def test_a_value_out_of_range_is_reported_with_its_field(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=f"^{message}") as raised:
        Recipe.make(**fields)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "filter", "flip": True, "carrier": "input"}, "flip .*not both"),
        ({"method": "filter", "flip": True, "mask_from": "input"}, "flip .*not both"),
        ({"method": "add", "flip": True}, "flip: the method add has no filter"),
        ({"fft_size": 1023}, "fft_size must be even, not 1023"),
        (
            {"fft_size": 512, "hop_samples": 257},
            "257 is more than half of fft_size 512",
        ),
        ({"layer": "layer7", "class_": "Music"}, "layer and class .*Use one"),
        ({"layer": "layer7", "at": "score"}, "layer and class .*Use one"),
    ],
)
def test_fields_that_contradict_each_other_are_reported(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message) as raised:
        Recipe.make(**fields)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "target"}, "needs a target"),
        ({"carrier": "target"}, "needs a target"),
        ({"class_": "target"}, "class target needs a target"),
        ({"method": "add", "target": "bells.wav"}, "method add does not use a target"),
        (
            {"method": "sculpt", "target": "bells.wav", "class_": "Bird"},
            "sculpt takes the texture of a target, or its class",
        ),
        ({"method": "sculpt", "target_b": "bells.wav"}, "Name target too"),
        ({"mask_from": "none", "carrier": "input"}, "without a mask has no effect"),
    ],
)
def test_choices_that_contradict_a_method_are_reported(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        Plan.of(Recipe.make(**fields))


@pytest.mark.parametrize("value", [math.nan, "nan"])
def test_what_is_not_a_number_is_refused_as_such(value: object) -> None:
    for name in ("natural", "strength", "depth_db", "threshold_db"):
        with pytest.raises(RecipeError, match=f"^{name}: use a number, not "):
            Recipe.make(**{name: value})


@pytest.mark.parametrize("name", ["class", "layer", "target", "model"])
def test_an_empty_text_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match=f": {name} is empty. Give it a value, or leave it out"):
        recipe_from({name: " "})


def test_a_class_may_be_an_index() -> None:
    assert recipe_from({"class": 35}).class_ == "35"
    for value in (True, 3.0, [3]):
        with pytest.raises(RecipeError, match="class: use text"):
            recipe_from({"class": value})


def test_fields_of_steps_and_masks_have_no_effect_on_a_learned_filter() -> None:
    asked: dict[str, Any] = {"threshold_db": -30.0, "mask": "soft", "strength": 0.2}
    learned = Recipe.make(method="sculpt", class_="Bird", depth_db=20.0, **asked)
    assert without_effect(learned) == ("strength", "mask", "threshold_db")
    # Defaults are not asked for, and a plan asks for nothing.
    assert without_effect(Recipe.make(method="sculpt", knee_db=None, invert_mask=False)) == ()
    assert without_effect(Plan.of(learned)) == ()


def test_a_learned_filter_s_fields_have_no_effect_on_methods_that_learn_none() -> None:
    asked: dict[str, Any] = {"depth_db": 20.0, "bed": "noise", "strength": 0.2, "threshold_db": -9}
    added = Recipe.make(method="add", class_="Bird", **asked)
    assert without_effect(added) == ("depth_db", "bed")
    replaced = Recipe.make(method="filter", class_="Bird", **asked)
    assert without_effect(replaced) == ("strength", "depth_db", "bed")


def test_no_preset_sets_what_it_does_not_use() -> None:
    unused = {one.name: without_effect(one.recipe) for one in factory_presets()}
    assert not any(unused.values()), unused


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("strenght", "strength"), ("treshold_db", "threshold_db"), ("klass", "class")],
)
def test_an_unknown_field_suggests_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(RecipeError, match=f"^{name}: unknown field; did you mean {nearest}\\?$"):
        Recipe.make(**{name: 1})


def test_a_field_like_no_other_gets_no_suggestion() -> None:
    with pytest.raises(RecipeError, match=r"^zzzzzz: unknown field$"):
        Recipe.make(zzzzzz=1)


def test_fields_that_are_none_are_left_at_their_defaults() -> None:
    assert Recipe.make(steps=None, jitter=None, class_=None) == Recipe()


def test_a_recipe_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe().steps = 3  # type: ignore[misc]


def test_the_defaults_are_those_that_were_measured() -> None:
    """The table of docs/defaults.md; what a method does not use has no number there."""
    page = (Path(__file__).parents[2] / "docs" / "defaults.md").read_text(encoding="utf-8")
    table = page[page.index("## What was chosen") :]
    columns = [name.strip(" `") for name in re.findall(r"`[\w-]+`", table.splitlines()[2])]
    assert columns == list(METHODS)
    fields = set()
    for line in table.splitlines()[4:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip(" `()") for cell in line.split("|")[1:]]
        fields.add(cells[0])
        for method, documented in zip(columns, cells[1:6], strict=True):
            value = getattr(METHODS[method], cells[0])
            if documented != "-":
                shown = value if isinstance(value, str) else f"{value:g}"
                assert shown == documented, f"{method}: {cells[0]}"
    choices = {"combine", "mask_from", "carrier"}
    assert fields == {field.name for field in dataclasses.fields(MethodRow)} - choices


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, 'texture:"a.wav"'),
        ({"target_b": "b.wav"}, '0.5*texture:"a.wav" + 0.5*texture:"b.wav"'),
        (
            {"target_b": "b.wav", "morph": "0:0, 2:0.5"},
            '0.75*texture:"a.wav" + 0.25*texture:"b.wav"',
        ),
        ({"class_": "target"}, "class:@target"),
        ({"class_": "target", "target_b": "b.wav"}, "0.5*class:@target + 0.5*class:@target_b"),
    ],
)
def test_sculpt_takes_the_texture_of_a_target_unless_its_class_is_named(
    fields: dict[str, Any], text: str
) -> None:
    recipe = Recipe.make(method="sculpt", target="a.wav", **fields)
    plan = Plan.of(recipe)
    for one in (recipe, plan, Recipe.model_validate_json(plan.model_dump_json())):
        assert str(terms_of(one)).replace(":logit", "") == text


# -- the method of a recipe that names none -------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "method"),
    [
        ({}, "sculpt"),
        ({"class_": "Bird"}, "sculpt"),
        ({"class_": "Bird", "at": "score", "steps": 10, "wet": 0.5}, "sculpt"),
        ({"target": "rain.wav"}, "sculpt"),
        ({"objective": "class:Bird - 0.5*class:Dog"}, "sculpt"),
        ({"objective": 'texture:"rain.wav"'}, "sculpt"),
        ({"objective": "yamnet/class:Bird + 0.5*basic-pitch/chord:Am"}, "sculpt"),
        ({"objective": 'basic-pitch/melody:"tune.mid"'}, "sculpt"),
        ({"layer": "layer3/pointwise_conv"}, "add"),
        ({"objective": "class:Bird + 0.1*layer:layer3"}, "add"),
        ({"objective": 'guide:"rain.wav"'}, "add"),
        ({"objective": "unit:layer14:7"}, "add"),
        ({"class_": "Bird", "strength": 0.1}, "add"),
        ({"class_": "Bird", "mask": "hard"}, "add"),
        ({"mask_from": "input"}, "add"),
        ({"paper": True}, "add"),
        ({"paper": True, "class_": "Bird"}, "add"),
        ({"method": "add", "class_": "Bird"}, "add"),
        ({"method": "sculpt", "layer": "layer3"}, "sculpt"),
    ],
)
def test_what_is_dreamed_chooses_the_method(fields: dict[str, Any], method: str) -> None:
    assert Recipe.make(**fields).method == method


def test_a_method_that_nobody_chose_follows_what_is_dreamed() -> None:
    birds = Recipe.make(class_="Bird", steps=7)
    assert birds.given() == {"class_": "Bird", "steps": 7}
    assert Recipe.make(**(birds.given() | {"class_": None, "layer": "layer3"})).method == "add"
    assert with_fields(birds, False, {"layer": "layer3"}).method == "add"
    assert with_fields(birds, True, {}).method == "add"
    chosen = Recipe.make(class_="Bird", method="sculpt")
    assert chosen.given() == {"class_": "Bird", "method": "sculpt"}
    assert with_fields(chosen, False, {"layer": "layer3"}).method == "sculpt"


def test_every_field_of_a_gradient_alone_means_one() -> None:
    values = {
        "combine": "add", "mask_from": "input", "carrier": "gradient", "flip": True,
        "mask": "soft", "threshold_db": -30.0, "threshold_ref": "frame", "knee_db": 6.0,
        "invert_mask": True, "threshold_over_steps": "1:-20, 10:0", "strength": 0.1,
        "threshold_over_time": "0:0, 1:-6", "strength_ref": "absolute", "normalise": "before",
    }  # fmt: skip
    assert set(values) == set(ADDED)
    for name in values.keys() - {"flip"}:
        assert Recipe.make(**{name: values[name]}).method == "add", name
    with pytest.raises(RecipeError, match="the method add has no filter"):
        Recipe.make(flip=True)


def test_a_recipe_of_version_1_without_a_method_adds() -> None:
    assert recipe_from({"schema_version": 1, "class": "Bird"}).method == "add"
    assert recipe_from({"schema_version": 1, "method": "filter"}).method == "filter"
    assert recipe_from({"schema_version": 2, "class": "Bird"}).method == "sculpt"
    assert recipe_from({"class": "Bird"}).method == "sculpt"


def test_notes_are_sculpted_with_gains_as_fine_as_bins() -> None:
    notes = Plan.of(Recipe.make(objective="basic-pitch/chord:Am"))
    assert (notes.method, notes.steps, notes.listens, notes.listen_speed) == ("sculpt", 80, 1, 0)
    assert (notes.gain_grid, notes.rate_db, notes.pull) == ("binsx64ms", 2.0, 0.001)
    assert (notes.fft_size, notes.band_high_hz) == (4096, 3500.0)
    assert Recipe.make(objective="basic-pitch/note:A4").step_count == 80
    # A band of the user's is the whole band, and what is given wins.
    low = Plan.of(Recipe.make(objective="basic-pitch/chord:Am", band_low_hz=4000.0, fft_size=1024))
    assert (low.band_low_hz, low.band_high_hz, low.fft_size) == (4000.0, None, 1024)
    # Beside a class, the grid has to serve both.
    both = Plan.of(Recipe.make(objective="yamnet/class:Bird + 0.5*basic-pitch/chord:Am"))
    assert (both.steps, both.fft_size, both.listen_speed) == (150, 2048, 0.0)
    assert both.gain_grid == "48x64ms + 192x16ms"
    with pytest.raises(RecipeError, match="hop_samples 2049 is more than half of fft_size 4096"):
        Recipe.make(objective="basic-pitch/chord:Am", hop_samples=2049)
