"""The Universal Category System: a category for what a dream sounds like.

``ucs.csv`` has a row for each of AudioSet's classes that YAMNet hears; a class without a
subcategory of its own has the one for the rest of its category. The assignment is DreamSound's.

References
----------
Universal Category System, version 8, https://universalcategorysystem.com: CatIDs, categories and
subcategories. Gemmeke et al., *Audio Set*, ICASSP 2017: the classes.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

#: CatID, category and subcategory; empty if there is none.
Category = tuple[str, str, str] | tuple[()]


@cache
def suggested_categories() -> dict[str, tuple[str, str, str]]:
    """Return the category of each class of YAMNet's, by name: CatID, category, subcategory."""
    text = files("dreamsound_studio.recipe").joinpath("ucs.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["display_name"]: (row["catid"], row["category"], row["subcategory"]) for row in rows
    }


def suggested_category(class_name: str) -> Category:
    """Return the category for a class; empty if it is none of YAMNet's.

    Examples
    --------
    >>> suggested_category("Thunder")
    ('THUN', 'WEATHER', 'THUNDER')
    """
    return suggested_categories().get(class_name, ())


def category_of(catid: str) -> Category:
    """Return the category that a CatID stands for; its names are empty if they are unknown."""
    for found in suggested_categories().values():
        if found[0] == catid:
            return found
    return (catid, "", "")
