"""The look that all commands share: one help page, grouped options, and the general options.

`App` is a `typer.Typer` whose commands are `Command` and whose groups are `Group`. Help is plain
text: it wraps at the terminal's width, cuts nothing, and needs no import of rich.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from dreamsound_studio.cli.shared import printed
from dreamsound_studio.cli.shared.made_folders import made_folders
from dreamsound_studio.cli.shared.verbosity import verbosity

Function = TypeVar("Function", bound=Callable[..., Any])

#: Heading of the options that every command has.
GENERAL = "General options"
#: What a designer decides, in this order: the headings of ``--help-all``.
PANELS = (
    "What to dream",
    "How strongly",
    "Where",
    "Filter",
    "Sculpt",
    "Listening",
    "Craft",
    "Files",
)
#: Options under the headings above that ``--help`` shows too, in this order, with a shorter text.
SHORT_HELP: dict[str, str] = {
    "preset": "Start from a preset; see dreamsound presets list.",
    "class_": "Class to dream: a name, an index, first, follow, ...",
    "method": "What a step does: add the gradient, filter by it, add it filtered by the sound or "
    "by another (target), or learn a filter (sculpt).",
    "target": "Sound file that provides the timbre.",
    "strength": "Amount added per step; not used by sculpt.",
    "steps": "Number of steps [default: 10; sculpt: 150].",
    "span": "Dream only a part, such as 1:30-2:00 or 90s-120s.",
    "renders": "What to write, or all.",
    "out": "Folder for the renders.",
    "overwrite": "Replace existing files.",
}
#: Wider lines are hard to read.
WIDEST = 120
#: Width of the column of options; a longer option stands on a line of its own.
FIRST_COLUMN = 27
SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": WIDEST,
}
#: How values are called whose option does not say.
METAVARS = {
    "<str>": "TEXT",
    "<list[str]>": "TEXT",
    "<int>": "N",
    "<int range>": "N",
    "<float>": "X",
    "<float range>": "X",
    "<path>": "PATH",
}
#: How the parser writes the limits of a number, and how the help does.
LIMITS = {r"([-.\d]+)<=x<=([-.\d]+)": r"\1 to \2", r"x>=([-.\d]+)": r"\1 or more"}
#: Key of a context's notes: show every option.
EVERY = "dreamsound_studio.cli.help_all"


class Command(TyperCommand):
    """A command with the general options, and a help page grouped by heading."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context_settings"] = SETTINGS | (kwargs.get("context_settings") or {})
        kwargs["rich_markup_mode"] = None
        super().__init__(*args, **kwargs)
        if printed.wants_file(self.params):
            self.params += _params_of(printed.takes_file)
        _add_general_options(self, has_long_help=self._has_long_options())

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; an option of a dream has to have a value."""
        given = list(args)
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            values, _, _ = self.make_parser(ctx).parse_args(args=given)
            for param in self.params:
                if _heading(param) in PANELS and _is_blank(values.get(param.name)):
                    ctx.fail(f"{max(param.opts, key=len)} has no value: pass one after it")
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; whichever way it ends, it leaves no empty folder that it made."""
        try:
            with printed.into_file(ctx):
                return super().invoke(ctx)
        finally:
            made_folders.remove_empty()

    def get_help_option_names(self, ctx: Any) -> list[str]:
        """Return -h and --help in this order."""
        return _ordered(super().get_help_option_names(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what stands behind the command's name: options, then arguments."""
        return [self.options_metavar or "", *_usage_of_arguments(self.get_params(ctx))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options under their headings."""
        for heading, rows in _sections(self.get_params(ctx), ctx).items():
            _write(heading, rows, formatter)

    def _has_long_options(self) -> bool:
        return any(_heading(p) in PANELS and p.name not in SHORT_HELP for p in self.params)


class Group(TyperGroup):
    """A group of commands with the general options; called without one, it shows its help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context_settings"] = SETTINGS | (kwargs.get("context_settings") or {})
        kwargs["rich_markup_mode"] = None
        kwargs["invoke_without_command"] = True
        super().__init__(*args, **kwargs)
        _add_general_options(self, has_long_help=False)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is named; show the help where none is."""
        result = super().invoke(ctx)
        if ctx.invoked_subcommand is None:
            typer.echo(ctx.get_help())
        return result

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is named; suggest another for an unknown one."""
        if args[0] not in self.list_commands(ctx) and not ctx.resilient_parsing:
            fail_for_unknown(ctx, args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def get_help_option_names(self, ctx: Any) -> list[str]:
        """Return -h and --help in this order."""
        return _ordered(super().get_help_option_names(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the group's own options, its commands, and the general options."""
        sections = _sections(self.get_params(ctx), ctx)
        general = sections.pop(GENERAL)
        for heading, rows in sections.items():
            _write(heading, rows, formatter)
        self.format_commands(ctx, formatter)
        _write(GENERAL, general, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a line for each command, wrapped where the terminal is narrow."""
        rows = [
            (name, (command.help or "").strip().partition("\n")[0])
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) is not None and not command.hidden
        ]
        _write("Commands", rows, formatter)


def fail_for_unknown(ctx: typer.Context, name: str, known: Iterable[str]) -> NoReturn:
    """Raise the parser's error for a command that a group does not have."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(names)}"
    ctx.fail(f"unknown command {name!r}: {hint}")


class App(typer.Typer):
    """A `typer.Typer` whose commands and groups look like all others."""

    def __init__(self, **kwargs: Any) -> None:
        look: dict[str, Any] = {"cls": Group, "add_completion": False, "rich_markup_mode": None}
        super().__init__(**(look | kwargs))

    def command(self, name: str | None = None, **kwargs: Any) -> Callable[[Function], Function]:
        """Add a command, as `typer.Typer.command` does."""
        return super().command(name, **({"cls": Command} | kwargs))


def _add_general_options(command: Any, *, has_long_help: bool) -> None:
    """Add the options that a command or group has no options of its own for."""
    taken = {flag for param in command.params for flag in param.opts}
    more = [*_general_options(), *_help_all(is_shown=has_long_help)]
    command.params += [param for param in more if not taken & set(param.opts)]


def _sections(params: list[Any], ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """Return the rows of a help page by heading, in its order; a heading may have none."""
    every = bool(ctx.meta.get(EVERY))
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    sections |= {name: [] for name in (*PANELS, GENERAL)}
    for param in params if every else _short(params):
        record = _record(param, ctx)
        if record is None:
            continue
        heading = _heading(param)
        if not every and heading in PANELS:
            heading, record = "Options", (record[0], _short_text(param, record[1]))
        sections.setdefault(heading, []).append(record)
    return sections


def _write(heading: str, rows: list[tuple[str, str]], formatter: Any) -> None:
    """Write rows under their heading, which is left out where there are none."""
    if rows:
        with formatter.section(heading):
            formatter.write_dl(rows, col_max=FIRST_COLUMN)


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=len)


def _is_blank(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_blank, value))
    return isinstance(value, str) and not value.strip()


def _heading(param: Any) -> str:
    if param.param_type_name == "argument":
        return "Arguments"
    if param.name == "help":
        return GENERAL
    return getattr(param, "rich_help_panel", None) or "Options"


def _usage_of_arguments(params: list[Any]) -> list[str]:
    pieces = []
    for param in params:
        if param.param_type_name == "argument":
            name = (param.metavar or param.name.upper()).strip("[]")
            pieces.append(name if param.required else f"[{name}]")
    return pieces


def _record(param: Any, ctx: Any) -> tuple[str, str] | None:
    """Return a parameter's cells; values of an option are named, not typed."""
    record = param.get_help_record(ctx)
    if record is None:
        return None
    if param.param_type_name == "argument":
        return (_usage_of_arguments([param])[0], param.help or "")
    name, text = record
    for kind, metavar in METAVARS.items():
        name = name.replace(kind, metavar)
    for limits, words in LIMITS.items():
        text = re.sub(limits, words, text)
    return (name, " ".join(text.split()))


def _short(params: list[Any]) -> list[Any]:
    """Return the parameters that ``--help`` shows: own ones, and those most people use."""
    order = {name: place for place, name in enumerate(SHORT_HELP)}
    own = [param for param in params if _heading(param) not in PANELS]
    used = [param for param in params if _heading(param) in PANELS and param.name in order]
    return own + sorted(used, key=lambda param: order[param.name])


def _short_text(param: Any, text: str) -> str:
    """Return an option's text in ``--help``; an ``--out`` that is a file keeps its own."""
    is_file = param.name == "out" and param.metavar != "DIR"
    return text if is_file else SHORT_HELP[param.name]


def _set_quiet(value: bool) -> None:
    if value:
        verbosity.quiet = True


def _set_verbose(value: bool) -> None:
    if value:
        verbosity.verbose = True


def _set_debug(value: bool) -> None:
    if value:
        verbosity.debug = True


def _show_every_option(ctx: typer.Context, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        ctx.meta[EVERY] = True
        typer.echo(ctx.get_help())
        raise typer.Exit


def _flag(*names: str, callback: Any, text: str, eager: bool = False) -> Any:
    return typer.Option(
        False,
        *names,
        callback=callback,
        expose_value=False,
        is_eager=eager,
        help=text,
        rich_help_panel=GENERAL,
    )


def _params_of(function: Any) -> list[Any]:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(function)
    return list(typer.main.get_command(app).params)


@functools.cache
def _general_options() -> list[Any]:
    def general(
        quiet: bool = _flag(
            "--quiet", "-q", callback=_set_quiet, text="Show no progress: warnings and errors only."
        ),
        verbose: bool = _flag(
            "--verbose", "-v", callback=_set_verbose, text="Show more: model, device, every step."
        ),
        debug: bool = _flag(
            "--debug", callback=_set_debug, text="Show where an error comes from (traceback)."
        ),
    ) -> None:
        del quiet, verbose, debug

    return _params_of(general)


@functools.cache
def _help_all(*, is_shown: bool) -> list[Any]:
    """Return the option; where the help shows everything, it does the same and is not listed."""

    def general(
        help_all: bool = _flag(
            "--help-all", callback=_show_every_option, text="Show every option.", eager=True
        ),
    ) -> None:
        del help_all

    params = _params_of(general)
    for param in params:
        param.hidden = not is_shown
    return params
