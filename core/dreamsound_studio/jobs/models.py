"""Models kept in memory for the next job, the most recently used last, within a memory limit."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dreamsound_studio.dream.kept_graphs import drop_graphs, graphs_bytes
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.dream.verify import verify_weights
from dreamsound_studio.memory import free_unused, most_bytes
from dreamsound_studio.models.ensemble import together
from dreamsound_studio.models.network import MOST_GRAPH_BYTES
from dreamsound_studio.models.store.find import find_weights
from dreamsound_studio.models.store.ledger import fingerprint
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.tables import table_of
from dreamsound_studio.models.weights import Weights
from dreamsound_studio.recipe.plan import other_models
from dreamsound_studio.recipe.recipe import Recipe

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model

#: Memory of a loaded network without its graphs, as a multiple of its weights: folded copies.
COPIES = 4
#: Default limit, as a share of the memory that this process can have.
SHARE_OF_MEMORY = 0.25


def default_budget() -> int:
    """Return the default memory for models in bytes: a quarter of what it can have."""
    return int(SHARE_OF_MEMORY * most_bytes())


@dataclass(frozen=True)
class Loaded:
    """A loaded model.

    Attributes
    ----------
    model : Model
        The model.
    device : str
        The device it runs on.
    notes : list of str
        Warnings about it.
    """

    model: Model
    device: str
    notes: list[str]


def load(weights: Weights) -> Loaded:
    """Load a model; its warnings are in the result.

    Raises
    ------
    ModelError
        The weights are damaged or do not fit.
    """
    from dreamsound_studio.models.load import ModelWarning, load_weights
    from dreamsound_studio.models.runtime import device_name

    device = device_name()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ModelWarning)
        model = load_weights(weights)
    notes = [str(one.message) for one in caught if issubclass(one.category, ModelWarning)]
    return Loaded(model, device, notes)


def all_loaded(first: Loaded, others: Mapping[str, Loaded]) -> Loaded:
    """Return a recipe's model together with the others that its objective names, if any."""
    if not others:
        return first
    model = together(first.model, {name: one.model for name, one in others.items()})
    notes = [note for one in (first, *others.values()) for note in one.notes]
    return Loaded(model, first.device, notes)


class WarmModels:
    """Loads models, and keeps the most recently used; thread-safe.

    Parameters
    ----------
    budget_bytes : int
        Limit of the weights on disk, times `COPIES`, and of the graphs together. Graphs go first,
        then models; the model in use is kept in any case.
    on_note : callable, optional
        Called with messages about downloads and unloaded models.
    on_device : callable, optional
        Called once with TensorFlow's device.
    """

    def __init__(
        self,
        budget_bytes: int,
        on_note: Callable[[str], object] = lambda _: None,
        on_device: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._on_note = on_note
        self._on_device = on_device
        self._models: OrderedDict[Weights, tuple[Loaded, int]] = OrderedDict()
        self._loading = threading.Lock()
        self._device = ""

    @property
    def names(self) -> list[str]:
        """Names of the loaded models, the most recently used last."""
        return [weights.name for weights in self._models]

    @property
    def taken_bytes(self) -> int:
        """Memory of the loaded models and their graphs."""
        return self._weights_bytes() + sum(map(graphs_bytes, self._networks()))

    def load(self, recipe: Recipe, trusted: Collection[str] = ()) -> Loaded:
        """Return a recipe's model, from memory or newly loaded.

        Parameters
        ----------
        recipe : Recipe
            Its `model` and names are read.
        trusted : collection of str, optional
            Fingerprints of foreign SavedModels that may run besides those that this user has
            trusted.

        Raises
        ------
        ModelError, RecipeError
            The model is unavailable, or lacks a class or layer of the recipe.
        """
        with self._loading:
            watch = Watch(
                verify_weights,
                note=self._on_note,
                may_run=lambda folder: folder.is_dir() and fingerprint(folder) in trusted,
            )
            weights = find_weights(recipe.model, watch)
            check_names(recipe, table_of(weights))
            found = {name: find_weights(name, watch) for name in other_models(recipe)}
            others = {name: self._warm(one) for name, one in found.items()}
            return all_loaded(self._warm(weights), others)

    def _warm(self, weights: Weights) -> Loaded:
        if weights in self._models:
            self._models.move_to_end(weights)
            self._let_go()
            return self._models[weights][0]
        loaded = load(weights)
        if not self._device:
            self._device = loaded.device
            self._on_device(self._device)
        self._models[weights] = loaded, COPIES * _bytes_of(weights.path)
        self._let_go()
        return loaded

    def _let_go(self) -> None:
        """Unload models, and drop graphs, down to the limit."""
        unloaded = False
        while len(self._models) > 1 and self._weights_bytes() > self._budget_bytes:
            weights, _ = self._models.popitem(last=False)
            self._on_note(f"Unloaded {weights.name} (model memory limit)")
            unloaded = True
        if unloaded:
            free_unused()
        left = min(self._budget_bytes - self._weights_bytes(), MOST_GRAPH_BYTES)
        for network in reversed(self._networks()):
            network.most_graph_bytes = max(left, 0)
            drop_graphs(network, network.most_graph_bytes)
            left -= graphs_bytes(network)

    def _networks(self) -> list[Model]:
        return [loaded.model for loaded, _ in self._models.values()]

    def _weights_bytes(self) -> int:
        return sum(size for _, size in self._models.values())


def _bytes_of(path: Path | None) -> int:
    if path is None:
        return 0
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
