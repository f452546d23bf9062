"""The documents agree with the project: links, paths, commands, options, variables and tables."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from dreamsound_studio import cli
from dreamsound_studio.cli import queue as queue_commands
from dreamsound_studio.models.plugins import GROUP
from dreamsound_studio.recipe.presets import factory_presets

TOP = Path(__file__).resolve().parent.parent
ENGINE = TOP / "core" / "dreamsound_studio"
PAGES = sorted(
    page
    for place in ("*.md", "docs/*.md", "benchmarks/*.md", ".github/**/*.md")
    for page in TOP.glob(place)
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")
#: Options of programs that are not this project's.
OF_OTHERS = {"--nworkers", "--nthreads", "--resources"}
#: Paths from the top of the project.
PROJECT_PATH = re.compile(
    r"(?<![\w./-])((?:core|desktop|reaper|tests|docs|benchmarks|checks|\.github|\.ci)/[\w./-]*)"
)
of_pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_in(page: Path) -> Iterator[str]:
    """Yield the lines of code blocks, and code within the text."""
    text = text_of(page)
    for _, block in FENCE.findall(text):
        yield from block.splitlines()
    yield from SPAN.findall(FENCE.sub("", text))


def test_the_pages_are_found():
    names = {page.name for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "architecture.md", "queue.md"} <= names


# ---------------------------------------------------------------- links and paths


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that a page's headings get."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", head.replace("`", "")).lower() for head in heads)
    return {head.strip().replace(" ", "-") for head in plain}


@of_pages
def test_links_lead_somewhere(page):
    for link in LINK.findall(FENCE.sub("", text_of(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors_of(target), f"{link}: no such heading"


@of_pages
def test_paths_exist(page):
    made = set(re.findall(r"^# (\S+\.py)$", text_of(page), re.MULTILINE))  # examples of new files
    for code in code_in(page):
        for path in PROJECT_PATH.findall(code):
            assert path in made or (TOP / path).exists(), f"{code!r}: {path} does not exist"
        if re.fullmatch(r"[a-z_]+(?:/\w+)+\.py", code) and not PROJECT_PATH.match(code):
            path = ENGINE / code  # of the engine, as CONTRIBUTING writes them
            assert (path.parent if path.stem == "NAME" else path).exists(), f"{code}: no such file"


def test_every_picture_is_shown_on_a_page():
    shown = {Path(link).name for page in PAGES for link in LINK.findall(text_of(page))}
    pictures = {path.name for path in (TOP / "docs" / "images").iterdir()}
    assert pictures <= shown


# ---------------------------------------------------------------- commands and options


def walked(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that words name, and the words that follow."""
    command: Any = typer.main.get_command(cli.app)
    while words and not words[0].startswith("-") and hasattr(command, "list_commands"):
        context = command.context_class(command)
        is_sound = isinstance(command, cli.RootGroup) and words[0].endswith(".wav")
        assert is_sound or words[0] in command.list_commands(context), f"no command {words[0]}"
        _, command, words = command.resolve_command(context, words)
    return command, words


def options_of(command: Any) -> set[str]:
    params = command.get_params(command.context_class(command))
    return {name for param in params for name in (*param.opts, *param.secondary_opts)}


@cache
def every_option() -> frozenset[str]:
    """Return the options of every command, and of the project's other programs."""
    names: set[str] = set(OF_OTHERS)
    waiting = [typer.main.get_command(cli.app)]
    while waiting:
        command = waiting.pop()
        names |= options_of(command)
        if hasattr(command, "list_commands"):
            context = command.context_class(command)
            children = command.list_commands(context)
            waiting += [command.resolve_command(context, [name])[1] for name in children]
    scripts = [TOP / "dev.py", *(TOP / "benchmarks").glob("*.py"), *(TOP / "checks").glob("*.py")]
    for script in [*scripts, TOP / "desktop" / "dreamsound_desktop" / "app.py"]:
        names |= set(OPTION.findall(script.read_text(encoding="utf-8")))
    return frozenset(names)


def command_lines(page: Path) -> Iterator[list[str]]:
    """Yield the words of each `dreamsound` command on a page, without the program's name."""
    made = set(re.findall(r"^# core/dreamsound_studio/cli/(\w+)\.py$", text_of(page), re.MULTILINE))
    for code in code_in(page):
        line = re.sub(r"\s+#.*$", "", code).removeprefix(".venv/bin/")
        first, _, rest = line.partition(" ")
        if first == "dreamsound" and rest:
            words = shlex.split(rest)
        elif first in cli.COMMANDS and rest and re.match(r"[a-z-]", rest):
            words = shlex.split(line)  # `queue add`, in the text
        else:
            continue
        if words[0] in made:
            continue
        alternatives = words[1].split("|") if len(words) > 1 else [""]
        yield from ([words[0], *filter(None, [one]), *words[2:]] for one in alternatives)


@of_pages
def test_commands_and_their_options_exist(page):
    for words in command_lines(page):
        command, rest = walked(words)
        given = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
        unknown = given - options_of(command) - cli.GENERAL_FLAGS
        assert not unknown, f"dreamsound {shlex.join(words)}: no option {unknown}"


