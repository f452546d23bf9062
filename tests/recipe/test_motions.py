"""Defaults of `sculpt` by how the sounds of a class move."""

from __future__ import annotations

import pytest

from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.recipe.default_method import row_of, step_count_of
from dreamsound_studio.recipe.method_table import METHODS, SCULPT_TOWARD
from dreamsound_studio.recipe.motions import MOTIONS, Motion, motion_of
from dreamsound_studio.recipe.objective_text import parse_objective
from dreamsound_studio.recipe.plan import Plan, in_effect
from dreamsound_studio.recipe.recipe import Recipe


def test_each_class_of_a_motion_exists_and_has_one_motion() -> None:
    (yamnet,) = known_tables("yamnet")
    names = [name for names in MOTIONS.values() for name in names]
    assert len(names) == len(set(names))
    assert set(names) <= set(yamnet.class_names)


@pytest.mark.parametrize(
    ("objective", "motion"),
    [
        ("class:Whistling", Motion.HELD),
        ("class:whistling", Motion.HELD),
        ("class:35", Motion.HELD),
        ('class:"Gunshot, gunfire"', Motion.STRUCK),
        ('class:Engine + 0.5*class:"Power tool"', Motion.STEADY),
        ("class:Whistling - 0.5*class:Bird", Motion.HELD),
        ("yamnet/class:Engine", Motion.STEADY),
        ("class:Bird", Motion.FREE),
        ("class:Engine + class:Whistling", Motion.FREE),
        ("class:Engine + class:Bird", Motion.FREE),
        ("class:Engine + basic-pitch/note:A4", Motion.FREE),
        ("class:@first", Motion.FREE),
        ("class:nonsense", Motion.FREE),
        ("mtt-musicnn/class:techno", Motion.FREE),
    ],
)
@pytest.mark.parametrize("model", ["yamnet", "auto"])
def test_what_is_named_decides_the_motion(objective: str, motion: Motion, model: str) -> None:
    assert motion_of(parse_objective(objective), model) is motion


def test_a_model_without_a_table_of_its_own_knows_no_motions() -> None:
    assert motion_of(parse_objective("class:Whistling"), "plugins/other") is Motion.FREE


@pytest.mark.parametrize(
    ("class_", "row"),
    [("Whistling", "whistles"), ("Fireworks", "shots"), ("Idling", "engines"), ("346", "engines")],
)
def test_sculpt_takes_the_defaults_of_the_motion(class_: str, row: str) -> None:
    recipe = Recipe.make(class_=class_, model="yamnet")
    assert recipe.method == "sculpt"
    plan = Plan.of(recipe)
    for name in ("gain_grid", "bed", "bed_level_db", "natural", "depth_db"):
        expected = getattr(SCULPT_TOWARD[row], name)
        assert getattr(plan, name) == in_effect(recipe, name) == expected, name
    assert step_count_of(recipe) == SCULPT_TOWARD[row].steps


def test_what_a_recipe_says_comes_before_the_defaults_of_the_motion() -> None:
    given = {"gain_grid": "96x32ms", "bed": "pink", "bed_level_db": -20.0, "natural": 1.0}
    plan = Plan.of(Recipe.make(class_="Whistling", model="yamnet", **given))
    assert {name: getattr(plan, name) for name in given} == given


def test_other_methods_and_objectives_know_no_motions() -> None:
    for fields in (
        {"class_": "Whistling", "method": "add"},
        {"class_": "Bird"},
        {"class_": "first", "method": "sculpt"},
        {"layer": "layer5", "method": "sculpt"},
    ):
        recipe = Recipe.make(model="yamnet", **fields)
        assert row_of(recipe) is METHODS[recipe.method]
