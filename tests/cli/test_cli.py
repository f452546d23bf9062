"""The command line itself: its help, its lists, and that it starts without TensorFlow."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import typer

from dreamsound_studio import __version__
from dreamsound_studio.cli import COMMANDS, main
from dreamsound_studio.cli.render import app as render_app
from dreamsound_studio.cli.shared.options import NOT_OPTIONS
from dreamsound_studio.models.yamnet.tables import class_names, layer_table
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.wrong_values import RETIRED

from .conftest import Command, chirp, process, write_sound

# What the issue writes down for `dreamsound render`, beside the fields of the recipe.
OWN_OPTIONS = [
    "--out",
    "--paper",
    "--span",
    "--from-render",
    "--keep-steps",
    "--renders",
    "--level",
    "--format",
    "--bits",
    "--overwrite",
    "--json",
    "--debug",
]


def test_every_field_of_the_recipe_is_an_option_of_its_name() -> None:
    command = typer.main.get_command(render_app)
    options = {flag: option for option in command.params for flag in option.opts}
    assert set(NOT_OPTIONS) == {"schema_version"}
    for name, field in Recipe.model_fields.items():
        if name in NOT_OPTIONS:
            continue
        flag = f"--{(field.alias or name).replace('_', '-')}"
        option = options[flag]
        assert option.name == name
        # Not given is not the same as given as its default: the paper's fields and presets differ.
        assert option.default is None
        for choice in typing.get_args(field.annotation):
            if isinstance(choice, str):
                is_offered = choice not in RETIRED
                assert (choice in str(option.metavar)) == is_offered
        if field.annotation is bool:
            assert option.secondary_opts == [f"--no-{flag[2:]}"]
    for flag in OWN_OPTIONS:
        assert flag in options


def test_help_lists_the_commands_and_version_says_which(command: Command) -> None:
    for arguments in ((), ("--help",)):
        outcome = command(*arguments)
        assert (outcome.code, outcome.err) == (0, "")
        for name, (_, line) in COMMANDS.items():
            assert f"{name}  " in outcome.out
            assert line in outcome.out
    outcome = command("--version")
    assert (outcome.code, outcome.out) == (0, f"dreamsound {__version__}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command: Command, name: str) -> None:
    outcome = command(name, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"Usage: dreamsound {name}" in outcome.out


def test_classes_are_listed_and_searched(command: Command) -> None:
    lines = command("classes", "--model", "yamnet").out.splitlines()
    assert [line.split("  ", 1)[1].strip() for line in (x.strip() for x in lines)] == list(
        class_names()
    )
    found = command("classes", "--model", "yamnet", "--search", "WHISTL").out.splitlines()
    assert "  35  Whistling" in found
    assert all("whistl" in line.lower() for line in found)
    listed = json.loads(command("classes", "--model", "yamnet", "--search", "whistl", "--json").out)
    assert {"index": 35, "name": "Whistling"} in listed
    assert len(listed) == len(found)
    assert json.loads(command("classes", "--search", "qqqq", "--json").out) == []


def test_layers_are_listed_with_their_shapes(command: Command) -> None:
    lines = command("layers", "--model", "yamnet").out.splitlines()
    assert len(lines) == len(layer_table())
    assert lines[0].split() == ["layer1/conv", "48", "x", "32", "x", "32"]
    assert lines[-1].split() == ["activation", "521", "=", "scores"]
    layers = json.loads(command("layers", "--model", "yamnet", "--json").out)
    assert layers[0] == {"name": "layer1/conv", "shape": [48, 32, 32], "alias": None}
    assert layers[-1] == {"name": "activation", "shape": [521], "alias": "scores"}


WITHOUT_TENSORFLOW = """
import sys
import dreamsound_studio as dreamsound
from dreamsound_studio.cli import main

bird, out = sys.argv[1:]
dreamsound.Recipe, dreamsound.Clip, dreamsound.RenderOptions, dreamsound.dream
for arguments, code in (
    (["--help"], 0),
    (["render", "--help"], 0),
    (["classes", "--search", "cat", "--model", "yamnet"], 0),
    (["layers", "--model", "mtt-vgg"], 0),
    (["models", "list"], 0),
    (["listen", "--help"], 0),
    (["listen", bird, "--class", "Whistlng", "--model", "yamnet"], 2),
    (["render", bird, "--out", out, "--class", "Whistlng", "--model", "yamnet"], 2),
    (["render", bird, "--out", out, "--layer", "layer99", "--model", "msd-vgg"], 2),
    (["render", bird, "--out", out, "--steps", "0"], 2),
    (["render", bird, "--out", out, "--span", "9s-"], 2),
    (["render", bird + "x", "--out", out], 2),
    (["render", bird, "--out", out, "--model", "yamnt"], 2),
):
    assert main(arguments) == code, arguments
    heavy = {"tensorflow", "tensorflow_hub", "keras", "matplotlib", "PySide6"} & set(sys.modules)
    assert not heavy, (arguments, heavy)
"""


def test_help_lists_and_bad_input_do_without_tensorflow(tmp_path: Path) -> None:
    bird = write_sound(tmp_path / "bird.wav", chirp())
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, bird, tmp_path / "out"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 7


def test_a_reader_that_leaves_early_is_not_an_error() -> None:
    with process("classes") as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == ""
    assert listing.returncode == 1


def test_python_dash_m_passes_the_exit_code_on() -> None:
    with process("classes", "--search", "qqqq") as listing:
        out, err = listing.communicate()
    assert (listing.returncode, out) == (2, "")
    assert err == "dreamsound: no class contains 'qqqq': see dreamsound classes for all\n"


def test_without_arguments_main_takes_those_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["dreamsound", "--version"])
    assert main() == 0
    assert __version__ in capsys.readouterr().out
    assert inspect.signature(main).parameters["arguments"].default is None


ONE_MODEL = """
import sys
from dreamsound_studio.cli import main

assert main(["classes", "--model", "mtt-vgg"]) == 0
assert main(["layers", "--model", "mtt-vgg"]) == 0
names = ("yamnet.tables", "yamnet.network", "savedmodel.card")
others = {f"dreamsound_studio.models.{name}" for name in names}
assert not others & set(sys.modules), others & set(sys.modules)
"""


def test_no_model_but_the_chosen_one_is_read() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONE_MODEL], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("   0  guitar\n")
