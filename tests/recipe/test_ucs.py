"""A UCS category for every class."""

from __future__ import annotations

import re

import pytest

from dreamsound_studio.models.yamnet.tables import class_names
from dreamsound_studio.recipe.ucs import category_of, suggested_categories, suggested_category


def test_every_class_has_a_category() -> None:
    table = suggested_categories()
    assert tuple(table) == class_names()
    names = {}
    for catid, category, subcategory in table.values():
        # A CatID is an abbreviation of the category in capitals, then of the subcategory.
        assert re.fullmatch(r"[A-Z]{2,5}([A-Z][a-z]+)?", catid)
        assert category == category.upper() != ""
        assert subcategory == subcategory.upper() != ""
        assert names.setdefault(catid, (category, subcategory)) == (category, subcategory)
    assert len(set(names.values())) == len(names)


@pytest.mark.parametrize(
    ("class_name", "category"),
    [
        ("Dog", ("ANMLDog", "ANIMALS", "DOG")),
        ("Thunder", ("THUN", "WEATHER", "THUNDER")),
        ("Helicopter", ("AEROHeli", "AIRCRAFT", "HELICOPTER")),
        ("Hi-hat", ("MUSCPerc", "MUSICAL", "PERCUSSION")),
        ("no class", ()),
    ],
)
def test_a_class_suggests_its_category(class_name: str, category: tuple[str, ...]) -> None:
    assert suggested_category(class_name) == category


def test_a_catid_has_the_names_of_its_category_where_they_are_known() -> None:
    assert category_of("BIRDSong") == ("BIRDSong", "BIRDS", "SONGBIRD")
    assert category_of("MINEOwn") == ("MINEOwn", "", "")
