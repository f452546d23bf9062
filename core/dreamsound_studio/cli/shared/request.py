"""What ``render`` and ``queue add`` are asked for: the same options, in one place."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from dreamsound_studio.audio.span import parse_span
from dreamsound_studio.cli.presets import preset_name, recipe_of
from dreamsound_studio.cli.shared.options import (
    BitsOption,
    CatidOption,
    ClashOption,
    CreatorOption,
    FormatOption,
    FxnameOption,
    LevelOption,
    NameOption,
    PaperOption,
    PresetOption,
    RecipeOption,
    RendersOption,
    SidecarOption,
    SourceOption,
    TrustOption,
    with_recipe_options,
)
from dreamsound_studio.dream.filter import filled
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.tables import possible_tables
from dreamsound_studio.recipe.naming import DEFAULT_TEMPLATE
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RENDER_NAMES, RenderOptions


@dataclass
class RenderWish:
    """The options of ``render``, as they were given; each is documented in its help."""

    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Sound files.")]
    out: Annotated[Path, typer.Option("--out", help="Folder for the renders.")]
    preset: PresetOption = None
    recipe_file: RecipeOption = None
    paper: PaperOption = False
    span: Annotated[
        str | None, typer.Option(metavar="START:END", help="Seconds; dream only this part.")
    ] = None
    from_render: Annotated[
        str | None, typer.Option(metavar="FILE", help="Go on from an earlier dream of INPUT.")
    ] = None
    keep_steps: Annotated[
        str | None, typer.Option(metavar="N|all", help="Also write every Nth step's sound.")
    ] = None
    renders: RendersOption = "dream,gradient,hardcut"
    level: LevelOption = "match"
    file_format: FormatOption = "wav"
    bits: BitsOption = None
    sidecar: SidecarOption = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace renders.")] = False
    name: NameOption = DEFAULT_TEMPLATE
    clash: ClashOption = "refuse"
    catid: CatidOption = ""
    fxname: FxnameOption = ""
    creator: CreatorOption = ""
    source: SourceOption = ""
    trust: TrustOption = False
    recipe_fields: dict[str, Any] = field(default_factory=dict)

    def recipe(self) -> Recipe:
        """Return the recipe, checked as far as it can be beforehand."""
        return checked_recipe(self.preset, self.recipe_file, self.paper, self.recipe_fields)

    def options(self) -> RenderOptions:
        """Return which renders are wished for, and how."""
        return RenderOptions.make(
            renders=render_names(self.renders),
            level=self.level,
            format=self.file_format,
            bits=self.bits,
            sidecar=self.sidecar,
            overwrite=self.overwrite or self.clash == "overwrite",
            name=self.name,
            clash="refuse" if self.clash == "overwrite" else self.clash,
        )

    def values(self) -> dict[str, str]:
        """Return what the names of renders can be made of."""
        return {
            "catid": self.catid,
            "fxname": self.fxname,
            "creator": self.creator,
            "source": self.source,
            "preset": preset_name(self.preset),
            "date": dt.date.today().isoformat(),
        }

    def keep_every(self) -> int:
        """Return of how many steps one is kept; 0 keeps none."""
        text = self.keep_steps
        if text is None:
            return 0
        if text == "all":
            return 1
        if not text.isdigit() or int(text) < 1:
            raise RecipeError(f"keep_steps: a whole number from 1, or all, not {text!r}")
        return int(text)

    def check(self) -> None:
        """Raise `RecipeError` for options that do not go together."""
        if self.from_render is not None and len(self.inputs) > 1:
            raise RecipeError("from_render goes on from one dream: give one INPUT")
        if self.span is not None:
            parse_span(self.span)


def takes_render_wish(
    function: Callable[..., Any], kind: type[RenderWish] = RenderWish
) -> Callable[..., Any]:
    """Give a command the options of ``render``, and every field of the recipe.

    Parameters
    ----------
    function : callable
        Takes a `RenderWish`, and its own options by name.
    kind : type
        `RenderWish`, or what is made of it for a command that means other inputs.

    Returns
    -------
    callable
        With a signature that the parser reads.
    """
    hints = get_type_hints(kind, include_extras=True)
    names = [one.name for one in fields(kind) if one.name != "recipe_fields"]
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

    def command(**given: Any) -> Any:
        wished = {name: given.pop(name) for name in names}
        mine = {one.name: given.pop(one.name) for one in own}
        return function(kind(**wished, recipe_fields=given), **mine)

    parameters = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=hints[one.name],
        )
        for one in fields(kind)
        if one.name in names
    ]
    parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    command.__doc__ = function.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return with_recipe_options(command)


def checked_recipe(
    preset: str | None, recipe_file: Path | None, paper: bool, recipe_fields: dict[str, Any]
) -> Recipe:
    """Return the recipe that a command is asked for, checked as far as it can be beforehand."""
    recipe = recipe_of(preset, recipe_file, paper, recipe_fields)
    filled(recipe)
    check_names(recipe, *possible_tables(recipe.model))
    return recipe


def render_names(text: str) -> tuple[str, ...]:
    """Return the renders that ``--renders`` names, or raise `RecipeError`."""
    if text.strip() == "all":
        return tuple(RENDER_NAMES)
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in RENDER_NAMES:
            raise RecipeError(f"there is no render {name!r}; there are {', '.join(RENDER_NAMES)}")
    if not names:
        raise RecipeError("renders: name at least one, or all")
    return names
