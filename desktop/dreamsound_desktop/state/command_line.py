"""The command line that renders the same as the app."""

from __future__ import annotations

import shlex

from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.preferences import Preferences
from dreamsound_studio.recipe.presets import set_fields


def command_of(document: Document, preferences: Preferences) -> str:
    """Return the command line that renders a document as the app does."""
    words = ["dreamsound", "render", str(document.path)]
    words += ["--out", str(preferences.render_folder_of(document.path))]
    for name, value in set_fields(document.recipe).items():
        if name == "schema_version" or value is None:
            continue
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            words += [option, str(value)]
    if document.selection is not None:
        span = document.selection
        words += ["--span", f"{span.start_s:.6f}s-{span.stop_s:.6f}s"]
    words += ["--renders", ",".join(preferences.renders)]
    words += ["--name", preferences.name, "--clash", "number"]
    if preferences.format != "wav":
        words += ["--format", preferences.format]
    if preferences.bits is not None:
        words += ["--bits", preferences.bits]
    if document.keep_every:
        words += ["--keep-steps", str(document.keep_every)]
    return shlex.join(words)
