"""Names of renders: a template, safe on every system."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from dreamsound_studio.errors import RecipeError

DEFAULT_TEMPLATE = "{stem}_{render}"

#: Fields allowed in braces, and their meaning.
FIELDS: dict[str, str] = {
    "stem": "source file name without extension",
    "render": "dream, gradient, hardcut, filtered or difference",
    "preset": "the preset",
    "class": "class that was maximised",
    "model": "name of the model",
    "layer": "layer that was maximised",
    "step": "number of steps done",
    "n": "number of the input: 001, 002, ...",
    "date": "date, such as 2026-11-24",
    "catid": "UCS: category ID, such as BIRDSong; by default the class's",
    "fxname": "UCS: short description",
    "creator": "UCS: name of the creator",
    "source": "UCS: project or library",
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
    "catid": "BELLMisc",
    "fxname": "Dreamed Whistle",
    "creator": "ME",
    "source": "DREAMS",
}
#: Common file systems allow names of 255 bytes; the extension needs some of them.
MOST_BYTES = 240
#: Names that Windows reserves.
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
#: Stands for a field without a value; this character never occurs in text.
EMPTY = "\ue000"
_FIELD = re.compile(r"\{(\w*)\}")


def check_template(template: str, several: bool) -> None:
    """Raise `RecipeError` for a template that cannot name renders.

    Parameters
    ----------
    template : str
        Text with fields of :data:`FIELDS` in braces.
    several : bool
        Whether an input has more than one render, so that `{render}` is required.
    """
    for name in _FIELD.findall(template):
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, 1)
            hint = f"Did you mean {{{near[0]}}}?" if near else f"Use {', '.join(FIELDS)}."
            raise RecipeError(f"name: unknown field {{{name}}}. {hint}")
    rest = _FIELD.sub("", template)
    if "{" in rest or "}" in rest:
        raise RecipeError(f"name: unmatched brace in {template!r}. Write fields like {{stem}}.")
    if "/" in rest or "\\" in rest:
        raise RecipeError(f"name: {template!r} contains a folder. Use --out for the folder.")
    if several and "{render}" not in template:
        raise RecipeError("name: several renders would have the same name. Add {render}.")
    if not template.strip(" ."):
        raise RecipeError("name: the template is empty")


def fields_in(template: str) -> set[str]:
    """Return the fields of a template."""
    return set(_FIELD.findall(template))


def expand(template: str, values: Mapping[str, str]) -> str:
    """Return a file name without its extension.

    Parameters
    ----------
    template : str
        A template accepted by :func:`check_template`.
    values : mapping
        Values of its fields; a missing one is empty, and its separator is dropped.

    Returns
    -------
    str
        Safe on Windows, macOS and Linux: without path separators or forbidden characters, not a
        reserved name, neither empty nor too long.

    Examples
    --------
    >>> expand("{stem}_{class}_{render}", {"stem": "bird", "class": "Hi-hat", "render": "dream"})
    'bird_Hi-hat_dream'
    """
    name = _FIELD.sub(lambda match: _safe(values.get(match[1], "")) or EMPTY, template)
    # An empty field drops one separator.
    name = re.sub(f"[_\\- ]?{EMPTY}", "", name)
    name = _safe(name).strip(" .") or "render"
    if RESERVED.match(name):
        name = f"_{name}"
    # Cut between characters, not within one; the end usually tells renders apart.
    encoded = name.encode()
    if len(encoded) > MOST_BYTES:
        half = MOST_BYTES // 2
        name = encoded[:half].decode(errors="ignore") + encoded[-half:].decode(errors="ignore")
    return name


def _safe(text: str) -> str:
    # Lone surrogates are in texts from JSON, and in no file name.
    return re.sub(r'[\x00-\x1f\x7f\ud800-\udfff/\\:*?"<>|]', "-", text)
