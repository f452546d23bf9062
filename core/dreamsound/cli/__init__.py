"""The command line: one file a command, imported when that command is called."""

from __future__ import annotations

import errno
import importlib
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from dreamsound import __version__
from dreamsound.errors import DreamSoundError

#: Command, its module, and its line in the help: none is imported to be listed.
COMMANDS: dict[str, tuple[str, str]] = {
    "render": ("dreamsound.cli.render", "Dream sounds and write the renders."),
    "classes": ("dreamsound.cli.classes", "List the classes that a model knows."),
    "layers": ("dreamsound.cli.layers", "List the layers that can be dreamed."),
}
EXIT_BAD_INPUT, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 2, 4, 130


class LazyGroup(TyperGroup):
    """A group that shows its commands without importing them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of :data:`COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in that knows its help line."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that is about to run."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        if name is None or stand_in is None:
            return name, stand_in, rest
        module = importlib.import_module(COMMANDS[name][0])
        command = typer.main.get_command(module.app)
        command.name = name
        return name, command, rest


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
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
            arguments, prog_name="dreamsound", standalone_mode=False
        )
        return result if isinstance(result, int) else 0
    except (typer.Abort, KeyboardInterrupt):
        _say("interrupted; nothing half written")
        return EXIT_INTERRUPTED
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        return _explain(error)


def _explain(error: Exception) -> int:
    if isinstance(error, typer.Exit):
        return int(error.exit_code)
    if isinstance(error, DreamSoundError):
        _say(str(error))
        return error.exit_code
    if hasattr(error, "format_message"):  # the parser's own errors, for unknown or missing options
        _say(error.format_message().replace("\n", " "))
        return EXIT_BAD_INPUT
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        return 1
    _say(f"{type(error).__name__}: {error} (--debug shows where)".replace("\n", " "))
    return 1


def _say(line: str) -> None:
    print(f"dreamsound: {line}", file=sys.stderr)


def run() -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(main())
