"""The files that a recipe names: listed in one order, and replaced without touching the rest."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.dream.melody import Melody
from dreamsound_studio.recipe.files import FIELDS
from dreamsound_studio.recipe.objective import (
    Atom,
    Class,
    Direction,
    FromModel,
    Guide,
    Objective,
    Texture,
)
from dreamsound_studio.recipe.recipe import Recipe

# What a path may hold, but lone surrogates, which no objective is written with.
paths = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
).filter(lambda text: text.strip() != "")
atoms: st.SearchStrategy[Atom] = st.one_of(
    st.builds(Guide, paths, st.none() | st.just("layer7")),
    st.builds(Texture, paths, st.none() | st.just("layer7")),
    st.builds(Direction, paths, paths),
    st.builds(Melody, paths),
    st.builds(FromModel, st.just("basic-pitch"), st.builds(Melody, paths)),
    st.just(Class("Whistling", "score")),
)
terms = st.tuples(st.sampled_from([1.0, -1.0, 0.5, -2.25]), atoms)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """A recipe of any files; whether a method can use them is not asked here."""
    target = draw(st.none() | paths)
    text = draw(st.none() | st.lists(terms, min_size=1, max_size=4))
    return Recipe.make(
        target=target,
        target_b=draw(st.none() | paths) if target is not None else None,
        objective=None if text is None else str(Objective(tuple(text))),
        seed=7,
    )


@given(recipes())
def test_the_same_paths_are_the_same_recipe(recipe: Recipe) -> None:
    assert recipe.with_files(lambda path: path) == recipe
    assert recipe.with_files({}) == recipe
    assert recipe.with_files({path: path for path in recipe.files()}) == recipe


@given(recipes())
def test_every_file_is_replaced_in_its_place(recipe: Recipe) -> None:
    moved = recipe.with_files(lambda path: f'/far "away"\\{path}')
    assert moved.files() == tuple(f'/far "away"\\{path}' for path in recipe.files())
    assert list(moved.files_by_name()) == list(recipe.files_by_name())
    # Nothing else changes: moved back, it is the recipe that it was.
    assert moved.with_files(dict(zip(moved.files(), recipe.files(), strict=True))) == recipe


def test_files_are_distinguished_by_what_they_are_for() -> None:
    recipe = Recipe.make(
        method="target",
        target="t.wav",
        target_b="u.wav",
        objective='guide:"a.wav" - .5*direction:"b.wav"-"a.wav" + class:Cat + 2*guide:"c.wav":l3',
    )
    assert recipe.files_by_name() == {
        "target": "t.wav",
        "target_b": "u.wav",
        "guide 1": "a.wav",
        "direction to 1": "b.wav",
        "direction from 1": "a.wav",
        "guide 2": "c.wav",
    }
    moved = recipe.with_files({"a.wav": Path("x/a.wav")})
    x = str(Path("x/a.wav"))
    assert moved.files() == ("t.wav", "u.wav", x, "b.wav", x, "c.wav")
    assert moved.target == "t.wav"


@pytest.mark.parametrize("text", ['.5*guide:"a.wav"  -direction:a.wav-b.wav', 'guide:"a\\\\b.wav"'])
def test_an_objective_stays_as_it_is_written_where_no_path_changes(text: str) -> None:
    recipe = Recipe.make(objective=text)
    assert recipe.with_files(lambda path: path).objective == text


def test_a_field_or_an_atom_that_names_files_is_listed() -> None:
    """What is documented as a sound file is in the list, and nothing else is."""
    documented = {
        name
        for name, field in Recipe.model_fields.items()
        if (field.description or "").startswith("sound file")
    }
    assert documented == set(FIELDS)
    for kind in get_args(Atom):
        assert set(kind.path_fields) <= set(kind.__dataclass_fields__)
