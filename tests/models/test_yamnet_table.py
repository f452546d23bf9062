"""YAMNet's published names: layers with their shapes, classes, and what may be typed for them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.yamnet.tables import (
    ALIASES,
    CLASSES,
    class_names,
    layer_table,
    names,
)


def test_the_layers_are_those_of_the_published_network() -> None:
    # tensorflow/models, research/audioset/yamnet/yamnet.py: 27 convolutions of three names each,
    # then pooling, logits and scores; the shapes follow from its strides and filters.
    table = layer_table()
    assert len(table) == 27 * 3 + 3
    expected = {
        "layer1/conv": (48, 32, 32),
        "layer1/conv/bn": (48, 32, 32),
        "layer1/relu": (48, 32, 32),
        "layer2/depthwise_conv": (48, 32, 32),
        "layer2/pointwise_conv/relu": (48, 32, 64),
        "layer3/depthwise_conv/bn": (24, 16, 64),
        "layer3/pointwise_conv": (24, 16, 128),
        "layer6/pointwise_conv": (12, 8, 256),
        "layer12/pointwise_conv/relu": (6, 4, 512),
        "layer13/depthwise_conv/relu": (3, 2, 512),
        "layer14/pointwise_conv/relu": (3, 2, 1024),
        "global_average_pooling2d": (1024,),
        "dense": (521,),
        "activation": (521,),
    }
    assert {name: table[name] for name in expected} == expected
    assert next(iter(table)) == "layer1/conv"
    assert list(table)[-1] == "activation"


@pytest.mark.parametrize("name", layer_table())
def test_every_published_name_means_itself(name: str) -> None:
    assert names().resolve_layer(name) == name


@pytest.mark.parametrize(
    ("typed", "published"),
    [
        ("layer1", "layer1/relu"),
        ("layer7", "layer7/pointwise_conv/relu"),
        ("layer14", "layer14/pointwise_conv/relu"),
        ("embeddings", "global_average_pooling2d"),
        ("logits", "dense"),
        ("scores", "activation"),
    ],
)
def test_short_names_mean_a_published_one(typed: str, published: str) -> None:
    assert names().resolve_layer(typed) == published


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("layer15", "layer1"),
        ("layer7/pointwise", "layer7/pointwise_conv"),
        ("embedding", "embeddings"),
        ("Layer7", "layer7"),
    ],
)
def test_an_unknown_layer_suggests_the_nearest(typed: str, suggested: str) -> None:
    with pytest.raises(RecipeError, match="Did you mean") as raised:
        names().resolve_layer(typed)
    assert suggested in str(raised.value)
    assert repr(typed) in str(raised.value)


def test_a_layer_like_no_other_points_to_the_list() -> None:
    with pytest.raises(RecipeError, match="List them with dreamsound layers"):
        names().resolve_layer("§§§")


def test_the_classes_are_audiosets() -> None:
    # yamnet_class_map.csv of the published model.
    found = class_names()
    assert len(found) == CLASSES == len(set(found))
    for index, name in ((0, "Speech"), (35, "Whistling"), (76, "Cat"), (520, "Field recording")):
        assert found[index] == name


@pytest.mark.yamnet
def test_the_classes_are_those_the_model_brings(saved_model_folder: Path) -> None:
    with (saved_model_folder / "assets" / "yamnet_class_map.csv").open(newline="") as file:
        assert tuple(row["display_name"] for row in csv.DictReader(file)) == class_names()


@pytest.mark.parametrize(
    ("text", "index"),
    [("0", 0), ("520", 520), ("Whistling", 35), ("whistling", 35), (" CAT ", 76)],
)
def test_a_class_is_named_or_numbered(text: str, index: int) -> None:
    assert names().find_class(text) == index


def test_every_class_is_found_by_its_name() -> None:
    found = [names().find_class(name) for name in class_names()]
    assert found == list(range(CLASSES))


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("Whistlng", "Whistling"),
        ("chain saw", "Chainsaw"),
        ("drums", "Drum"),
        ("speach", "Speech"),
    ],
)
def test_an_unknown_class_suggests_the_nearest(text: str, suggested: str) -> None:
    with pytest.raises(RecipeError, match=f"no class {text!r}. Did you mean .*{suggested}"):
        names().find_class(text)


def test_a_class_like_no_other_points_to_the_list() -> None:
    for text in ("qqqqqqqq", "", "-1"):
        with pytest.raises(RecipeError, match="List them with dreamsound classes"):
            names().find_class(text)
    with pytest.raises(RecipeError, match="classes 0 to 520"):
        names().find_class("521")


def test_aliases_are_of_layers_that_there_are() -> None:
    assert set(ALIASES) <= set(layer_table())
    assert not set(ALIASES.values()) & set(layer_table())
