"""Options that commands share; those made from the recipe have its fields' names."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from dreamsound_studio.audio.formats import FORMATS
from dreamsound_studio.recipe.naming import EXAMPLE, FIELDS, expand
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RENDER_NAMES

NAME_HELP = (
    f"How renders are called, of {', '.join(f'{{{field}}}' for field in FIELDS)}; "
    "{catid}_{fxname}_{creator}_{source}_{render} gives "
    f"{expand('{catid}_{fxname}_{creator}_{source}_{render}', EXAMPLE)}.wav."
)

PresetOption = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="A preset; options given here win.")
]
RecipeOption = Annotated[
    Path | None, typer.Option("--recipe", metavar="FILE", help="A recipe, or a render's; the same.")
]
PaperOption = Annotated[bool, typer.Option("--paper", help="The paper's formulas, literally.")]
RendersOption = Annotated[
    str, typer.Option(help=f"Comma-separated, of {', '.join(RENDER_NAMES)}; or all.")
]
LevelOption = Annotated[
    str, typer.Option(metavar="match|raw", help="The source's loudness, or raw float.")
]
FormatOption = Annotated[str, typer.Option("--format", metavar="|".join(FORMATS))]
BitsOption = Annotated[
    str | None, typer.Option(metavar="16|24|32f", help="Default the source's, at least 24.")
]
SidecarOption = Annotated[
    bool, typer.Option("--sidecar", help="Also write what made a render beside it, as JSON.")
]
NameOption = Annotated[str, typer.Option(metavar="TEMPLATE", help=NAME_HELP)]
ClashOption = Annotated[
    str,
    typer.Option(metavar="refuse|number|overwrite|skip", help="What to do where a file exists."),
]
CatidOption = Annotated[str, typer.Option(help="For {catid} in --name.")]
FxnameOption = Annotated[str, typer.Option(help="For {fxname} in --name.")]
CreatorOption = Annotated[str, typer.Option(help="For {creator} in --name.")]
SourceOption = Annotated[str, typer.Option(help="For {source} in --name.")]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="Let a SavedModel of others run on this machine.")
]

#: Fields that are not a user's choice.
NOT_OPTIONS = ("schema_version",)


def with_recipe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every field of the recipe as an option.

    Parameters
    ----------
    function : callable
        Takes its own options by name and the recipe's as ``**fields``; a field that the user did
        not give is None.

    Returns
    -------
    callable
        The same function, with a signature that the parser reads.
    """
    own = inspect.signature(function, eval_str=True)
    parameters = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters += [
        _parameter(name, field)
        for name, field in Recipe.model_fields.items()
        if name not in NOT_OPTIONS
    ]
    function.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    return function


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    option = f"--{(field.alias or name).replace('_', '-')}"
    kind = _plain(field.annotation)
    flag = f"{option}/--no-{option[2:]}" if kind is bool else option
    text = field.description or ""
    if field.default is True:
        text += " [default: on]"
    elif field.default is not None and field.default is not False:
        text += f" [default: {field.default}]"
    # A choice is taken as text: the recipe says what is wrong with it, as it does elsewhere.
    choices = "|".join(get_args(kind)) if get_origin(kind) is Literal else None
    value = typer.Option(
        flag,
        help=text,
        metavar=choices,
        show_default=False,
        rich_help_panel="The dream (fields of the recipe)",
    )
    taken: Any = str if choices else kind
    annotation: Any = Annotated[taken | None, value]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _plain(annotation: Any) -> Any:
    """Return the type without None and without constraints."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(_plain(a) for a in get_args(annotation) if a is not type(None))
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    return annotation
