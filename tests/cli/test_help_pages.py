"""The help pages: one look, whole at any width, short first and complete on demand."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dreamsound_studio.cli import COMMANDS
from dreamsound_studio.cli.shared.app import GENERAL, PANELS, SHORT_HELP
from dreamsound_studio.cli.shared.options import NOT_OPTIONS, PANEL_OF
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import Command

GROUPS = ("presets", "queue", "reaper", "library", "recipe", "models")
#: What every command has, with the same short names.
EVERYWHERE = ("-q, --quiet", "-v, --verbose", "--debug", "-h, --help")


def commands() -> Iterator[tuple[str, ...]]:
    """Yield every command, group and command of a group."""
    for name, (module, _) in COMMANDS.items():
        yield (name,)
        command = typer.main.get_command(importlib.import_module(module).app)
        yield from ((name, *path) for path in below(command))


def below(command: Any) -> Iterator[tuple[str, ...]]:
    if not hasattr(command, "list_commands"):
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        _, inner, _ = command.resolve_command(context, [name])
        yield (name,)
        yield from ((name, *path) for path in below(inner))


EVERY = list(commands())


def is_group(path: tuple[str, ...]) -> bool:
    return path[-1] in (*GROUPS, "favourite") and path != ("recipe", "recipe")


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_page_is_plain_and_as_wide_as_the_terminal(
    command: Command, monkeypatch: pytest.MonkeyPatch, path: tuple[str, ...], columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    page = command(*path, "-h")
    assert (page.code, page.err) == (0, "")
    assert page.out == command(*path, "--help").out
    assert page.out.startswith(f"Usage: dreamsound {' '.join(path)} ")
    assert max(map(len, page.out.splitlines())) <= int(columns)
    # Nothing is drawn as a box, coloured or cut off.
    assert not set(page.out) & set("│╭╰─…\x1b")
    for typed in ("<=x", "x>=", "<str>", "<int", "<path>", "list["):
        assert typed not in page.out
    assert all(option in page.out for option in EVERYWHERE)


@pytest.mark.parametrize("path", [path for path in EVERY if is_group(path)], ids=" ".join)
def test_a_group_alone_shows_its_help(command: Command, path: tuple[str, ...]) -> None:
    page = command(*path)
    assert (page.code, page.err) == (0, "")
    assert page.out == command(*path, "--help").out == command(*path, "--help-all").out
    assert "Commands:" in page.out


@pytest.mark.parametrize("flag", ["-q", "--quiet", "-v", "--verbose", "--debug", "-qv"])
@pytest.mark.parametrize(
    "path", [(), *(path for path in EVERY if is_group(path))], ids=lambda path: " ".join(path)
)
def test_a_group_takes_the_general_options(
    command: Command, path: tuple[str, ...], flag: str
) -> None:
    page = command(*path, flag)
    assert (page.code, page.err) == (0, "")
    assert page.out == command(*path, "--help").out


@pytest.mark.parametrize("arguments", ["-q queue list", "queue -q list", "queue list -q"])
def test_general_options_mean_the_same_before_and_behind_a_command(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    monkeypatch.setenv(QUEUE_VARIABLE, str(tmp_path / "queue.sqlite"))
    assert command("queue", "list").err == "dreamsound: the queue is empty\n"
    quiet = command(*arguments.split())
    assert (quiet.code, quiet.err) == (0, "")


@pytest.mark.parametrize("arguments", ["--debug presets show nope", "presets --debug show nope"])
def test_debug_before_a_command_shows_where_an_error_is_from(
    command: Command, arguments: str
) -> None:
    assert "Traceback" in command(*arguments.split()).err


def test_options_of_one_meaning_have_one_name() -> None:
    """An option that several commands have is spelt, and named short, alike."""
    short = {"--out": "-o", "--quiet": "-q", "--verbose": "-v"}
    for path in EVERY:
        params = {flag: param for param in command_at(path).params for flag in param.opts}
        for name, letter in short.items():
            assert name not in params or letter in params[name].opts, path
        assert ("--overwrite" in params) == ("--clash" in params), path


def command_at(path: tuple[str, ...]) -> Any:
    command = typer.main.get_command(importlib.import_module(COMMANDS[path[0]][0]).app)
    for name in path[1:]:
        _, command, _ = command.resolve_command(typer.Context(command), [name])
    return command


def test_the_help_of_render_fits_a_terminal_and_has_what_people_use(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = command("render", "--help").out
    assert len(page.splitlines()) <= 40
    options = page.partition("Options:")[2].partition(GENERAL)[0]
    flags = [line.split()[0] for line in options.splitlines() if line.startswith("  -")]
    assert len(flags) == len(SHORT_HELP) == 10
    assert "--class" in flags
    assert "--help-all" in page
    steps = METHODS["add"].steps, METHODS["sculpt"].steps
    assert "[default: {}; sculpt: {}]".format(*steps) in options


def test_help_all_has_every_option_under_what_it_decides(command: Command) -> None:
    page = command("render", "--help-all")
    assert page.code == 0
    headings = [line[:-1] for line in page.out.splitlines() if line[:1].isalpha()][1:]
    assert headings == ["Arguments", *PANELS, GENERAL]
    for param in command_at(("render",)).params:
        assert all(flag in page.out for flag in param.opts if flag.startswith("-"))
    # A field that is new needs a place.
    assert set(PANEL_OF) | set(NOT_OPTIONS) == set(Recipe.model_fields)


def test_help_names_options_not_fields(command: Command) -> None:
    # Lines may break within an option, at a hyphen.
    page = "".join(command("render", "--help-all").out.split())
    assert not [name for name in Recipe.model_fields if "_" in name.rstrip("_") and name in page]
    assert "Amountaddedperstep;see--strength-ref" in page
    assert "reduceenergyabove--damp-above-hz" in page
    # The format of recipes has fields.
    assert "see strength_ref" in (Recipe.model_fields["strength"].description or "")


def test_help_all_shows_the_defaults_of_the_methods(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    page = " ".join(command("render", "--help-all").out.split())
    strength = page.partition("--strength X")[2].partition("--strength-ref source")[0]
    assert "default: by method and objective." in strength
    assert "[default:" not in strength
    assert "[default: 1; filter and sculpt: 0]" in page.partition("--follow-envelope X")[2]
    for method in METHODS:
        assert method in page.partition("What a step does: ")[2].partition("[default: add]")[0]


def test_the_new_project_of_rpp_is_no_folder(command: Command) -> None:
    short, full = command("rpp", "--help").out, command("rpp", "--help-all").out
    (line,) = [line for line in short.splitlines() if "--out NEW.rpp" in line]
    assert "The new project; never the old one" in line
    assert line in full.splitlines()


def test_no_colour_and_no_terminal_make_no_difference(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = command("render", "--help").out
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert command("render", "--help").out == page


def test_help_all_is_taken_where_the_help_shows_everything(command: Command) -> None:
    short, full = command("plot", "--help"), command("plot", "--help-all")
    assert (full.code, full.out) == (0, short.out)
    assert "--help-all" not in short.out
