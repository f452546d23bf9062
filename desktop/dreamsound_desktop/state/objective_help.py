"""Completion of objective texts."""

from __future__ import annotations

import re

from dreamsound_desktop.state.fuzzy import best
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.recipe.objective_text import ATOMS

KINDS = tuple(f"{kind}:" for kind in ATOMS)
ROLES = ("@first", "@follow", "@target", "@patch")
MOST = 12
_ATOM = re.compile(
    r"(?:^|[\s+*\-(])((?:class|layer|channel|unit):|(?:guide|texture):\"[^\"]*\":)"
    r"(\"[^\"]*|[^\s+*]*)$"
)
_BARE = re.compile(r"@?[\w/&'. ]+")
_WORD = re.compile(r"[\w@]*$")


def completions(text: str, table: NameTable) -> list[tuple[int, str]]:
    """Return completions for the end of a text.

    Parameters
    ----------
    text : str
        The objective up to the cursor.
    table : NameTable
        Names of the model.

    Returns
    -------
    list of (int, str)
        Position from which the completion replaces the text, and the completion.
    """
    atom = _ATOM.search(text)
    if atom:
        kind, typed = atom[1], atom[2]
        place = atom.start(2)
        if kind == "class:":
            names = [*ROLES, *table.class_names]
            found = best(typed.strip('"'), names, most=MOST)
            return [(place, _quoted(name)) for name in found]
        end = ":" if kind in ("channel:", "unit:") else ""
        return [(place, name + end) for name in best(typed, list(table.layers), most=MOST)]
    word = _WORD.search(text)
    place = word.start() if word else len(text)
    typed = text[place:]
    found = [kind for kind in KINDS if kind.startswith(typed)]
    return [(place, kind) for kind in found]


def _quoted(name: str) -> str:
    return name if _BARE.fullmatch(name) else f'"{name}"'
