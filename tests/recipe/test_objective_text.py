"""The grammar of objectives: what is read, what is refused, and that both ways are one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.cli import line_and_code
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.yamnet.tables import class_names
from dreamsound_studio.recipe.objective import (
    AT,
    CHOICES,
    Channel,
    Class,
    Direction,
    FromModel,
    Guide,
    Layer,
    Objective,
    Texture,
    Unit,
)
from dreamsound_studio.recipe.objective_text import ObjectiveTextError, parse_objective
from dreamsound_studio.recipe.recipe import Recipe


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("class:Whistling", [(1, Class("Whistling"))]),
        (" class : Bird vocalization : score ", [(1, Class("Bird vocalization", "score"))]),
        ('class:"Hi-hat"', [(1, Class("Hi-hat"))]),
        ("class:@follow:log", [(1, Class("@follow", "log"))]),
        ("class:35", [(1, Class("35"))]),
        ("layer:layer7/pointwise_conv", [(1, Layer("layer7/pointwise_conv"))]),
        ("channel:layer11/pointwise_conv:42", [(1, Channel("layer11/pointwise_conv", 42))]),
        ("unit:layer11: 0, 3,42", [(1, Unit("layer11", (0, 3, 42)))]),
        ('direction:"a-b.wav"-"C:\\\\b.wav"', [(1, Direction("a-b.wav", "C:\\b.wav"))]),
        ('guide:"bells.wav":layer13', [(1, Guide("bells.wav", "layer13"))]),
        ("guide:bells.wav", [(1, Guide("bells.wav"))]),
        ('-2*texture:"rain.wav":layer3', [(-2, Texture("rain.wav", "layer3"))]),
        ("texture: rain.wav", [(1, Texture("rain.wav"))]),
        (
            "-2*class:Cat + .5 *layer:cnn1-1e-3*class:@first",
            [(-2, Class("Cat")), (0.5, Layer("cnn1")), (-1e-3, Class("@first"))],
        ),
        ('class:"say \\"hi\\", (twice)"', [(1, Class('say "hi", (twice)'))]),
    ],
)
def test_what_is_read(text: str, terms: list[tuple[float, object]]) -> None:
    assert list(parse_objective(text).terms) == terms


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "expected one of class, layer"),
        ("clas:Cat", 0, "expected one of class, layer"),
        ("class Cat", 6, "expected : after class"),
        ("class:", 6, "expected a class name"),
        ("class:Hi-hat", 9, "expected one of class, layer"),
        ("class:Cat+", 10, "expected one of"),
        ("class:Cat class:Dog", 16, "logit, score or log"),
        ("2 class:Cat", 2, r"expected \* after the weight"),
        ("0*class:Cat", 0, "finite and not 0"),
        ("1e999*class:Cat", 0, "finite and not 0"),
        ('class:"Cat', 6, "unclosed quote"),
        ('class:""', 6, "between the quotes"),
        ("class:@best", 6, "unknown class @best"),
        ("class:Cat:prob", 10, "logit, score or log"),
        ("channel:layer3", 14, "expected : and a channel number"),
        ("channel:layer3:x", 15, "expected a whole number"),
        ("unit:layer3:1,", 14, "expected a whole number"),
        ("direction:a.wav", 15, "expected - and the sound file"),
        ("class:Cat)", 9, r"expected \+ or -"),
        ("layer:layer3 * 2", 13, r"expected \+ or -"),
    ],
)
def test_what_is_refused_shows_where(text: str, position: int, words: str) -> None:
    with pytest.raises(ObjectiveTextError, match=words) as raised:
        parse_objective(text)
    assert raised.value.position == position
    _, shown, caret = str(raised.value).split("\n")
    assert shown == f"  {text}"
    assert caret.index("^") == position + 2


def test_the_command_line_keeps_the_caret_in_its_place() -> None:
    with pytest.raises(ObjectiveTextError) as raised:
        parse_objective("class:Cat +  clas:Dog")
    line, code = line_and_code(raised.value)
    assert code == 2
    assert line.endswith("\n  class:Cat +  clas:Dog\n               ^")


NAMES = st.one_of(
    st.sampled_from(class_names()),
    st.text(min_size=1).filter(lambda name: name.strip() and not name.startswith("@")),
)
NUMBERS = st.integers(0, 10_000)
CLASSES = st.builds(
    Class,
    st.one_of(NAMES, st.sampled_from([f"@{choice}" for choice in CHOICES])),
    st.sampled_from([None, *AT]),
)
ATOMS = st.one_of(
    CLASSES,
    st.builds(Layer, NAMES),
    st.builds(Channel, NAMES, NUMBERS),
    st.builds(Unit, NAMES, st.lists(NUMBERS, min_size=1, max_size=3).map(tuple)),
    st.builds(Direction, NAMES, NAMES),
    st.builds(Guide, NAMES, st.one_of(st.none(), NAMES)),
    st.builds(Texture, NAMES, st.one_of(st.none(), NAMES)),
    st.builds(FromModel, st.sampled_from(["yamnet", "my_net-2.0"]), st.builds(Layer, NAMES)),
)
WEIGHTS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != 0)


@given(st.lists(st.tuples(WEIGHTS, ATOMS), min_size=1, max_size=4))
def test_text_and_terms_are_one(terms: list[tuple[float, Class]]) -> None:
    objective = Objective(tuple(terms))
    again = parse_objective(str(objective))
    assert again == objective
    assert str(again) == str(objective)


@given(st.text())
def test_any_text_is_read_or_refused_in_one_way(text: str) -> None:
    position, weights = 0, []
    try:
        weights = [weight for weight, _ in parse_objective(text).terms]
    except ObjectiveTextError as error:
        position = error.position
    assert 0 <= position <= len(text)
    assert all(math.isfinite(weight) for weight in weights)


def test_atoms_and_objectives_are_added_scaled_and_negated() -> None:
    bird, speech = Class("Bird"), Class("Speech", at="score")
    assert str(bird - speech) == "class:Bird - class:Speech:score"
    assert str(-bird) == "-class:Bird"
    assert str(-(bird - 2 * speech)) == "-class:Bird + 2.0*class:Speech:score"
    assert str((bird + speech) * 0.5) == str((bird + speech) / 2)
    assert str(Class(3) + Layer("layer3")) == "class:3 + layer:layer3"  # type: ignore[arg-type]
    assert parse_objective(str(bird - speech)) == bird - speech
    assert repr(bird - 3 * speech) == "<Objective class:Bird - 3.0*class:Speech:score>"
    for bad in (lambda: 0 * bird, lambda: bird / 0, lambda: float("nan") * bird):
        with pytest.raises(RecipeError, match="invalid weight"):
            bad()
    with pytest.raises(RecipeError, match="invalid at 'loud'"):
        Class("Bird", at="loud")
    for clash in (lambda: bird + 1, lambda: bird * bird, lambda: "x" - bird):
        with pytest.raises(TypeError, match="unsupported operand"):
            clash()


def test_a_recipe_takes_objects_as_its_objective() -> None:
    guide = Guide(Path("bells.wav"))  # type: ignore[arg-type]
    assert guide.path == "bells.wav"
    assert Recipe.make(objective=guide).objective == 'guide:"bells.wav"'
    mixed = Class("Bird") - Direction("a.wav", "b.wav")
    assert Recipe(objective=mixed).objective == str(mixed)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="expected a class name"):
        Recipe.make(objective=Class(""))
