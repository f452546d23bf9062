"""DreamSound: Deep Dream for audio, driven by a network that listens.

The names below are the whole public API for scripts. TensorFlow is imported when the first dream
starts.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dreamsound_studio._version import __version__
from dreamsound_studio.errors import (
    AudioFileError,
    DreamSoundError,
    MemoryLimitError,
    ModelError,
    QueueError,
    RecipeError,
    RenderCancelled,
)

if TYPE_CHECKING:
    from dreamsound_studio.api import dream
    from dreamsound_studio.audio.clip import Clip
    from dreamsound_studio.dream.records import Dream
    from dreamsound_studio.recipe.recipe import Recipe
    from dreamsound_studio.render.options import RenderOptions
    from dreamsound_studio.render.write import write_renders

_HOMES = {
    "Clip": "dreamsound_studio.audio.clip",
    "Recipe": "dreamsound_studio.recipe.recipe",
    "RenderOptions": "dreamsound_studio.render.options",
    "Dream": "dreamsound_studio.api",
    "dream": "dreamsound_studio.api",
    "write_renders": "dreamsound_studio.render.write",
}

__all__ = [
    "AudioFileError",
    "Clip",
    "Dream",
    "DreamSoundError",
    "MemoryLimitError",
    "ModelError",
    "QueueError",
    "Recipe",
    "RecipeError",
    "RenderCancelled",
    "RenderOptions",
    "__version__",
    "dream",
    "write_renders",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dreamsound_studio' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


class _Package(ModuleType):
    """Keeps the function `dream`: importing the folder of this name binds that name as well."""

    @property
    def dream(self) -> Any:
        """The function :func:`dreamsound_studio.api.dream`."""
        return __getattr__("dream")

    @dream.setter
    def dream(self, folder: object) -> None:
        """Ignore the folder that the import system binds; modules in it import as usual."""
        if not isinstance(folder, ModuleType):
            raise TypeError("cannot replace dreamsound_studio.dream")


sys.modules[__name__].__class__ = _Package
