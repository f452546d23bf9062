"""Third-party models, by the entry point ``models``. No TensorFlow here.

A package registers a model in its ``pyproject.toml``::

    [project.entry-points."dreamsound.models"]
    my-network = "my_package:plugin"

where ``plugin`` has the attributes of :class:`Plugin`.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Protocol

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.names import NameTable

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model

GROUP = "dreamsound.models"


class Plugin(Protocol):
    """The object behind an entry point of the group ``models``.

    Attributes
    ----------
    network : str
        Description of the network.
    licence : str
        Licence of the weights.
    table : NameTable
        Its classes and layers. Importing the module must not import TensorFlow.
    """

    network: str
    licence: str
    table: NameTable

    def load(self) -> Model:
        """Return the model; errors are best raised as `ModelError`."""


def plugin_entries() -> dict[str, EntryPoint]:
    """Return the registered models by name, without importing any."""
    return dict(_entries_on(tuple(sys.path)))


@cache
def _entries_on(_path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Return them as installed on a path: reading all packages' takes some 20 ms."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


@cache
def plugin_of(name: str) -> Plugin:
    """Import a plug-in.

    Parameters
    ----------
    name : str
        Its registered name.

    Raises
    ------
    ModelError
        It cannot be imported, or lacks required attributes.
    """
    entry = plugin_entries()[name]
    try:
        plugin: Plugin = entry.load()
    except Exception as error:  # third-party code can raise anything
        raise ModelError(f"Cannot import the plug-in {name} ({entry.value}): {error}") from error
    missing = [
        part for part in ("network", "licence", "table", "load") if not hasattr(plugin, part)
    ]
    if missing:
        raise ModelError(f"The plug-in {name} ({entry.value}) lacks {', '.join(missing)}")
    return plugin


def load_plugin(name: str) -> Model:
    """Load a plug-in's model.

    Raises
    ------
    ModelError
        It cannot be loaded.
    """
    try:
        model = plugin_of(name).load()
    except ModelError:
        raise
    except Exception as error:  # third-party code can raise anything
        raise ModelError(f"Cannot load the plug-in {name}: {error}") from error
    model.name = name
    return model
