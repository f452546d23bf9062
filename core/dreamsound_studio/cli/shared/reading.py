"""Reading a sound for a command; warnings about it are printed."""

from __future__ import annotations

import os
import warnings

from dreamsound_studio.audio.clip import AudioFileWarning, Clip
from dreamsound_studio.audio.decode import open_sound
from dreamsound_studio.audio.source import read_source
from dreamsound_studio.audio.span import read_span
from dreamsound_studio.cli.shared.own_process import process
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.recipe.files import FIELDS
from dreamsound_studio.recipe.recipe import Recipe


def read_with_warnings(
    path: str | os.PathLike[str], span: str | None = None, notes: list[str] | None = None
) -> Clip:
    """Read a sound; print warnings about it, and add them to `notes`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AudioFileWarning)
        clip = read_source(path, span)
    for warning in caught:
        say(f"dreamsound: {warning.message}")
        if notes is not None:
            notes.append(str(warning.message))
    return clip


def read_to_dream(
    path: str | os.PathLike[str], span: str | None = None, notes: list[str] | None = None
) -> Clip:
    """Read a sound as `read_with_warnings` does; if it is one, TensorFlow is imported meanwhile."""
    with open_sound(path):
        process.expect_dream()
    return read_with_warnings(path, span, notes)


def read_targets(recipe: Recipe) -> dict[str, Clip | None]:
    """Read the sounds that a recipe names in fields of their own; print warnings about them."""
    named = {name: getattr(recipe, name) for name in FIELDS}
    return {
        name: None if path is None else read_with_warnings(path) for name, path in named.items()
    }


def settled_span(text: str | None) -> str | None:
    """Return the span of ``--span`` as jobs keep it; print a warning where it can be misread.

    Raises
    ------
    RecipeError
        No two times, or the end not after the start.
    """
    if text is None:
        return None
    span, note = read_span(text)
    if note:
        say(f"dreamsound: {note}")
    return span
