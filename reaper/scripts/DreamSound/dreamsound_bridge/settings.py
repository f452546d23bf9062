# @noindex
"""Installation settings, the last dream settings, and the presets."""

import json
import os

from . import api, program

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BRIDGE = os.path.join(FOLDER, "bridge.json")
SUFFIX = ".dreamsound.json"
#: Key of the target's GUID in its project.
TARGET = "target"


class Problem(Exception):
    """A message for the user; nothing is done."""


def bridge():
    """Return the installer's settings."""
    try:
        with open(BRIDGE, encoding="utf-8") as file:
            values = json.load(file)
        return dict(values, runs=str(values["runs"]), engine=list(values["engine"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise Problem(
            "DreamSound is not fully installed in this REAPER.\n\n"
            "Run in a terminal:\n\n    dreamsound reaper install"
        ) from None


def last(project):
    """Return the last settings of a project, or of REAPER."""
    for text in (api.project_text(project, "settings"), program.remembered("settings")):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return {}


def as_line(settings):
    """Return settings as one line."""
    return json.dumps(settings, sort_keys=True)


def presets(bridge):
    """Return the names of all presets, the user's first."""
    names = []
    for folder in bridge.get("presets", []):
        if os.path.isdir(folder):
            found = [name for name in os.listdir(folder) if name.endswith(SUFFIX)]
            names += sorted((name[: -len(SUFFIX)] for name in found), key=str.lower)
    return list(dict.fromkeys(names))


def find_preset(bridge, text):
    """Return the preset that matches a name, its beginning, or a part of it.

    Raises
    ------
    Problem
        No preset matches, or several do.
    """
    wanted = text.strip().lower()
    names = presets(bridge)
    for fits in (
        [name for name in names if name.lower() == wanted],
        [name for name in names if name.lower().startswith(wanted)],
        [name for name in names if wanted in name.lower()],
    ):
        if len(fits) == 1:
            return fits[0]
        if len(fits) > 1:
            names = fits
            break
    listed = "\n".join(names)
    raise Problem(f"“{text.strip()}” does not match exactly one preset. Choose from:\n\n{listed}")
