"""The command line: one file a command, imported when that command is called."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from dreamsound_studio._version import __version__
from dreamsound_studio.cli.shared.app import App, Command, Group, fail_for_unknown
from dreamsound_studio.cli.shared.leaving import leave
from dreamsound_studio.cli.shared.own_process import process
from dreamsound_studio.cli.shared.verbosity import verbosity
from dreamsound_studio.dream.out_of_memory import OUT_OF_MEMORY
from dreamsound_studio.errors import DreamSoundError, is_out_of_memory
from dreamsound_studio.recipe.objective_text import ObjectiveTextError

#: Command, its module, and its line in the help: none is imported to be listed.
COMMANDS: dict[str, tuple[str, str]] = {
    "render": (f"{__name__}.render", "Dream sounds and write the renders."),
    "batch": (f"{__name__}.batch", "Dream folders of sounds, with a report."),
    "plot": (f"{__name__}.plot", "Draw a render beside its source, as PNG."),
    "redo": (f"{__name__}.redo", "Make a render again, and compare it."),
    "listen": (f"{__name__}.listen", "Show what a model hears in a sound, and when."),
    "vary": (
        "dreamsound_studio.cli.vary",
        "Dream a sound with many settings, to choose from.",
    ),
    "units": (
        "dreamsound_studio.cli.units",
        "Rank the channels of a layer by their response.",
    ),
    "presets": (f"{__name__}.presets", "List, show, save, share and mix presets."),
    "queue": (f"{__name__}.queue", "Add jobs to the render queue, watch and manage them."),
    "worker": (f"{__name__}.worker", "Run the jobs of the render queue."),
    "rpp": (f"{__name__}.rpp", "Dream items of a REAPER project, without REAPER."),
    "submit": (f"{__name__}.submit", "Add the job in a folder to the render queue."),
    "allow": (f"{__name__}.allow", "Let jobs and recipes from elsewhere use a folder."),
    "reaper": (f"{__name__}.reaper", "Install, check and remove the REAPER actions."),
    "library": (f"{__name__}.library", "Search, rate and export finished dreams."),
    "recipe": (f"{__name__}.recipe", "Show the recipe of a file, or the recipe format."),
    "classes": (f"{__name__}.classes", "List the classes of a model."),
    "models": (f"{__name__}.models", "List, download and remove models."),
    "layers": (f"{__name__}.layers", "List the layers of a model."),
}
EXIT_BAD_INPUT, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 2, 4, 130
#: Options of every command and group, which may also stand before a command.
GENERAL_FLAGS = frozenset(("-q", "--quiet", "-v", "--verbose", "--debug"))
EXAMPLES = """\b
dreamsound bird.wav                      dream with the defaults
dreamsound bird.wav --class Whistling    dream one class
dreamsound render --help                 the options people use
"""


class LazyGroup(Group):
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
        return Command(cmd_name, help=self.commands_of_group[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that is about to run."""
        table = self.commands_of_group
        name, rest = args[0], args[1:]
        if name not in table:
            if ctx.resilient_parsing:
                return None, None, rest
            fail_for_unknown(ctx, name, table)
        command = typer.main.get_command(importlib.import_module(table[name][0]).app)
        if isinstance(command, TyperGroup) and name in command.commands:
            command = command.commands[name]  # a module of several commands
        command.name = name
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn Ctrl-C into `typer.Abort`, where typer would only exit."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Abort from error


class RootGroup(LazyGroup):
    """All commands; a sound or a folder in the place of a command is rendered."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the options of ``render`` without it too, also behind general options."""
        count = next((n for n, word in enumerate(args) if word not in GENERAL_FLAGS), len(args))
        first, rest = args[:count], args[count:]
        own = {flag for param in self.get_params(ctx) for flag in param.opts}
        if rest[:1] and rest[0].startswith("-") and rest[0].partition("=")[0] not in own:
            is_render = any(_is_input(word) for word in rest) and not ctx.resilient_parsing
            rest = ["render", *rest] if is_render else rest
        return super().parse_args(ctx, [*first, *rest])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return ``render`` for ``dreamsound bird.wav``, else what is named."""
        if args[0] not in self.commands_of_group and _is_input(args[0]):
            args = ["render", *args]
        return super().resolve_command(ctx, args)


def _is_input(word: str) -> bool:
    """Return whether a word is a place, or looks like a sound file that is missing."""
    from dreamsound_studio.pictures.batch_report import ENDINGS

    path = Path(word)
    return path.suffix.casefold() in ENDINGS or len(path.parts) > 1 or path.exists()


app = App(
    cls=RootGroup,
    add_completion=True,
    help="DreamSound plays a sound to a network that listens, and makes it dream.",
    epilog=EXAMPLES,
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
    """Run the command line; an error is one line on standard error.

    Parameters
    ----------
    arguments : list of str, optional
        Without the program's name; by default those of the process.

    Returns
    -------
    int
        0; 2: bad input, also what does not exist; 3: model unavailable; 4: some of several inputs
        failed; 5: cancelled; 130: Ctrl-C; 1: anything else.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    verbosity.reset()
    try:
        result = typer.main.get_command(app).main(
            arguments, prog_name="dreamsound", standalone_mode=False
        )
        return result if isinstance(result, int) else 0
    except (typer.Abort, KeyboardInterrupt):
        line, code = "Interrupted. No partial files left.", EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends in one line
        if verbosity.debug or "--debug" in arguments:
            traceback.print_exc()
        line, code = line_and_code(error)
    print(f"dreamsound: {line}", file=sys.stderr)
    return code


def exit_code_of(failures: list[int], count: int) -> int:
    """Return the exit code of a command that does several things.

    Parameters
    ----------
    failures : list of int
        Exit code of each that failed.
    count : int
        How many there were.

    Returns
    -------
    int
        0 if none failed; their code if all failed in the same way; else `EXIT_SOME_FAILED`.
    """
    if len(failures) == count and len(set(failures)) == 1:
        return failures[0]
    return EXIT_SOME_FAILED if failures else 0


def line_and_code(error: Exception) -> tuple[str, int]:
    """Return an error's line of text, and its exit code."""
    if isinstance(error, ObjectiveTextError):
        # The lines under it show where: their spaces count.
        return str(error), error.exit_code
    if isinstance(error, DreamSoundError):
        line, code = str(error), error.exit_code
    elif is_out_of_memory(error):
        line, code = OUT_OF_MEMORY, 1
    elif hasattr(error, "format_message"):  # the parser's own, for unknown or missing options
        from dreamsound_studio.cli.shared.parser_words import plain

        line, code = plain(error), EXIT_BAD_INPUT
    else:
        line, code = f"{type(error).__name__}: {error} (pass --debug to see where)", 1
    return " ".join(line.split()), code


def run() -> None:
    """Run the command line and leave the process with its exit code."""
    # Before NumPy reads it. The engine has threads of its own; those of OpenBLAS wait for one
    # another, and where other work keeps a core busy, a level takes 15 times as long to measure.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file's name comes out as it is, also where it is not UTF-8.
            stream.reconfigure(errors="surrogateescape" if os.name != "nt" else "backslashreplace")
    process.take_over()
    leave(main())
