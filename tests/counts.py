"""Counts how often a recipe is validated and dumped, and an objective parsed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from dreamsound_studio.recipe import contradictions, objective_text
from dreamsound_studio.recipe.presets import factory_presets

parse_objective = objective_text.parse_objective


@dataclass
class Counts:
    """How often a recipe with an objective was validated, and a text parsed."""

    validations: int = 0
    parses: int = 0

    def forget(self) -> None:
        """Begin again, as a new process does."""
        parse_objective.cache_clear()
        self.validations = self.parses = 0


@contextmanager
def counting() -> Iterator[Counts]:
    """Count within the block; nothing is remembered from before, as in a process of its own."""
    found = Counts()
    # The presets are recipes too: those are not counted.
    factory_presets()

    class Reader(objective_text.Reader):
        def __init__(self, text: str) -> None:
            found.parses += 1
            super().__init__(text)

    def validated(text: str) -> Any:
        # The recipe's own check parses its objective, however pydantic comes to run it.
        found.validations += 1
        return parse_objective(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objective_text, "Reader", Reader)
        patch.setattr(contradictions, "parse_objective", validated)
        parse_objective.cache_clear()
        yield found
        parse_objective.cache_clear()
