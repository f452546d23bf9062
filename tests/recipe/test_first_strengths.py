"""The strength of the first step: that of the objective, the same wherever it is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dreamsound_studio.models.musicnn.tables import names as musicnn_names
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.models.yamnet.tables import names as yamnet_names
from dreamsound_studio.recipe.blend import blend
from dreamsound_studio.recipe.first_strengths import LAYERS, depth_of
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.plan import Plan, in_effect
from dreamsound_studio.recipe.recipe import Recipe

OWN = METHODS["add"].strength


def strength(**fields: object) -> float:
    recipe = Recipe.make(**{"model": "yamnet", "method": "add"} | fields)
    assert in_effect(recipe, "strength") == Plan.of(recipe).strength
    return Plan.of(recipe).strength


@pytest.mark.parametrize(
    ("layer", "most"),
    [
        ("layer1/relu", 0.002),
        ("layer3/pointwise_conv", 0.002),
        ("layer5", 0.005),
        ("layer7/pointwise_conv", 0.01),
        ("layer10", 0.02),
        ("layer12/pointwise_conv", 0.05),
        ("layer14", 0.05),
    ],
)
def test_the_strength_toward_a_layer_is_the_one_that_was_measured(layer: str, most: float) -> None:
    assert strength(layer=layer) == strength(objective=f"layer:{layer}") == most


def test_the_deeper_the_layer_the_larger_the_step() -> None:
    found = [strength(layer=layer) for layer in yamnet_names().layers]
    assert found == sorted(found)
    assert found[0] < found[-1] == OWN


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"class_": "Bird"},
        {"class_": "Bird", "at": "score"},
        {"class_": "Bird", "at": "log"},
        {"objective": "channel:layer3:5"},
        {"objective": "unit:layer3:1,2,3"},
        {"objective": 'guide:"a.wav":layer3'},
        {"objective": 'texture:"a.wav"'},
        {"objective": 'direction:"a.wav"-"b.wav"'},
        {"objective": "note:A4", "model": "basic-pitch"},
    ],
)
def test_everything_else_takes_the_methods_own(fields: dict[str, str]) -> None:
    assert strength(**fields) == OWN


@pytest.mark.parametrize("method", ["add", "filter-add", "target", "filter", "sculpt"])
def test_every_method_has_one(method: str) -> None:
    target = "t.wav" if method == "target" else None
    low = strength(method=method, layer="layer3", target=target)
    assert low < strength(method=method, layer="layer14", target=target) == OWN


def test_what_the_recipe_gives_stays() -> None:
    assert strength(layer="layer3", strength=0.03) == 0.03


def test_the_paper_is_left_alone() -> None:
    plan = Plan.of(Recipe.make(paper=True, layer="layer3"))
    assert plan.strength == OWN
    assert strength(layer="layer3", normalise="before") == OWN


def test_a_sum_of_layers_takes_the_smallest_and_any_other_the_methods_own() -> None:
    low, high = strength(layer="layer3"), strength(layer="layer10")
    assert low < high < OWN
    assert strength(objective="layer:layer10 - 2*layer:layer3") == low
    assert strength(objective="layer:layer3 + 0.1*class:Bird") == OWN
    assert strength(objective="layer:layer10 + mtt-musicnn/layer:f74") == low


def test_a_layer_is_looked_up_in_the_network_that_hears_it() -> None:
    musicnn = musicnn_names("mtt-musicnn")
    recipe = Recipe.make(method="add", layer="cnn3")
    # The model that runs decides, not the one that the name would mean here.
    assert Plan.of(recipe, musicnn).strength == OWN
    assert strength(objective="mtt-musicnn/layer:f74") == LAYERS["add"][0][1]
    # Nobody knows the layers of a model that is not here.
    assert strength(model="https://tfhub.dev/a/b/1", layer="x") == LAYERS["add"][0][1]
    assert strength(layer="no such layer") == LAYERS["add"][0][1]


def test_depth_is_the_order_of_the_networks_own_layers() -> None:
    (yamnet,) = known_tables("yamnet")
    assert depth_of("activation", yamnet) == depth_of("scores", yamnet) == 1
    assert depth_of("layer3", yamnet) == depth_of("layer3/pointwise_conv/relu", yamnet)
    only = NameTable("n", ("a",), {"scores": (1,)})
    assert depth_of("scores", only) == 1


def test_a_blend_keeps_the_strength_of_its_objective_open() -> None:
    low, high = (Recipe.make(method="add", layer=layer) for layer in ("layer3", "layer12"))
    mixed = blend(low, high, 0.3)
    assert (mixed.layer, mixed.strength) == ("layer3", None)
    given = blend(low, Recipe.make(method="add", strength=0.102), 0.5)
    assert given.strength == pytest.approx((0.002 + 0.102) / 2)


@pytest.mark.parametrize("method", ["add", "filter-add", "target"])
def test_the_page_of_the_defaults_has_these_strengths(method: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "defaults.md").read_text(encoding="utf-8")
    table = page[page.index(f"| toward, `{method}` |") :].split("\n\n")[0]
    rows = re.findall(r"^\| (layer\S+) \|.*\| ([\d.]+) \|$", table, re.MULTILINE)
    assert len(rows) == 7
    for layer, shown in rows:
        target = "t.wav" if method == "target" else None
        assert f"{strength(method=method, layer=layer, target=target):g}" == shown
