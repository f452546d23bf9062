"""Actions for single presets: the preset script with a name filled in."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.manifest import digest
from dreamsound_studio.recipe.presets import FORBIDDEN, SUFFIX, find_preset

ENDINGS: Final = {"lua": ".lua", "python": ".py"}
TEMPLATE: Final = "DreamSound_Dream selected items with preset"
#: The line of the script that holds the preset's name.
EMPTY: Final = {"lua": "local PRESET = nil", "python": "PRESET = None"}
#: File systems limit names to 255 bytes; the rest of the name takes under 60.
LONGEST_BYTES: Final = 180


def preset_called(name: str) -> str:
    """Return the name of a preset that the scripts will find.

    Raises
    ------
    dreamsound_studio.errors.RecipeError, InstallError
        The preset does not exist, or `name` is a file.
    """
    if name.endswith(SUFFIX):
        raise InstallError(
            f"{name} is a file. Import it first (dreamsound presets import), then pass the "
            "preset's name"
        )
    return find_preset(name).preset.name


def file_name(preset: str, language: str) -> str:
    """Return the file name of a preset's action, valid on all file systems."""
    text = unicodedata.normalize("NFC", preset)
    text = "".join("_" if c in FORBIDDEN or not c.isprintable() else c for c in text).strip(" .")
    raw = text.encode("utf-8")
    if len(raw) > LONGEST_BYTES:
        text = f"{raw[:LONGEST_BYTES].decode('utf-8', 'ignore')}~{digest(raw)[:6]}"
    return f"{TEMPLATE} - {text}{ENDINGS[language]}"


def favourite_script(template: str, preset: str, language: str) -> str:
    """Return the script of a preset's action.

    Parameters
    ----------
    template : str
        The script that asks for a preset.
    preset : str
        Preset name to fill in.
    language : str
        ``lua`` or ``python``.
    """
    empty = EMPTY[language]
    if len(re.findall(rf"(?m)^{re.escape(empty)}\s*$", template)) != 1:
        raise InstallError(
            f"{TEMPLATE}{ENDINGS[language]} lacks the line {empty!r}. Reinstall dreamsound-studio"
        )
    literal = _lua_literal(preset) if language == "lua" else repr(preset)
    filled = empty.rpartition(" ")[0] + " " + literal
    return re.sub(rf"(?m)^{re.escape(empty)}(?=\s*$)", lambda _: filled, template)


def _lua_literal(text: str) -> str:
    """Return a text as a Lua string literal."""
    escapes = {'"': '\\"', "\\": "\\\\"}
    return '"' + "".join(escapes.get(c, c if c >= " " else f"\\{ord(c):03d}") for c in text) + '"'
