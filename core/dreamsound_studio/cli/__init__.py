"""The command line: one file a command, imported when that command is called."""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from dreamsound_studio._version import __version__
from dreamsound_studio.dream.out_of_memory import OUT_OF_MEMORY, is_out_of_memory
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.recipe.objective_text import ObjectiveTextError

#: Command, its module, and its line in the help: none is imported to be listed.
COMMANDS: dict[str, tuple[str, str]] = {
    "render": (f"{__name__}.render", "Dream sounds and write the renders."),
    "batch": (f"{__name__}.batch", "Dream whole folders, with a report."),
    "plot": (f"{__name__}.plot", "Draw renders beside what they were made of."),
    "redo": (f"{__name__}.redo", "Make a render again, and compare."),
    "listen": (f"{__name__}.listen", "Show what a model hears in a sound, and when."),
    "vary": (f"{__name__}.vary", "Dream a sound in many ways, to choose from."),
    "units": (f"{__name__}.units", "Show which channels of a layer a sound excites most."),
    "presets": (f"{__name__}.presets", "List, show, keep, share and mix presets."),
    "queue": (f"{__name__}.queue", "Put jobs into the render queue, and watch them."),
    "worker": (f"{__name__}.worker", "Run what is in the render queue."),
    "rpp": (f"{__name__}.rpp", "Dream items of a REAPER project, without REAPER."),
    "submit": (f"{__name__}.submit", "Put the job of a folder into the render queue."),
    "reaper": (f"{__name__}.reaper", "Install the actions into REAPER, and look after them."),
    "library": (f"{__name__}.library", "Find, judge and export the dreams that were made."),
    "recipe": (f"{__name__}.recipe", "The format of recipes, and what a file holds."),
    "classes": (f"{__name__}.classes", "List the classes that a model knows."),
    "models": (f"{__name__}.models", "List, pull and remove models."),
    "layers": (f"{__name__}.layers", "List the layers that can be dreamed."),
}
EXIT_BAD_INPUT, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 2, 4, 130


class LazyGroup(TyperGroup):
    """A group that shows its commands without importing them."""

    #: As :data:`COMMANDS`.
    commands_of_group = COMMANDS

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the table."""
        return list(self.commands_of_group)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in that knows its help line."""
        if cmd_name not in self.commands_of_group:
            return None
        return TyperCommand(cmd_name, help=self.commands_of_group[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that is about to run."""
        table = self.commands_of_group
        name, rest = args[0], args[1:]
        if name not in table:
            near = difflib.get_close_matches(name, table, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(table)}"
            ctx.fail(f"there is no command {name!r}; {hint}")
        command = typer.main.get_command(importlib.import_module(table[name][0]).app)
        if isinstance(command, TyperGroup) and name in command.commands:
            command = command.commands[name]  # a module of several commands
        command.name = name
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; say of Ctrl-C that it came, where typer would only exit."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Abort from error


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,  # the rich help costs twice what all the rest does
    help="DreamSound plays a sound to a network that listens, and makes it dream.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"dreamsound {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    """Do nothing by itself."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; what goes wrong is one line on standard error.

    Parameters
    ----------
    arguments : list of str, optional
        Without the program's name; by default those of the process.

    Returns
    -------
    int
        0; 2 bad input; 3 a model that is not to be had; 4 some of several inputs failed;
        5 cancelled; 130 Ctrl-C; 1 anything else.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        result = typer.main.get_command(app).main(
            arguments or ["--help"], prog_name="dreamsound", standalone_mode=False
        )
        return result if isinstance(result, int) else 0
    except (typer.Abort, KeyboardInterrupt):
        line, code = "interrupted; nothing is half written", EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends in one line
        if "--debug" in arguments:
            traceback.print_exc()
        line, code = line_and_code(error)
    print(f"dreamsound: {line}", file=sys.stderr)
    return code


def line_and_code(error: Exception) -> tuple[str, int]:
    """Return the one line that tells of an error, and the exit code it means."""
    if isinstance(error, ObjectiveTextError):
        # The lines under it show where: their spaces count.
        return str(error), error.exit_code
    if isinstance(error, DreamSoundError):
        line, code = str(error), error.exit_code
    elif is_out_of_memory(error):
        line, code = OUT_OF_MEMORY, 1
    elif hasattr(error, "format_message"):  # the parser's own, for unknown or missing options
        line, code = error.format_message(), EXIT_BAD_INPUT
    else:
        line, code = f"{type(error).__name__}: {error} (--debug shows where)", 1
    return " ".join(line.split()), code


def run() -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(main())
