"""Objectives: what they read from activations, and what a recipe means by one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dreamsound.errors import RecipeError
from dreamsound.models import yamnet_table
from dreamsound.objective import ClassChoice, ClassObjective, LayerObjective, objective_of
from dreamsound.recipe import Recipe

LOGITS = np.array([[-90.0, -1.0, 0.5], [2.0, 40.0, -0.25]], np.float32)


@pytest.fixture
def names() -> Any:
    """A model as far as objectives look at it: YAMNet's names."""
    return SimpleNamespace(
        class_names=yamnet_table.class_names(), resolve_layer=yamnet_table.resolve_layer
    )


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
    values = ClassObjective(at).values({"logits": LOGITS}, class_index).numpy()
    expected = formula(LOGITS[:, class_index].astype(np.float64))
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-30)


def test_a_layers_energy_is_its_mean_square_in_each_patch() -> None:
    activations = np.random.default_rng(1).standard_normal((3, 6, 4, 8)).astype(np.float32)
    objective = LayerObjective("layer7/pointwise_conv")
    assert objective.taps == ("layer7/pointwise_conv",)
    values = objective.values({"layer7/pointwise_conv": activations}, 0).numpy()
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
    assert objective_of(Recipe.make(**fields), names) == (ClassObjective(at), choice)


def test_a_recipe_names_a_layer(names: Any) -> None:
    objective, choice = objective_of(Recipe.make(layer="layer7"), names)
    assert objective == LayerObjective("layer7/pointwise_conv/relu")
    assert choice == ClassChoice("first")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"class_": "Chainsw"}, "did you mean Chainsaw"),
        ({"class_": "521"}, "classes 0 to 520"),
        ({"layer": "layer7/pointwise"}, "layer7/pointwise_conv"),
        ({"layer": "layer15"}, "no layer 'layer15'"),
    ],
)
def test_unknown_names_are_errors_that_suggest(
    names: Any, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        objective_of(Recipe.make(**fields), names)


def test_equal_objectives_share_a_traced_graph() -> None:
    # The model keeps its graphs by objective: equal ones have to be equal keys.
    assert len({ClassObjective("score"), ClassObjective("score"), ClassObjective("log")}) == 2
    assert len({LayerObjective("a"), LayerObjective("a"), LayerObjective("b")}) == 2
