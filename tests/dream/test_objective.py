"""Objectives: what they read from activations, and what a recipe means by one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dreamsound_studio.dream.objective import ClassChoice, check_names, objective_of
from dreamsound_studio.dream.objective_functions import (
    ChannelObjective,
    ClassObjective,
    LayerObjective,
    UnitObjective,
)
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.yamnet import tables as yamnet_table
from dreamsound_studio.recipe.recipe import Recipe

LOGITS = np.array([[-90.0, -1.0, 0.5], [2.0, 40.0, -0.25]], np.float32)


@pytest.fixture
def names() -> Any:
    """A model as far as objectives look at it: YAMNet's names."""
    return SimpleNamespace(table=yamnet_table.names())


@pytest.mark.parametrize(
    ("at", "formula"),
    [
        ("logit", lambda z: z),
        ("score", lambda z: 1 / (1 + np.exp(-z))),
        ("log", lambda z: -np.log1p(np.exp(-z))),
    ],
)
@pytest.mark.parametrize("class_index", [0, 2])
def test_a_class_is_read_in_each_patch(at: str, formula: Any, class_index: int) -> None:
    values = ClassObjective(at).values({"logits": LOGITS}, np.array([class_index])).numpy()
    expected = formula(LOGITS[:, class_index].astype(np.float64))
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-30)


def test_a_layers_energy_is_its_mean_square_in_each_patch() -> None:
    activations = np.random.default_rng(1).standard_normal((3, 6, 4, 8)).astype(np.float32)
    objective = LayerObjective("layer7/pointwise_conv")
    assert objective.taps == ("layer7/pointwise_conv",)
    values = objective.values({"layer7/pointwise_conv": activations}, np.array([0])).numpy()
    np.testing.assert_allclose(values, (activations**2).mean(axis=(1, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize(
    ("fields", "at", "choice"),
    [
        ({}, "logit", ClassChoice("first")),
        ({"paper": True}, "score", ClassChoice("first")),
        ({"class_": "follow", "at": "log"}, "log", ClassChoice("follow")),
        ({"method": "target", "target": "cat.wav"}, "logit", ClassChoice("target")),
        (
            {"method": "target", "target": "cat.wav", "class_": "first"},
            "logit",
            ClassChoice("first"),
        ),
        ({"class_": "whistling"}, "logit", ClassChoice("named", 35)),
        ({"class_": "520"}, "logit", ClassChoice("named", 520)),
    ],
)
def test_a_recipe_names_a_class(
    names: Any, fields: dict[str, Any], at: str, choice: ClassChoice
) -> None:
    assert objective_of(Recipe.make(**fields), names) == (ClassObjective(at), (choice,))


def test_a_recipe_names_a_layer(names: Any) -> None:
    objective, choices = objective_of(Recipe.make(layer="layer7"), names)
    assert objective == LayerObjective("layer7/pointwise_conv/relu")
    assert choices == (ClassChoice("first"),)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"class_": "Chainsw"}, "Did you mean Chainsaw"),
        ({"class_": "521"}, "classes 0 to 520"),
        ({"layer": "layer7/pointwise"}, "layer7/pointwise_conv"),
        ({"layer": "layer15"}, "no layer 'layer15'"),
        ({"objective": "class:Cat + class:Chainsw"}, "Did you mean Chainsaw"),
        ({"objective": "channel:layer2:64"}, "layer2/pointwise_conv/relu ends at 63 there"),
        ({"objective": "unit:layer2:48,0,0"}, "ends at 47 there"),
        ({"objective": "unit:layer2:3"}, r"a unit of .* needs 3 numbers \(48 x 32 x 64\)"),
    ],
)
def test_unknown_names_are_errors_that_suggest(
    names: Any, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        objective_of(Recipe.make(**fields), names)


def test_names_are_checked_without_a_model() -> None:
    table = yamnet_table.names()
    for text in ("class:Cat - 0.1*class:@first", "channel:layer14:1023", 'guide:"none.wav"'):
        check_names(Recipe.make(objective=text), table)
    for text in ("class:Ct", "layer:lyr", "channel:layer14:1024", 'guide:"none.wav":layer99'):
        with pytest.raises(RecipeError):
            check_names(Recipe.make(objective=text), table)


def test_a_sum_weighs_its_parts_and_shares_classes(names: Any) -> None:
    text = "2*class:Cat - 0.5*class:Dog:score + class:@follow + class:cat:log + layer:layer3"
    objective, choices = objective_of(Recipe.make(objective=text), names)
    cat, dog = yamnet_table.names().find_class("Cat"), yamnet_table.names().find_class("Dog")
    assert choices == (
        ClassChoice("named", cat),
        ClassChoice("named", dog),
        ClassChoice("follow"),
    )
    layer = "layer3/pointwise_conv/relu"
    assert objective.taps == (layer,)
    logits = np.random.default_rng(1).standard_normal((2, 521))
    energy = np.random.default_rng(2).standard_normal((2, 5, 4, 3))
    found = objective.values({"logits": logits, layer: energy}, np.array([cat, dog, 7])).numpy()
    score = 1 / (1 + np.exp(-logits))
    expected = (
        2 * logits[:, cat]
        - 0.5 * score[:, dog]
        + logits[:, 7]
        + np.log(score[:, cat])
        + (energy**2).mean(axis=(1, 2, 3))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_each_patch_may_dream_of_its_own_best(names: Any) -> None:
    objective, choices = objective_of(Recipe.make(class_="patch"), names)
    assert choices == (ClassChoice("first"),)
    values = objective.values({"logits": LOGITS}, np.array([0])).numpy()
    np.testing.assert_allclose(values, [0.5, 40.0])


def test_channels_and_units_are_read_and_dead_ones_point_the_way_out() -> None:
    random = np.random.default_rng(4)
    before = random.standard_normal((2, 3, 4, 5)).astype(np.float32)
    before[1, :, :, 2] = -np.abs(before[1, :, :, 2]) - 0.1  # dead in the second patch
    found = {"relu": np.maximum(before, 0), "bn": before}
    channel = ChannelObjective("relu", 2, "bn").values(found, np.array([0])).numpy()
    alive = np.maximum(before[0, :, :, 2], 0).mean()
    np.testing.assert_allclose(channel, [alive, before[1, :, :, 2].max()], rtol=1e-6)
    unit = UnitObjective("relu", (1, 2, 2), "bn").values(found, np.array([0])).numpy()
    np.testing.assert_allclose(unit, before[:, 1, 2, 2], rtol=1e-6)
    plain = UnitObjective("relu", (1, 2, 3)).values(found, np.array([0]))
    np.testing.assert_allclose(plain, found["relu"][:, 1, 2, 3])


def test_equal_objectives_share_a_traced_graph() -> None:
    # The model keeps its graphs by objective: equal ones have to be equal keys.
    assert len({ClassObjective("score"), ClassObjective("score"), ClassObjective("log")}) == 2
    assert len({LayerObjective("a"), LayerObjective("a"), LayerObjective("b")}) == 2
