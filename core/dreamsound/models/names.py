"""What a network calls its classes and layers: known without its weights. No TensorFlow here."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from dreamsound.errors import RecipeError

#: What is listened with where YAMNet cannot be reached.
STAND_IN = "mtt-musicnn"


@dataclass(frozen=True)
class NameTable:
    """The names of a network.

    Attributes
    ----------
    network : str
        What the network is called in messages.
    class_names : tuple of str
        By index.
    layers : mapping
        Every published layer name with its output shape for one patch, ``(frames, bands,
        channels)``, ``(frames, channels)`` or ``(units,)``, in network order.
    aliases : mapping
        Other names of published layers, by published name.
    short_names : mapping
        What may be typed for a published layer, by what is typed.
    before_relu : mapping
        The layer whose negative values a ReLU turned into the zeros of a layer, by the latter.
    silence_classes : tuple of int
        Classes that mean that nothing sounds.
    guide_layer : str
        The layer that a guide's features are taken from unless another is named.
    """

    network: str
    class_names: tuple[str, ...]
    layers: Mapping[str, tuple[int, ...]]
    aliases: Mapping[str, str] = field(default_factory=dict)
    short_names: Mapping[str, str] = field(default_factory=dict)
    before_relu: Mapping[str, str] = field(default_factory=dict)
    silence_classes: tuple[int, ...] = ()
    guide_layer: str = "embeddings"

    def resolve_layer(self, name: str) -> str:
        """Return the published name that `name` means.

        Parameters
        ----------
        name : str
            A published layer name, another name of it, or a short one.

        Raises
        ------
        RecipeError
            There is no such layer; the nearest names are suggested.
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
        hint = f"did you mean {', '.join(near)}?" if near else "see dreamsound layers"
        raise RecipeError(f"{self.network} has no layer {name!r}; {hint}")

    def find_class(self, text: str) -> int:
        """Return the index of the class that `text` names.

        Parameters
        ----------
        text : str
            An index, or a name in any case.

        Raises
        ------
        RecipeError
            There is no such class; the nearest names are suggested.
        """
        names = self.class_names
        folded = [name.casefold() for name in names]
        wanted = text.strip().casefold()
        if wanted in folded:
            # Two tags may differ in their case alone: what was typed exactly goes first.
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
        hint = f"did you mean {' | '.join(near)}?" if near else "see dreamsound classes"
        if self.network == STAND_IN and _is_of_yamnet(wanted):
            hint = "YAMNet has: `dreamsound models pull yamnet` brings it"
        raise RecipeError(f"{self.network} has no class {text!r}; {hint}")


def _is_of_yamnet(folded: str) -> bool:
    # Imported here: YAMNet's table is made of this.
    from dreamsound.models import yamnet_table

    return any(name.casefold() == folded for name in yamnet_table.class_names())
