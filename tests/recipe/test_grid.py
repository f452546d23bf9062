"""The grid of variations: what is read, in which order, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.grid import parse_grid


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("seed=1..4", {"seed": ("1", "2", "3", "4")}),
        ("seed=3..1", {"seed": ("3", "2", "1")}),
        ("strength=0.5,1,2", {"strength": ("0.5", "1", "2")}),
        ("seed=0,7..9", {"seed": ("0", "7", "8", "9")}),
        ("threshold-db=-40,-20", {"threshold_db": ("-40", "-20")}),
        ("class=Cat,Dog  method=add", {"class_": ("Cat", "Dog"), "method": ("add",)}),
        (
            'class="Bird vocalization, bird call, bird song",Owl',
            {"class_": ("Bird vocalization, bird call, bird song", "Owl")},
        ),
    ],
)
def test_what_is_read(text: str, fields: dict[str, tuple[str, ...]]) -> None:
    assert parse_grid(text).fields == fields


def test_the_last_field_changes_fastest() -> None:
    found = parse_grid("seed=1,2 strength=0.5,1").combinations()
    assert [tuple(one.values()) for one in found] == [
        ("1", "0.5"),
        ("1", "1"),
        ("2", "0.5"),
        ("2", "1"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Name at least one"),
        ("seed", "invalid entry 'seed'. Use field=value"),
        ("seed=1 strenth=2", "unknown field 'strenth'. Did you mean strength"),
        ("seed=", "seed= contains an empty value"),
        ("seed=1,,2", "contains an empty value"),
        ('class=""', "contains an empty value"),
        ("seed=1 seed=2", "duplicate field seed"),
        ("model=yamnet,mtt-vgg", "model cannot vary within a grid"),
        ("target=a.wav", "target cannot vary"),
        ("seed=1..100 steps=1..11", "too many combinations: 1100"),
        ("seed=1..999999999999", "range too long"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as raised:
        parse_grid(text)
    assert "\n" not in str(raised.value)


@given(
    st.dictionaries(
        st.sampled_from(["seed", "steps", "strength", "knee_db"]),
        st.lists(st.integers(1, 99).map(str), min_size=1, max_size=4),
        min_size=1,
    )
)
def test_there_are_as_many_combinations_as_the_product(fields: dict[str, list[str]]) -> None:
    text = " ".join(f"{name}={','.join(values)}" for name, values in fields.items())
    grid = parse_grid(text)
    found = grid.combinations()
    assert len(found) == math.prod(len(values) for values in fields.values())
    assert all(list(one) == list(fields) for one in found)
