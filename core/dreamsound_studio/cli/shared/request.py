"""What ``render``, ``queue add`` and ``rpp`` are asked for: the same options, in one place."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from dreamsound_studio.cli.shared.options import (
    FILES,
    WHAT,
    BitsOption,
    CatidOption,
    ClashOption,
    CreatorOption,
    FormatOption,
    FxnameOption,
    JudgeOption,
    LevelOption,
    LimitOption,
    NameOption,
    OverwriteOption,
    PaperOption,
    PresetOption,
    RecipeOption,
    RendersOption,
    RenderTrustOption,
    SidecarOption,
    SourceOption,
    SpanOption,
    with_recipe_options,
)
from dreamsound_studio.cli.shared.places import AskedSound, asked_sounds, clash_fields, clash_of
from dreamsound_studio.cli.shared.reading import settled_span
from dreamsound_studio.cli.shared.recipes import preset_name, recipe_of_options
from dreamsound_studio.dream.objective import check_names_here
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.jobs.judge import check_judge
from dreamsound_studio.recipe.naming import DEFAULT_TEMPLATE
from dreamsound_studio.recipe.plan import Plan, other_models
from dreamsound_studio.recipe.precision import check_precision
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RENDER_NAMES, RenderOptions


@dataclass(kw_only=True)
class DreamRequest:
    """What to dream and how to write it: the options that ``render`` and ``batch`` share.

    Each is documented in its help.
    """

    preset: PresetOption = None
    recipe_file: RecipeOption = None
    paper: PaperOption = False
    span: SpanOption = None
    renders: RendersOption = "dream,gradient,hardcut"
    level: LevelOption = "match"
    limit: LimitOption = "on"
    file_format: FormatOption = "wav"
    bits: BitsOption = None
    sidecar: SidecarOption = False
    overwrite: OverwriteOption = False
    name: NameOption = DEFAULT_TEMPLATE
    clash: ClashOption = None
    catid: CatidOption = ""
    fxname: FxnameOption = ""
    creator: CreatorOption = ""
    source: SourceOption = ""
    trust: RenderTrustOption = False
    judge: JudgeOption = "auto"
    recipe_fields: dict[str, Any] = field(default_factory=dict)

    def recipe(self) -> Recipe:
        """Return the recipe, checked as far as it can be beforehand."""
        recipe = checked_recipe(self.preset, self.recipe_file, self.paper, self.recipe_fields)
        check_judge(self.judge, recipe.model, *other_models(recipe))
        return recipe

    def options(self) -> RenderOptions:
        """Return which renders are asked for, and how."""
        clash = clash_of(self.clash, self.overwrite, self.usual_clash())
        return RenderOptions.make(
            renders=render_names(self.renders),
            level=self.level,
            limit=self.limit,
            format=self.file_format,
            bits=self.bits,
            sidecar=self.sidecar,
            name=self.name,
            **clash_fields(clash),
        )

    def usual_clash(self) -> str:
        """Return what happens where a render exists, if neither option is passed."""
        return "refuse"

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

    def check(self) -> None:
        """Raise `RecipeError` for options that contradict each other; settle the span."""
        self.span = settled_span(self.span)


@dataclass(kw_only=True)
class RenderRequest(DreamRequest):
    """The options of ``render``, as they were given."""

    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Sound files, or folders of them.")
    ]
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help='Folder for the renders [default: beside the sound, "bird dreams" for bird.wav].',
            rich_help_panel=FILES,
        ),
    ] = None
    from_render: Annotated[
        str | None,
        typer.Option(
            "--from-render",
            metavar="FILE",
            help="Continue an earlier dream of INPUT.",
            rich_help_panel=WHAT,
        ),
    ] = None
    keep_steps: Annotated[
        str | None,
        typer.Option(
            "--keep-steps",
            metavar="N|all",
            help="Also write the sound of every Nth step.",
            rich_help_panel=FILES,
        ),
    ] = None

    def usual_clash(self) -> str:
        """Return ``number`` in the folder beside a sound, where dreams collect."""
        return "number" if self.out is None else "refuse"

    def sounds(self) -> list[AskedSound]:
        """Return the sounds to dream, those of folders by name, and where each render goes."""
        return asked_sounds(self.inputs, self.out)

    def keep_every(self) -> int:
        """Return how many steps lie between two that are kept; 0 keeps none."""
        text = self.keep_steps
        if text is None:
            return 0
        if text == "all":
            return 1
        if not text.isdigit() or int(text) < 1:
            raise RecipeError(f"invalid --keep-steps {text!r}: pass a whole number from 1, or all")
        return int(text)

    def check(self) -> None:
        """Raise `RecipeError` for options that contradict each other; settle the span."""
        if self.from_render is not None and len(self.inputs) > 1:
            raise RecipeError("--from-render continues one dream: pass one INPUT")
        super().check()


def takes_render_request(
    function: Callable[..., Any], kind: type[DreamRequest] = RenderRequest
) -> Callable[..., Any]:
    """Give a command the options of ``render``, and every field of the recipe.

    Parameters
    ----------
    function : callable
        Takes a request, and its own options by name.
    kind : type
        `RenderRequest`, or a further `DreamRequest` for a command with other inputs.

    Returns
    -------
    callable
        With a signature that the parser reads.
    """
    hints = get_type_hints(kind, include_extras=True)
    # What a command adds stands before what it shares.
    shared = {one.name for one in fields(DreamRequest)}
    every = sorted(fields(kind), key=lambda one: one.name in shared)
    names = [one.name for one in every if one.name != "recipe_fields"]
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

    def command(**given: Any) -> Any:
        asked = {name: given.pop(name) for name in names}
        mine = {one.name: given.pop(one.name) for one in own}
        return function(kind(**asked, recipe_fields=given), **mine)

    parameters = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=hints[one.name],
        )
        for one in every
        if one.name in names
    ]
    parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    command.__doc__ = function.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return with_recipe_options(command)


def checked_recipe(
    preset: str | None, recipe_file: Path | None, paper: bool, recipe_fields: dict[str, Any]
) -> Recipe:
    """Return the recipe of a command's options, checked as far as it can be beforehand."""
    recipe = recipe_of_options(preset, recipe_file, paper, recipe_fields)
    Plan.of(recipe)
    check_precision(recipe)
    check_names_here(recipe)
    return recipe


def render_names(text: str) -> tuple[str, ...]:
    """Return the renders that ``--renders`` names, or raise `RecipeError`."""
    if text.strip() == "all":
        return tuple(RENDER_NAMES)
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in RENDER_NAMES:
            raise RecipeError(f"unknown render {name!r}: choose from {', '.join(RENDER_NAMES)}")
    if not names:
        raise RecipeError("no renders: name at least one, or pass all")
    return names
