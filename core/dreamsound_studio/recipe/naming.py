"""How renders are called: a template, safe on every system."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from dreamsound_studio.errors import RecipeError

DEFAULT_TEMPLATE = "{stem}_{render}"

#: What may stand between braces, and what it stands for.
FIELDS: dict[str, str] = {
    "stem": "the source's name without its ending",
    "render": "dream, gradient, hardcut, filtered or difference",
    "preset": "the preset",
    "class": "the class that was dreamed of",
    "model": "the network",
    "layer": "the layer that was dreamed of",
    "step": "how many steps were made",
    "n": "which of several inputs it is, 001, 002, ...",
    "date": "the day, such as 2026-11-24",
    "catid": "UCS: the category's short name, such as ANMLBird",
    "fxname": "UCS: what it is, in a few words",
    "creator": "UCS: who made it",
    "source": "UCS: where it belongs",
}
#: Known only when the dream is done.
LATE = ("class", "model", "layer", "step")
#: The example in the help.
EXAMPLE = {
    "stem": "bird",
    "render": "dream",
    "preset": "Turn to bells",
    "class": "Bell",
    "model": "yamnet",
    "layer": "layer7",
    "step": "10",
    "n": "001",
    "date": "2026-11-24",
    "catid": "ANMLBird",
    "fxname": "Dreamed Whistle",
    "creator": "ME",
    "source": "DREAMS",
}
#: A name of 255 bytes is the most that common file systems allow; the ending needs some.
MOST_BYTES = 240
#: Names that Windows keeps for itself.
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
#: Stands for a field without a value; no text has this character.
EMPTY = "\ue000"
_FIELD = re.compile(r"\{(\w*)\}")


def check_template(template: str, several: bool) -> None:
    """Raise `RecipeError` for a template that cannot name renders.

    Parameters
    ----------
    template : str
        Text with fields of :data:`FIELDS` in braces.
    several : bool
        Whether an input has more than one render, which `{render}` must then tell apart.
    """
    for name in _FIELD.findall(template):
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1)
            hint = f"did you mean {{{near[0]}}}?" if near else f"there are {', '.join(FIELDS)}"
            raise RecipeError(f"name: there is no {{{name}}}; {hint}")
    rest = _FIELD.sub("", template)
    if "{" in rest or "}" in rest:
        raise RecipeError(f"name: a brace in {template!r} does not belong to a field like {{stem}}")
    if "/" in rest or "\\" in rest:
        raise RecipeError(f"name: {template!r} names a folder: use --out for that")
    if several and "{render}" not in template:
        raise RecipeError("name: several renders would have one name; put {render} into it")
    if not template.strip(" ."):
        raise RecipeError("name: it is empty")


def fields_in(template: str) -> set[str]:
    """Return the fields of a template."""
    return set(_FIELD.findall(template))


def expand(template: str, values: Mapping[str, str]) -> str:
    """Return a file name without its ending.

    Parameters
    ----------
    template : str
        As :func:`check_template` lets pass.
    values : mapping
        Of its fields; one that is missing is empty, and what separates it from its neighbours goes
        with it.

    Returns
    -------
    str
        Safe on Windows, macOS and Linux: without their separators and forbidden characters, not a
        reserved name, neither empty nor too long.

    Examples
    --------
    >>> expand("{stem}_{class}_{render}", {"stem": "bird", "class": "Hi-hat", "render": "dream"})
    'bird_Hi-hat_dream'
    """
    name = _FIELD.sub(lambda match: _safe(values.get(match[1], "")) or EMPTY, template)
    # An empty field takes one separator with it.
    name = re.sub(f"[_\\- ]?{EMPTY}", "", name)
    name = _safe(name).strip(" .") or "render"
    if RESERVED.match(name):
        name = f"_{name}"
    # Cut between characters, not within one; what tells renders apart stands mostly at the end.
    encoded = name.encode()
    if len(encoded) > MOST_BYTES:
        half = MOST_BYTES // 2
        name = encoded[:half].decode(errors="ignore") + encoded[-half:].decode(errors="ignore")
    return name


def _safe(text: str) -> str:
    return re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "-", text)
