"""The strength of the first step, where a recipe gives none: by its method and its objective.

The energy of a low layer lives in the quietest parts of a sound, and a step that is right for a
class overshoots it; the higher the layer, the larger the step it takes. All other objectives take
the method's own strength. ``benchmarks/strengths.py`` measured this; the figures are in
``docs/defaults.md``. A step that overshoots all the same is made again at half the strength.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from dreamsound_studio.errors import ModelError, RecipeError
from dreamsound_studio.models.names import NameTable
from dreamsound_studio.models.tables import known_tables, possible_tables
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.objective import Layer, Objective

#: The strength toward a layer's energy by method: up to which depth (see :func:`depth_of`) it
#: reaches, and the strength. Other methods take that of `add`.
LAYERS: dict[str, tuple[tuple[float, float], ...]] = {
    "add": ((0.2, 0.002), (0.36, 0.005), (0.54, 0.01), (0.72, 0.02), (1.0, 0.05)),
    "filter-add": ((0.2, 0.01), (1.0, 0.05)),
    "target": ((0.2, 0.002), (0.54, 0.01), (0.72, 0.02), (1.0, 0.05)),
}


def first_strength(
    method: str, terms_by_model: Mapping[str, Objective], tables: Mapping[str, NameTable]
) -> float:
    """Return the strength of the first step toward an objective.

    Parameters
    ----------
    method : str
        A row of ``recipe.method_table.METHODS``.
    terms_by_model : mapping
        The objective's terms, by the model that hears them.
    tables : mapping
        The names of models that are loaded; those of others are looked up.

    Returns
    -------
    float
        Share of the source's level. A sum of layers takes the smallest of theirs; one that has
        another term climbs that most, and takes the method's own.
    """
    own = METHODS[method].strength
    found = []
    for model, terms in terms_by_model.items():
        for atom in terms.atoms:
            if not isinstance(atom, Layer):
                return own
            found.append(_strength_toward(atom, method, model, tables))
    return min(found, default=own)


def depth_of(layer: str, table: NameTable) -> float:
    """Return how deep in its network a layer is: the share of its layers up to this, up to 1.

    Parameters
    ----------
    layer : str
        Any of its names.
    table : NameTable
        The names of the network's layers, in its order.

    Raises
    ------
    RecipeError
        The network has no such layer.
    """
    return (list(table.layers).index(table.resolve_layer(layer)) + 1) / len(table.layers)


def _strength_toward(
    layer: Layer, method: str, model: str, tables: Mapping[str, NameTable]
) -> float:
    """Return the strength toward a layer; toward one that no network here has, the smallest."""
    depths = [0.0]
    for table in (tables[model],) if model in tables else _tables_of(model):
        with suppress(RecipeError):
            depths.append(depth_of(layer.layer, table))
    by_depth = LAYERS.get(method, LAYERS["add"])
    return next(strength for most, strength in by_depth if depths[-1] <= most)


def _tables_of(model: str) -> tuple[NameTable, ...]:
    """Return the tables that a model's name may mean here; none if that is not known."""
    try:
        return possible_tables(model)
    except ModelError:
        return known_tables(model)
