"""Options that commands share; those made from the recipe have its fields' names."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from dreamsound_studio.audio.formats import FORMATS
from dreamsound_studio.cli.shared.app import PANELS
from dreamsound_studio.cli.shared.common_options import CLASHES, SPAN_HELP
from dreamsound_studio.cli.shared.completion import (
    complete_choice,
    complete_class,
    complete_judge,
    complete_layer,
    complete_model,
    complete_preset,
)
from dreamsound_studio.recipe.method_table import METHODS, SCULPT_TOWARD
from dreamsound_studio.recipe.naming import EXAMPLE, FIELDS, expand
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RENDER_NAMES
from dreamsound_studio.wrong_values import offered

NAME_HELP = (
    f"File names, built from {', '.join(f'{{{field}}}' for field in FIELDS)}; "
    "{catid}_{fxname}_{creator}_{source}_{render} gives "
    f"{expand('{catid}_{fxname}_{creator}_{source}_{render}', EXAMPLE)}.wav."
)
WHAT, HOW, WHERE, FILTER, SCULPT, LISTENING, CRAFT, FILES = PANELS


def _option(panel: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, rich_help_panel=panel, **more)


PresetOption = Annotated[
    str | None,
    _option(
        WHAT,
        "--preset",
        metavar="NAME|FILE",
        help="Preset to start from; options on the command line override it.",
        autocompletion=complete_preset,
    ),
]
RecipeOption = Annotated[
    Path | None,
    _option(
        WHAT, "--recipe", metavar="FILE", help="Recipe file, or a render to take the recipe from."
    ),
]
PaperOption = Annotated[
    bool, _option(WHAT, "--paper", help="Use the paper's formulas as they are.")
]
SpanOption = Annotated[str | None, _option(WHERE, "--span", metavar="START-END", help=SPAN_HELP)]
RendersOption = Annotated[
    str,
    _option(
        FILES,
        "--renders",
        metavar="NAMES",
        help=f"Renders to write, comma-separated: {', '.join(RENDER_NAMES)}; or all.",
    ),
]
LevelOption = Annotated[
    str, _option(FILES, "--level", metavar="match|raw", help="The source's loudness, or raw float.")
]
LimitOption = Annotated[
    str,
    _option(
        FILES,
        "--limit",
        metavar="on|off",
        help="Limit true peaks over -1 dBTP by up to 6 dB (the dream of a learned filter: 18), or "
        "lower all of a render.",
    ),
]
FormatOption = Annotated[
    str, _option(FILES, "--format", metavar="|".join(FORMATS), help="File format.")
]
BitsOption = Annotated[
    str | None,
    _option(
        FILES,
        "--bits",
        metavar="16|24|32f",
        help="Bit depth; by default the source's, at least 24.",
    ),
]
SidecarOption = Annotated[
    bool, _option(FILES, "--sidecar", help="Also write the recipe beside each render, as JSON.")
]
NameOption = Annotated[str, _option(FILES, "--name", metavar="TEMPLATE", help=NAME_HELP)]
OverwriteOption = Annotated[
    bool, _option(FILES, "--overwrite", help="Replace files that exist: --clash overwrite.")
]
ClashOption = Annotated[
    str | None,
    _option(
        FILES,
        "--clash",
        metavar="|".join(CLASHES),
        help="Where a file exists: refuse, number the new one, overwrite it, or skip the sound "
        "[default: refuse; number in the folder beside the sound].",
    ),
]
DryRunOption = Annotated[
    bool, _option(FILES, "--dry-run", help="Check everything and list the files; write nothing.")
]
CatidOption = Annotated[str, _option(FILES, "--catid", help="{catid} in --name.")]
FxnameOption = Annotated[str, _option(FILES, "--fxname", help="{fxname} in --name.")]
CreatorOption = Annotated[str, _option(FILES, "--creator", help="{creator} in --name.")]
SourceOption = Annotated[str, _option(FILES, "--source", help="{source} in --name.")]
RenderTrustOption = Annotated[
    bool, _option(WHAT, "--trust", help="Run a third-party SavedModel without asking.")
]
JudgeOption = Annotated[
    str,
    _option(
        WHAT,
        "--judge",
        metavar="MODEL|none",
        help="Second model that hears source and dream, so that you need not trust the one the "
        "dream climbs. It changes no sound and is not in the recipe. [default: mtt-musicnn or "
        "msd-musicnn, where it is installed and has the dreamed class]",
        show_default=False,
        autocompletion=complete_judge,
    ),
]

#: Heading of each field of the recipe in ``--help-all``; a field that is not here is craft.
PANEL_OF: dict[str, str] = {
    name: panel
    for panel, names in {
        WHAT: "model method class_ objective layer at target target_b morph",
        HOW: "steps strength backtrack strength_ref strength_over_steps strength_over_time "
        "normalise follow_envelope restore_level wet stop_score stop_plateau",
        WHERE: "channels air band_low_hz band_high_hz fade_in_s fade_out_s",
        FILTER: "combine mask_from carrier flip mask threshold_db threshold_ref "
        "threshold_over_steps threshold_over_time knee_db invert_mask fft_size hop_samples",
        SCULPT: "gain_grid depth_db rate_db pull bed bed_file bed_level_db",
        LISTENING: "listens listen_level_db listen_speed listen_tilt listen_noise_db "
        "listen_windows listen_eq_db natural",
        CRAFT: "start octaves pull_to_source damp_above damp_above_hz smooth_time smooth_frequency "
        "masking jitter patch_hop seed block_patches precision",
    }.items()
    for name in names.split()
}
#: What a shell completes the value of a field with.
COMPLETE_OF: dict[str, Any] = {
    "class_": complete_class,
    "layer": complete_layer,
    "model": complete_model,
}

#: How the value of a field is shown, by its name or its type.
METAVAR_OF: dict[Any, str] = {
    int: "N",
    float: "X",
    str: "TEXT",
    "model": "NAME|PATH",
    "class_": "CLASS",
    "layer": "LAYER",
    "objective": "FORMULA",
    "target": "FILE",
    "target_b": "FILE",
    "bed_file": "FILE",
    "gain_grid": "BANDSxTIME",
    "morph": "POINTS",
    "strength_over_steps": "POINTS",
    "strength_over_time": "POINTS",
    "threshold_over_steps": "POINTS",
    "threshold_over_time": "POINTS",
}
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
    option = _option_of(name)
    kind = _plain(field.annotation)
    flag = f"{option}/--no-{option[2:]}" if kind is bool else option
    text = _sentence(_with_options(field.description or ""))
    if field.default is True:
        text += " [default: on]"
    elif field.default is not None and field.default is not False:
        shown = f"{field.default:g}" if isinstance(field.default, float) else field.default
        text += f" [default: {shown}]"
    elif "default: " not in text and (of_methods := _defaults_of_methods(name)):
        text += f" [default: {of_methods}]"
    # A choice is taken as text: the recipe says what is wrong with it, as it does elsewhere.
    choices = "|".join(offered(get_args(kind))) if get_origin(kind) is Literal else None
    value = typer.Option(
        flag,
        help=text,
        metavar=choices or METAVAR_OF.get(name) or METAVAR_OF.get(kind),
        show_default=False,
        rich_help_panel=PANEL_OF.get(name, CRAFT),
        autocompletion=complete_choice(choices) if choices else COMPLETE_OF.get(name),
    )
    taken: Any = str if choices else kind
    annotation: Any = Annotated[taken | None, value]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _defaults_of_methods(name: str) -> str:
    """Return a field's default with each method, such as ``1; filter: 0``, if it has one.

    The value of most methods comes first.
    """
    by_value: dict[str, list[str]] = {}
    rows = dict(METHODS)
    for aim, row in SCULPT_TOWARD.items():
        if getattr(row, name, None) != getattr(METHODS["sculpt"], name, None):
            rows[f"sculpt toward {aim}"] = row
    for method, row in rows.items():
        if hasattr(row, name):
            by_value.setdefault(_shown(getattr(row, name)), []).append(method)
    common, *others = sorted(by_value.items(), key=lambda item: -len(item[1])) or [("", [])]
    alternatives = (f"{' and '.join(which)}: {value}" for value, which in others)
    return "; ".join([common[0], *alternatives]).replace(" and sculpt toward ", " and ")


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    names = {None: "none", True: "on", False: "off"}
    return names[value] if value is None or isinstance(value, bool) else str(value)


def _option_of(name: str) -> str:
    return f"--{(Recipe.model_fields[name].alias or name).replace('_', '-')}"


def _with_options(text: str) -> str:
    """Return a field's description with options in place of the names of other fields.

    A name without an underscore is also a word of the language, and stays.
    """
    names = [name for name in Recipe.model_fields if "_" in name.rstrip("_")]
    return re.sub(rf"\b({'|'.join(names)})\b", lambda found: _option_of(found[0]), text)


def _sentence(text: str) -> str:
    """Return a field's description as the other help texts are written."""
    first = text.split(" ", 1)[0]
    start = text[:1] if first in ("dB", "auto,") else text[:1].upper()
    return f"{start}{text[1:]}." if text else ""


def _plain(annotation: Any) -> Any:
    """Return the type without None and without constraints."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(_plain(a) for a in get_args(annotation) if a is not type(None))
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    return annotation