@of_pages
def test_options_in_the_text_exist(page):
    code = "\n".join(code for code in code_in(page) if not code.startswith("pip "))
    assert set(OPTION.findall(code)) <= every_option()


@of_pages
def test_presets_in_commands_exist(page):
    names = {preset.name for preset in factory_presets()}
    for words in command_lines(page):
        for option, value in itertools.pairwise(words):
            if option == "--preset" and value not in ("NAME", "PRESET"):
                assert value in names


@of_pages
def test_commands_of_dev_exist(page):
    known = set(re.findall(r'^        "(\w+)": \1,$', text_of(TOP / "dev.py"), re.MULTILINE))
    assert {"demo", "test", "check"} <= known
    used = {name for code in code_in(page) for name in re.findall(r"dev\.py (\w+)", code)}
    assert used <= known


@of_pages
def test_variables_exist(page):
    named = set(re.findall(r"`(DREAMSOUND_[A-Z]+)", text_of(page)))
    folders = (ENGINE, TOP / "desktop", TOP / "devtools")
    sources = [TOP / "dev.py", *(path for folder in folders for path in folder.rglob("*.py"))]
    known = {
        name
        for source in sources
        for name in re.findall(r"\bDREAMSOUND_[A-Z]+", source.read_text(encoding="utf-8"))
    }
    assert named <= known


@of_pages
def test_entry_points_exist(page):
    named = re.findall(r"\bentry point `([\w.]+)`", text_of(page))
    assert set(named) <= {GROUP}


@pytest.mark.parametrize(
    ("content", "check"),
    [
        ("```\ndreamsound queue fly   # a comment\n```\n", test_commands_and_their_options_exist),
        ("```\n.venv/bin/dreamsound a.wav --fly\n```\n", test_commands_and_their_options_exist),
        ("run `presets fly`", test_commands_and_their_options_exist),
        ("pass `--fly`", test_options_in_the_text_exist),
        ('`render a.wav --preset "Fly"`', test_presets_in_commands_exist),
        ("`python3 dev.py fly`", test_commands_of_dev_exist),
        ("`DREAMSOUND_FLY`", test_variables_exist),
        ("the entry point `dreamsound.fly`", test_entry_points_exist),
        ("tests in `tests/fly`", test_paths_exist),
        ("`checks/fly.py`", test_paths_exist),
        ("`recipe/fly.py`", test_paths_exist),
        ("[there](nowhere.md)", test_links_lead_somewhere),
        ("[here](#nowhere)", test_links_lead_somewhere),
    ],
)
def test_what_does_not_exist_is_found(content, check, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(content, encoding="utf-8")
    with pytest.raises(AssertionError):
        check(page)


# ---------------------------------------------------------------- tables


def first_column(page: str, heading: str) -> list[str]:
    """Return the code of the first column of the tables under a heading."""
    section = text_of(TOP / page).split(f"{heading}\n")[1]
    section = re.split(r"^#", section, flags=re.MULTILINE)[0]
    return re.findall(r"^\| ([^|]+?) \|", section, re.MULTILINE)


def test_the_readme_lists_every_command():
    cells = first_column("README.md", "### Commands")
    listed = [cell.strip("`").split()[1] for cell in cells if cell.startswith("`dreamsound")]
    assert sorted(listed) == sorted(cli.COMMANDS)


def test_the_queues_page_lists_every_command():
    text = " ".join(first_column("docs/queue.md", "# The render queue"))
    command = typer.main.get_command(queue_commands.app)
    names = command.list_commands(command.context_class(command))
    assert {name for name in names if f"`{name}" not in text} == set()


def test_the_presets_page_lists_every_factory_preset():
    listed = set(first_column("docs/presets.md", "# Presets")) - {"preset", "---"}
    assert listed == {preset.name for preset in factory_presets()}


def test_contributing_says_which_tests_cover_which_change():
    cells = text_of(TOP / "CONTRIBUTING.md").split("## Test by risk\n")[1].split("\n## ")[0]
    rooms = {path.name for path in (TOP / "tests").iterdir() if any(path.glob("test_*.py"))}
    assert {room for room in rooms if f"tests/{room}" not in cells} == set()


def test_reapers_page_lists_every_action():
    listed = set(first_column("docs/reaper.md", "## The actions")) - {"action", "---"}
    made_for_favourites = "Dream selected items with preset - NAME"
    scripts = (TOP / "reaper" / "scripts" / "DreamSound").glob("DreamSound_*.lua")
    actions = {script.stem.removeprefix("DreamSound_") for script in scripts}
    assert listed == actions | {made_for_favourites}


def test_labels_on_the_desktops_page_are_in_the_app():
    app = "\n".join(map(text_of, (TOP / "desktop").rglob("*.py"))).replace("&", "")
    labels = re.findall(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)", text_of(TOP / "docs" / "desktop.md"))
    assert "Stop and keep" in labels
    assert [label for label in labels if f'"{label}' not in app] == []
