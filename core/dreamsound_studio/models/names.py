"""Names of a model's classes and layers, known without its weights. No TensorFlow here."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dreamsound_studio.errors import RecipeError, UnknownName

#: How many nearest names to suggest when several networks have been searched.
MOST_NEAR = 4


@dataclass(frozen=True)
class NameTable:
    """The names of a model.

    Attributes
    ----------
    network : str
        The model's name in messages.
    class_names : tuple of str
        By index; none of a network that has embeddings only.
    layers : mapping
        Every published layer name with its output shape for one patch, ``(frames, bands,
        channels)``, ``(frames, channels)`` or ``(units,)``, in network order.
    aliases : mapping
        Alternative names of published layers, by published name.
    short_names : mapping
        Published layers, by short name.
    before_relu : mapping
        The layer before a ReLU, by the name of the layer after it.
    silence_classes : tuple of int
        Classes that stand for silence.
    guide_layer : str
        The layer for a guide's features unless another is named.
    texture_layers : tuple of str
        The layers for a texture unless one is named; by default `guide_layer`.
    elsewhere : mapping
        What to say about a class that another model has, by its name in lower case.
    """

    network: str
    class_names: tuple[str, ...]
    layers: Mapping[str, tuple[int, ...]]
    aliases: Mapping[str, str] = field(default_factory=dict)
    short_names: Mapping[str, str] = field(default_factory=dict)
    before_relu: Mapping[str, str] = field(default_factory=dict)
    silence_classes: tuple[int, ...] = ()
    guide_layer: str = "embeddings"
    texture_layers: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def has_classes(self) -> bool:
        """Return whether the network has classes."""
        return bool(self.class_names)

    def check_has_classes(self) -> None:
        """Raise `RecipeError` for a network that has embeddings only."""
        if not self.has_classes:
            raise RecipeError(
                f"{self.network} has no classes, only embeddings. Use a guide, a texture or a "
                "direction (guide:, texture:, direction:), or another model."
            )

    def resolve_layer(self, name: str) -> str:
        """Return the published name of the layer `name`.

        Parameters
        ----------
        name : str
            A published layer name, an alternative name, or a short name.

        Raises
        ------
        RecipeError
            The layer does not exist; the message suggests the nearest names.
        """
        if name in self.layers:
            return name
        for published, alias in self.aliases.items():
            if name == alias:
                return published
        if name in self.short_names:
            return self.short_names[name]
        known = [*self.layers, *self.aliases.values(), *self.short_names]
        near = difflib.get_close_matches(name, known, 3, 0.5)
        hint = f"Did you mean {', '.join(near)}?" if near else "List them with dreamsound layers."
        raise _unknown(UnknownName(self.network, "layer", name, tuple(near)), hint)

    def find_class(self, text: str) -> int:
        """Return the index of the class named `text`.

        Parameters
        ----------
        text : str
            An index, or a name in any case.

        Raises
        ------
        RecipeError
            The class does not exist; the message suggests the nearest names.
        """
        self.check_has_classes()
        names = self.class_names
        folded = [name.casefold() for name in names]
        wanted = text.strip().casefold()
        if wanted in folded:
            # Two tags may differ only in case: an exact match takes precedence.
            return names.index(text.strip()) if text.strip() in names else folded.index(wanted)
        if text.isdecimal():
            if int(text) < len(names):
                return int(text)
            raise RecipeError(f"class {text}: {self.network} has classes 0 to {len(names) - 1}")
        inside = [name for name in names if wanted and wanted in name.casefold()][:4]
        near = inside or [
            names[folded.index(match)]
            for match in difflib.get_close_matches(wanted, folded, 4, 0.5)
        ]
        hint = f"Did you mean {' | '.join(near)}?" if near else "List them with dreamsound classes."
        hint = self.elsewhere.get(wanted, hint)
        raise _unknown(UnknownName(self.network, "class", text, tuple(near)), hint)


def check_known(
    looks: Sequence[Callable[[NameTable], object]], tables: Sequence[NameTable]
) -> None:
    """Raise `RecipeError` unless at least one of several networks has all of some names.

    Parameters
    ----------
    looks : sequence of callable
        Each looks one name up in a table, and raises `RecipeError` if it is not there.
    tables : sequence of NameTable
        Of the networks that a model's name may mean; with none of them, nothing is checked.

    Raises
    ------
    RecipeError
        A name that none of them has, with the nearest names of all; or names that no network has
        together.
    """

    def all_of_them(table: NameTable) -> None:
        for look in looks:
            look(table)

    # One name at a time first, so that the error is about a name that every network lacks.
    for look in (*looks, all_of_them):
        errors = []
        for table in tables:
            try:
                look(table)
            except RecipeError as error:
                errors.append(error)
        if tables and len(errors) == len(tables):
            raise _error_of_all(errors)


def _unknown(what: UnknownName, hint: str) -> RecipeError:
    error = RecipeError(f"{what.network} has no {what.kind} {what.name!r}. {hint}")
    error.unknown = what
    return error


def _error_of_all(errors: Sequence[RecipeError]) -> RecipeError:
    """Return one error in place of one for each network."""
    if len(errors) == 1:
        return errors[0]
    unknown = [error.unknown for error in errors if error.unknown is not None]
    if len(unknown) < len(errors):
        # A network that knows the layer but not the channel says more than one that knows neither.
        texts = [str(error) for error in errors if error.unknown is None]
        # Each ends with what to do; where that is the same, once is enough.
        whats, dos = zip(*(text.partition(". ")[::2] for text in texts), strict=True)
        if len(set(dos)) == 1 and dos[0]:
            return RecipeError(f"{'; '.join(whats)}. {dos[0]}")
        return RecipeError("; ".join(text.removesuffix(".") for text in texts))
    if len({(one.kind, one.name) for one in unknown}) > 1:
        lacks = ", ".join(f"{one.network} has no {one.kind} {one.name!r}" for one in unknown)
        return RecipeError(f"no model has all of these names: {lacks}")
    kind, name = unknown[0].kind, unknown[0].name
    wanted = name.strip().casefold()

    def distance(near: str) -> tuple[bool, float]:
        folded = near.casefold()
        alike = difflib.SequenceMatcher(None, wanted, folded).ratio()
        return wanted not in folded, -alike

    # Names that differ in case alone count once, spelt as the first network spells them.
    all_near: dict[str, str] = {}
    for near in (near for one in unknown for near in one.near):
        all_near.setdefault(near.casefold(), near)
    best = sorted(all_near.values(), key=distance)[:MOST_NEAR]
    plural = "classes" if kind == "class" else "layers"
    hint = f"Did you mean {' | '.join(best)}?" if best else f"List them with dreamsound {plural}."
    networks = " or ".join(one.network for one in unknown)
    return RecipeError(f"no {kind} {name!r} in {networks}. {hint}")
