# @noindex
"""What the installer told, what the user chose last, and which presets there are."""

import json
import os

from . import api

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BRIDGE = os.path.join(FOLDER, "bridge.json")
SUFFIX = ".dreamsound.json"


class Problem(Exception):
    """What the user has to be told; nothing is done."""


def bridge():
    """Return what the installer wrote."""
    try:
        with open(BRIDGE, encoding="utf-8") as file:
            told = json.load(file)
        return dict(told, runs=str(told["runs"]), engine=list(told["engine"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise Problem(
            "DreamSound is not installed for this REAPER, or not completely.\n\n"
            "Run this in a terminal:\n\n    dreamsound reaper install"
        ) from None


def last(project):
    """Return the settings that were used last in a project, or anywhere."""
    for text in (api.project_text(project, "settings"), api.remembered("settings")):
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


def presets(told):
    """Return the names of all presets, the user's first."""
    names = []
    for folder in told.get("presets", []):
        if os.path.isdir(folder):
            found = [name for name in os.listdir(folder) if name.endswith(SUFFIX)]
            names += sorted((name[: -len(SUFFIX)] for name in found), key=str.lower)
    return list(dict.fromkeys(names))


def find_preset(told, text):
    """Return the preset that is meant: its name, its beginning, or a part of it.

    Raises
    ------
    Problem
        There is none, or there are several.
    """
    wanted = text.strip().lower()
    names = presets(told)
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
    raise Problem(f"Which preset is meant by “{text.strip()}”?\n\n{listed}")
