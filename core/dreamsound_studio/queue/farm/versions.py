"""What a machine of the farm has to share with the queue's: engine, format of recipes, models.

Bytes depend on all three, so they are compared before a task goes out. The functions run on both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamsound_studio._version import __version__
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.models.store.ledger import fingerprint
from dreamsound_studio.models.store.local import looks_like_path, probable_weights
from dreamsound_studio.recipe.fields import SCHEMA_VERSION
from dreamsound_studio.render.note import file_sha256

#: A model on a machine: how its weights are stored, and their hash.
ModelPrint = tuple[str, str]


@dataclass(frozen=True)
class Versions:
    """The versions of a machine's DreamSound.

    Attributes
    ----------
    engine : str
        Of the engine.
    recipes : int
        Of the format of recipes.
    """

    engine: str = __version__
    recipes: int = SCHEMA_VERSION


def versions() -> dict[str, Any]:
    """Return this machine's versions, plain: other versions have another class."""
    here = Versions()
    return {"engine": here.engine, "recipes": here.recipes}


def refusal_of(answer: object) -> str | None:
    """Return why a machine cannot take the jobs of this one, or None.

    Parameters
    ----------
    answer : object
        What :func:`versions` returned there, or the error that it raised.
    """
    if isinstance(answer, ImportError):
        return "it has no DreamSound Studio"
    if not isinstance(answer, dict):
        return f"its version is unknown ({type(answer).__name__})"
    here = versions()
    if answer.get("engine") != here["engine"]:
        return f"it has DreamSound {answer.get('engine')}, and this machine {here['engine']}"
    if answer.get("recipes") != here["recipes"]:
        return (
            f"its recipes have format {answer.get('recipes')}, and this machine's {here['recipes']}"
        )
    return None


def model_prints(names: tuple[str, ...]) -> dict[str, ModelPrint]:
    """Return what this machine has of some models; those that it does not have are left out."""
    found = {}
    for name in names:
        try:
            weights = None if looks_like_path(name) else probable_weights(name)
            path = None if weights is None else weights.path
            one = None if path is None else _print_of(path)
        except (DreamSoundError, OSError):
            continue
        if one is not None:
            found[name] = one
    return found


def differing(here: dict[str, ModelPrint], there: dict[str, ModelPrint]) -> list[str]:
    """Return the models of which two machines have other weights.

    Weights that are stored in different ways cannot be compared, and a model that a machine does
    not have it can download.
    """
    both = here.keys() & there.keys()
    return sorted(
        name for name in both if here[name][0] == there[name][0] and here[name] != there[name]
    )


def _print_of(path: Path) -> ModelPrint | None:
    if path.is_dir():
        return ("folder", fingerprint(path))
    sha256 = file_sha256(path)
    return None if sha256 is None else (path.suffix.lower(), sha256)
