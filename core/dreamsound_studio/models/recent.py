"""Models that stay loaded for the next call of a script."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from dreamsound_studio.memory import free_unused
from dreamsound_studio.models.load import load_weights
from dreamsound_studio.models.weights import Weights

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model

#: Enough for a dream: its model, a second one in its objective, and a judge.
MOST_MODELS = 3

#: Name within the weights, size in bytes, and time of the last change in ns.
_Stamp = tuple[str, int, int]


class RecentModels:
    """Loads models, and keeps those used last as long as their files stay as they are.

    Each network has graphs of its own, which take seconds to build and memory to keep. Several
    threads may load at the same time.
    """

    def __init__(self) -> None:
        self._models: OrderedDict[Weights, tuple[tuple[_Stamp, ...], Model]] = OrderedDict()
        self._loading = threading.Lock()

    def load(self, weights: Weights) -> Model:
        """Return a model, loaded now unless it was loaded lately from the same files.

        Parameters
        ----------
        weights : Weights
            The weights' location. A plug-in, which has none, is loaded each time.

        Raises
        ------
        ModelError
            They cannot be read, or are invalid.
        """
        if weights.path is None:
            return load_weights(weights)
        with self._loading:
            stamps = _stamps(weights)
            kept = self._models.pop(weights, None)
            if kept is None or kept[0] != stamps:
                kept = stamps, load_weights(weights)
            self._models[weights] = kept
            if len(self._models) > MOST_MODELS:
                self._models.popitem(last=False)
                free_unused()
            return kept[1]


def _stamps(weights: Weights) -> tuple[_Stamp, ...]:
    """Return the stamps of a model's files, which change with them."""
    place = weights.place
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    status = [(str(file.relative_to(place)), file.stat()) for file in files]
    return tuple((name, found.st_size, found.st_mtime_ns) for name, found in status)
