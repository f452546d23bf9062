"""DreamSound: Deep Dream for audio, driven by a network that listens.

The names below are the whole public API for scripts. TensorFlow is imported when the first dream
starts.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dreamsound_studio import dream as _folder
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
    from dreamsound_studio.api import Dreaming, dream, listen, load_model
    from dreamsound_studio.audio.clip import Clip
    from dreamsound_studio.control import Control
    from dreamsound_studio.dream.judgement import Judgement
    from dreamsound_studio.dream.listen import ClassHeard, Hearing, Passage
    from dreamsound_studio.dream.melody import Melody
    from dreamsound_studio.dream.notes import Chord, Note
    from dreamsound_studio.dream.records import StepEvent
    from dreamsound_studio.jobs.report import Report
    from dreamsound_studio.jobs.run import Runner
    from dreamsound_studio.jobs.sounds import Sounds
    from dreamsound_studio.jobs.spec import JobSpec
    from dreamsound_studio.models.network import Model
    from dreamsound_studio.pictures.heard import heard_picture
    from dreamsound_studio.recipe.objective import (
        Channel,
        Class,
        Direction,
        Guide,
        Layer,
        Objective,
        Texture,
        Unit,
    )
    from dreamsound_studio.recipe.objective_text import parse_objective
    from dreamsound_studio.recipe.presets import Preset, find_preset
    from dreamsound_studio.recipe.recipe import Recipe
    from dreamsound_studio.render.dream import Dream
    from dreamsound_studio.render.options import RenderOptions
    from dreamsound_studio.render.write import write_renders

#: Where the names that are imported on first use come from.
_HOMES = {
    "api": ("Dreaming", "dream", "listen", "load_model"),
    "audio.clip": ("Clip",),
    "control": ("Control",),
    "dream.judgement": ("Judgement",),
    "dream.listen": ("ClassHeard", "Hearing", "Passage"),
    "dream.melody": ("Melody",),
    "dream.notes": ("Chord", "Note"),
    "dream.records": ("StepEvent",),
    "jobs.report": ("Report",),
    "jobs.run": ("Runner",),
    "jobs.sounds": ("Sounds",),
    "jobs.spec": ("JobSpec",),
    "models.network": ("Model",),
    "pictures.heard": ("heard_picture",),
    "recipe.objective": (
        "Channel",
        "Class",
        "Direction",
        "Guide",
        "Layer",
        "Objective",
        "Texture",
        "Unit",
    ),
    "recipe.objective_text": ("parse_objective",),
    "recipe.presets": ("Preset", "find_preset"),
    "recipe.recipe": ("Recipe",),
    "render.dream": ("Dream",),
    "render.options": ("RenderOptions",),
    "render.write": ("write_renders",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AudioFileError",
    "Channel",
    "Chord",
    "Class",
    "ClassHeard",
    "Clip",
    "Control",
    "Direction",
    "Dream",
    "DreamSoundError",
    "Dreaming",
    "Guide",
    "Hearing",
    "JobSpec",
    "Judgement",
    "Layer",
    "Melody",
    "MemoryLimitError",
    "Model",
    "ModelError",
    "Note",
    "Objective",
    "Passage",
    "Preset",
    "QueueError",
    "Recipe",
    "RecipeError",
    "RenderCancelled",
    "RenderOptions",
    "Report",
    "Runner",
    "Sounds",
    "StepEvent",
    "Texture",
    "Unit",
    "__version__",
    "dream",
    "find_preset",
    "heard_picture",
    "listen",
    "load_model",
    "parse_objective",
    "write_renders",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dreamsound_studio' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    """List the public names, also those that are not imported yet."""
    return sorted(__all__)


class _DreamFolder(ModuleType):
    """The folder `dream`, which is called as the function that has its name."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Dream a sound: :func:`dreamsound_studio.api.dream`."""
        return __getattr__("dream")(*arguments, **named)

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return __getattr__("dream").__doc__

    @property
    def __signature__(self) -> Any:
        import inspect

        return inspect.signature(__getattr__("dream"))


# The import system binds the folder to the package whenever a module in it is imported.
_folder.__class__ = _DreamFolder
sys.modules[_folder.__name__] = _folder
