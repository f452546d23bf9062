"""The recipe: everything that determines the sound of a dream. No TensorFlow here."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError, model_validator

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.contradictions import check_consistent
from dreamsound_studio.recipe.default_method import default_method, step_count_of
from dreamsound_studio.recipe.fields import RecipeFields
from dreamsound_studio.recipe.files import Places, files_by_name, with_files
from dreamsound_studio.recipe.objective_text import parse_objective
from dreamsound_studio.wrong_values import one_line

#: The fields of ``--paper``: the formulas of the paper, taken literally.
PAPER_FIELDS: dict[str, Any] = {
    "strength_ref": "absolute",
    "normalise": "before",
    "follow_envelope": 0.0,
    "restore_level": False,
    "jitter": False,
    "at": "score",
    "backtrack": False,
}


class Recipe(RecipeFields):
    """What to maximise, with which method, how strongly and how often.

    Every field is an option of ``dreamsound render`` with the same name. Fields that are None take
    the value of the method's row in ``recipe.method_table``; toward a layer, `strength` depends on
    the layer (``recipe.first_strengths``).
    """

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        if "method" not in self.model_fields_set:
            object.__setattr__(self, "method", default_method(self))
        check_consistent(self)
        if self.model == "auto" and self.objective is not None:
            # Where every term names a model, the first of them is the recipe's.
            first = parse_objective(self.objective).first_model
            object.__setattr__(self, "model", first or "auto")
        return self

    @property
    def step_count(self) -> int:
        """Number of steps: the recipe's, or its method's."""
        return step_count_of(self)

    def octave_of(self, step: int) -> int:
        """Return the number of octaves by which a step (1, 2, ...) hears the sound higher."""
        return self.octaves - 1 - (step - 1) * self.octaves // self.step_count

    @classmethod
    def make(cls, paper: bool = False, **fields: Any) -> Recipe:
        """Make a recipe; fields that are None keep their defaults.

        Parameters
        ----------
        paper : bool, optional
            Apply the paper's formulas literally (:data:`PAPER_FIELDS`); fields given by name win.
        **fields
            Fields of the recipe; ``class_`` or ``class``.

        Returns
        -------
        Recipe

        Raises
        ------
        RecipeError
            A field is unknown or out of range, or fields contradict each other; the message is a
            single line.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        if paper:
            literal = dict(PAPER_FIELDS)
            if given.get("layer") is not None or given.get("objective") is not None:
                del literal["at"]
            given = literal | given
        try:
            return cls(**given)
        except ValidationError as error:
            raise RecipeError(one_line(error, cls)) from None

    def files(self) -> tuple[str, ...]:
        """Return the path of every file that the recipe names, as it has them."""
        return tuple(self.files_by_name().values())

    def files_by_name(self) -> dict[str, str]:
        """Return these paths by what each is for; see ``recipe.files``."""
        return files_by_name(self)

    def with_files(self, places: Places) -> Recipe:
        """Return the recipe with other paths; `places` is a mapping, or a function of a path."""
        return with_files(self, places)

    def given(self) -> dict[str, Any]:
        """Return the fields that differ from the defaults, by field name.

        The method is among them only if it was chosen; `make` makes the same recipe of them.
        """
        left_out = {"schema_version"} | ({"method"} - self.model_fields_set)
        return self.model_dump(exclude_defaults=True, exclude=left_out)

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as plain JSON values, by option name."""
        return self.model_dump(mode="json", by_alias=True)
