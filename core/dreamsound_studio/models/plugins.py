"""Networks of third parties, by the entry point ``models``. No TensorFlow here.

A package announces a network in its ``pyproject.toml``::

    [project.entry-points."dreamsound.models"]
    my-network = "my_package:plugin"

where ``plugin`` has the attributes of :class:`Plugin`.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Protocol

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.names import NameTable

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model

GROUP = "dreamsound.models"


class Plugin(Protocol):
    """What an entry point of the group ``models`` leads to.

    Attributes
    ----------
    network : str
        What it is, in words.
    licence : str
        Licence of the weights.
    table : NameTable
        Its classes and layers. Importing the module must not import TensorFlow.
    """

    network: str
    licence: str
    table: NameTable

    def load(self) -> Model:
        """Return the network; whatever goes wrong is best told as a `ModelError`."""


def plugin_entries() -> dict[str, EntryPoint]:
    """Return the announced networks by name, none of them imported."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


@cache
def plugin_of(name: str) -> Plugin:
    """Import a plug-in.

    Parameters
    ----------
    name : str
        As it is announced.

    Raises
    ------
    ModelError
        It cannot be imported, or lacks what a plug-in needs.
    """
    entry = plugin_entries()[name]
    try:
        plugin: Plugin = entry.load()
    except Exception as error:  # whatever a stranger's module does
        raise ModelError(
            f"the plug-in {name} ({entry.value}) cannot be imported: {error}"
        ) from error
    missing = [
        part for part in ("network", "licence", "table", "load") if not hasattr(plugin, part)
    ]
    if missing:
        raise ModelError(f"the plug-in {name} ({entry.value}) lacks {', '.join(missing)}")
    return plugin


def load_plugin(name: str) -> Model:
    """Load a plug-in's network.

    Raises
    ------
    ModelError
        It cannot be loaded.
    """
    try:
        model = plugin_of(name).load()
    except ModelError:
        raise
    except Exception as error:  # whatever a stranger's module does
        raise ModelError(f"the plug-in {name} cannot be loaded: {error}") from error
    model.name = name
    return model
