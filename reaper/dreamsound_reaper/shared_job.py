"""What the jobs of a run share: settings from REAPER become a recipe, which is validated once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from pydantic import JsonValue, ValidationError

from dreamsound_reaper.facts import Facts, FactsError
from dreamsound_reaper.media import local_path
from dreamsound_studio.dream.objective import check_names_here
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.jobs.limits import MOST_NAME
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.spec import JobFields
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.plan import takes_texture
from dreamsound_studio.recipe.precision import check_precision
from dreamsound_studio.recipe.presets import find_preset
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RenderOptions
from dreamsound_studio.wrong_values import one_line

NAME_TEMPLATE: Final = "{fxname}_{render}"


@dataclass(frozen=True)
class SharedJob:
    """What the jobs of a run share.

    Attributes
    ----------
    out : str
        Folder of the renders.
    options : RenderOptions
        Which renders to write.
    more : JobFields
        Further fields; only those given count.
    preset : str or None
        Name of the preset.
    recipe : Recipe
        The fields given on top of the preset.
    invalid_recipe : dict
        As in `dreamsound_reaper.parts.Part`.
    """

    out: str
    options: RenderOptions
    more: JobFields
    preset: str | None
    recipe: Recipe = field(default_factory=Recipe)
    invalid_recipe: dict[str, JsonValue] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: Facts, out: Path) -> Self:
        """Return what the settings say, the recipe aside.

        Raises
        ------
        DreamSoundError
            They are invalid, in one line.
        """
        settings = facts.settings
        given: dict[str, JsonValue] = {
            "renders": list(settings.renders),
            "name": NAME_TEMPLATE,
            "clash": "number",
            **settings.options,
        }
        try:
            more = JobFields.model_validate(settings.job)
        except ValidationError as error:
            raise FactsError(f"the settings: {one_line(error, JobFields)}") from error
        return cls(str(out), RenderOptions.make(**given), more, settings.preset)

    def with_recipe(self, facts: Facts, target: Path | None, *, checks_names: bool) -> SharedJob:
        """Return the same with the recipe of the settings.

        Parameters
        ----------
        facts : Facts
            REAPER's facts.
        target : pathlib.Path or None
            The target's file; the method becomes one that uses it.
        checks_names : bool
            Whether to look up the names in the recipe, and to raise an error for an invalid one.

        Raises
        ------
        RecipeError
            The recipe is invalid.
        """
        fields = facts.settings.recipe_fields()
        try:
            recipe = whole = recipe_of_fields(fields)
        except RecipeError:
            if checks_names or target is not None:
                raise
            return replace(self, invalid_recipe=fields)
        if self.preset is not None and (checks_names or target is not None):
            whole = find_preset(self.preset).preset.recipe_with(recipe)
        if checks_names:
            # Names are the same wherever the files are; other paths are another text to parse.
            check_precision(whole)
            check_names_here(whole)
        recipe = from_project(facts, recipe)
        return replace(self, recipe=recipe if target is None else _toward(recipe, whole, target))

    def job(self, source: Path, base: str, label: str) -> JobRequest:
        """Return the job of a sound, named by a take and shown as `label`."""
        request = JobRequest(
            input=str(source),
            out=self.out,
            preset=self.preset,
            recipe=self.recipe,
            options=self.options,
        )
        more = {name: getattr(self.more, name) for name in self.more.model_fields_set}
        values = {"fxname": base, **self.more.values}
        return request.model_copy(update={**more, "name": label[:MOST_NAME], "values": values})


def recipe_of_fields(fields: Mapping[str, JsonValue]) -> Recipe:
    """Return the recipe of its fields; the same fields are validated once.

    Raises
    ------
    RecipeError
        The fields make no recipe.
    """
    return _recipe_of(json.dumps(fields, sort_keys=True))


@lru_cache(maxsize=256)
def _recipe_of(text: str) -> Recipe:
    return recipe_from(json.loads(text))


def request_of(document: JsonValue) -> JobRequest:
    """Return the job in a ``job.json``; jobs with the same recipe validate it once.

    Raises
    ------
    DreamSoundError
        The job or its recipe is invalid.
    """
    if isinstance(document, dict) and isinstance(fields := document.get("recipe"), dict):
        return JobRequest.make({**document, "recipe": recipe_of_fields(fields)})
    return JobRequest.make(document)


def from_project(facts: Facts, recipe: Recipe) -> Recipe:
    """Return a recipe with the files that it names seen from the project's folder."""
    if not facts.project.path:
        return recipe
    folder = Path(facts.project.path).absolute().parent

    def place_of(path: str) -> Path | str:
        return path if path.startswith("~") else local_path(path, folder) or path

    return recipe.with_files(place_of)


def _toward(recipe: Recipe, whole: Recipe, target: Path) -> Recipe:
    """Return a recipe with a target; `whole`, on top of its preset, may need another method."""
    row = METHODS[whole.method]
    changed = {"target": str(target)}
    uses = "target" in (whole.mask_from or row.mask_from, whole.carrier or row.carrier)
    uses = uses or takes_texture(whole.model_copy(update=changed))
    if not uses and whole.class_ not in ("target", "@target"):
        changed["method"] = "target"
    # Neither field can contradict another: nothing needs a second validation.
    return recipe.model_copy(update=changed)
