"""Models that stay loaded for the next job, the last used first, within a budget of memory."""

from __future__ import annotations

import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.jobs.dreaming import Loaded
from dreamsound_studio.models.entries import find_weights
from dreamsound_studio.models.store.fetch import Watch
from dreamsound_studio.models.tables import table_of
from dreamsound_studio.models.weights import Weights
from dreamsound_studio.recipe.recipe import Recipe

#: What a network holds, beside its weights: folded copies, and its graphs.
COPIES = 4
#: Without another wish, this share of the machine's memory.
SHARE_OF_MEMORY = 0.25
DEFAULT_BYTES = 2 * 2**30


def default_budget() -> int:
    """Return how many bytes warm models may take: a quarter of the machine's memory."""
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * SHARE_OF_MEMORY)
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return DEFAULT_BYTES


class WarmModels:
    """Loads models, and keeps those used last; thread-safe.

    Parameters
    ----------
    budget_bytes : int
        Of the weights on disk, times `COPIES`. The model in use is kept whatever it takes.
    on_note : callable, optional
        Told of what is fetched, and what is let go.
    on_device : callable, optional
        Told once what TensorFlow runs on.
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
        """What is warm, the last used last."""
        return [weights.name for weights in self._models]

    def load(self, recipe: Recipe, trust: bool = False) -> Loaded:
        """Return the model of a recipe, warm or loaded now.

        Parameters
        ----------
        recipe : Recipe
            Its `model`, and the names that it has to know.
        trust : bool, optional
            Whether a foreign SavedModel may run.

        Raises
        ------
        ModelError, RecipeError
            The model is not to be had, or does not know a class or layer of the recipe.
        """
        with self._loading:
            watch = Watch(note=self._on_note, may_run=lambda _: trust)
            weights = find_weights(recipe.model, watch)
            check_names(recipe, table_of(weights))
            if weights in self._models:
                self._models.move_to_end(weights)
                return self._models[weights][0]
            loaded = self._loaded(weights)
            self._models[weights] = loaded, COPIES * _bytes_of(weights.path)
            self._let_go()
            return loaded

    def _loaded(self, weights: Weights) -> Loaded:
        from dreamsound_studio.models.load import ModelWarning, load_weights
        from dreamsound_studio.models.runtime import device_name

        if not self._device:
            self._device = device_name()
            self._on_device(self._device)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ModelWarning)
            model = load_weights(weights)
        notes = [str(one.message) for one in caught if issubclass(one.category, ModelWarning)]
        return Loaded(model, self._device, notes)

    def _let_go(self) -> None:
        while len(self._models) > 1 and self._taken() > self._budget_bytes:
            weights, _ = self._models.popitem(last=False)
            self._on_note(f"{weights.name} is let go, to stay within the memory for models")

    def _taken(self) -> int:
        return sum(size for _, size in self._models.values())


def _bytes_of(path: Path | None) -> int:
    if path is None:
        return 0
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
