"""Where the commands of presets write: the user's folder of presets, a file, standard output."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from dreamsound_studio.cli.shared.places import free_place, shown_command
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.files import free_number, numbered
from dreamsound_studio.recipe.document import write_json
from dreamsound_studio.recipe.presets import SUFFIX, Preset, path_of, save_preset

#: The file name that means standard output.
STANDARD_OUTPUT = Path("-")


def write_preset(
    preset: Preset, path: Path, clash: str, dry_run: bool, *, to_stderr: bool = False
) -> None:
    """Write a preset to a file, into a folder, or to standard output, and say where it is.

    Parameters
    ----------
    preset : Preset
        The preset.
    path : pathlib.Path
        A file, a folder, or `STANDARD_OUTPUT`.
    clash : str
        One of `CLASHES`.
    dry_run : bool
        Whether to write nothing.
    to_stderr : bool, optional
        Whether the line that says where it is goes to standard error.

    Raises
    ------
    RecipeError
        The file does not have the name of a preset file.
    """
    if path == STANDARD_OUTPUT:
        typer.echo(json.dumps(preset.as_dict(), indent=1, ensure_ascii=False))
        return
    wanted = path / f"{preset.name}{SUFFIX}" if path.is_dir() else path
    if not wanted.name.endswith(SUFFIX):
        raise RecipeError(f"invalid preset file {wanted}: name it NAME{SUFFIX}")
    place = free_place(wanted, clash)
    if place is None or dry_run:
        line = f"skipped {wanted}" if place is None else f"would write {place}"
        typer.echo(line, err=to_stderr)
        return
    write_json(place, preset.as_dict(), clash == "overwrite")
    line = f"wrote {place}; to take it in elsewhere: dreamsound presets import FILE"
    typer.echo(line, err=to_stderr)


def save_presets(
    presets: list[Preset], clash: str, dry_run: bool, *, to_stderr: bool = False
) -> None:
    """Save presets of the user's, and say where they are."""
    for preset in presets:
        wanted = path_of(preset.name)
        place = free_preset_place(preset.name, clash)
        if place is None:
            line = f"skipped {wanted}"
        elif dry_run:
            line = f"would save {place}"
        else:
            name = place.name.removesuffix(SUFFIX)
            saved = preset.model_copy(update={"name": name if clash == "number" else preset.name})
            line = f"saved {save_preset(saved, clash == 'overwrite')}"
            line += f"; to use it: {shown_command('render', 'SOUND', '--preset', saved.name)}"
        typer.echo(line, err=to_stderr)


def free_preset_place(name: str, clash: str) -> Path | None:
    """Return where a preset may be saved; None to skip it.

    A name that is taken and must not be replaced is left to `save_preset` to refuse.
    """
    place = path_of(name)
    if not place.exists() or clash in ("overwrite", "refuse"):
        return place
    if clash == "skip":
        return None
    number = free_number(lambda number: path_of(numbered(name, number, " ")).exists())
    return path_of(numbered(name, number, " "))
