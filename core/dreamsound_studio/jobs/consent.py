"""The folders that jobs and recipes from elsewhere may use. No numpy here: `submit` is quick.

A job folder may use itself, a recipe file the folder that it lies in, and both the folders that
the user has allowed: a short list of the user's own, which no job, recipe or preset changes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamsound_studio.errors import ConsentError, DreamSoundError, RecipeError
from dreamsound_studio.files import expanded, sha256_of, write_atomic
from dreamsound_studio.models.store.local import looks_like_path
from dreamsound_studio.paths import state_folder
from dreamsound_studio.recipe.files import FIELDS
from dreamsound_studio.recipe.objective_text import parse_objective

if TYPE_CHECKING:
    from dreamsound_studio.recipe.recipe import Recipe

#: How to allow a folder, for messages.
REMEDY = "If you want that, run dreamsound allow"


@dataclass(frozen=True)
class Outside:
    """What a job or a recipe would use outside the folders that it may use.

    Attributes
    ----------
    reads : tuple of pathlib.Path
        Files that it would read.
    writes : tuple of pathlib.Path
        Folders that it would write to.
    """

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.reads or self.writes)

    @property
    def folders(self) -> list[Path]:
        """The folders to allow."""
        return list(dict.fromkeys([*(path.parent for path in self.reads), *self.writes]))

    def __str__(self) -> str:
        parts = []
        if self.reads:
            parts.append(f"reads {', '.join(map(_shown, self.reads))}")
        if self.writes:
            parts.append(f"writes to {', '.join(map(_shown, self.writes))}")
        return " and ".join(parts)

    def refused(self, what: object) -> ConsentError:
        """Return the error about `what`, a job or a recipe: what it would use, and what to do."""
        folders = " ".join(f'"{_shown(folder)}"' for folder in self.folders)
        return ConsentError(f"{what} {self}, outside its folder. {REMEDY} {folders}")


def outside(home: Path, reads: Iterable[str | Path], writes: Iterable[str | Path] = ()) -> Outside:
    """Return which paths lie outside a folder and the allowed ones; links count as their ends.

    Parameters
    ----------
    home : pathlib.Path
        The folder of the job or recipe; relative paths count from it.
    reads, writes : iterable of path
        Files, and folders.
    """
    home = _end(home)
    inside = [home, *allowed_folders()]

    def strays(paths: Iterable[str | Path]) -> tuple[Path, ...]:
        ends = dict.fromkeys(_end(home / expanded(path)) for path in paths)
        return tuple(end for end in ends if not any(map(end.is_relative_to, inside)))

    return Outside(strays(reads), strays(writes))


def outside_of_job(folder: Path, document: Mapping[str, Any]) -> Outside:
    """Return what a job folder's job would use outside, as far as its ``job.json`` says.

    What a preset names is found only when the job is settled; the worker looks again then.

    Parameters
    ----------
    folder : pathlib.Path
        The job folder.
    document : mapping
        Its ``job.json``; whatever is invalid there is left to the worker.
    """
    recipe = document.get("recipe")
    recipe = recipe if isinstance(recipe, dict) else {}
    named = [document.get("input"), document.get("from_render")]
    named += [recipe.get(name) for name in FIELDS]
    named += _files_of_objective(recipe.get("objective"))
    named += [name for name in (recipe.get("model"), document.get("judge")) if _is_path(name)]
    writes = [document.get("out")]
    return outside(folder, _texts(named), _texts(writes))


def outside_of_recipe(
    path: Path,
    recipe: Recipe,
    fields: Mapping[str, Any] | None = None,
    hashes: Collection[str] = (),
) -> Outside:
    """Return what a recipe from a file would read outside the file's folder.

    Parameters
    ----------
    path : pathlib.Path
        The file: a recipe, a preset, or a render.
    recipe : Recipe
        The recipe in it. Its relative paths count from the working folder, as elsewhere.
    fields : mapping, optional
        What the user has put in place of its fields, by name; None is nothing.
    hashes : collection of str, optional
        SHA-256 of files that do not count: whoever made the render has had them.
    """
    given = {name for name, value in (fields or {}).items() if value is not None}
    named = [
        place
        for name, place in recipe.files_by_name().items()
        if name not in given and (name in FIELDS or "objective" not in given)
    ]
    if "model" not in given and _is_path(recipe.model):
        named.append(recipe.model)
    found = outside(path.parent, [expanded(name).absolute() for name in named])
    return replace(found, reads=tuple(one for one in found.reads if not _is_one(one, hashes)))


def noted_hashes(others: object) -> set[str]:
    """Return the hashes of the files that a render was made with, from the ``others`` of its note.

    Parameters
    ----------
    others : object
        A mapping of names to mappings with ``sha256``; whatever else there is counts for nothing.
    """
    files = others.values() if isinstance(others, Mapping) else ()
    return {str(file["sha256"]) for file in files if isinstance(file, Mapping) and "sha256" in file}


def allowed_folders() -> list[Path]:
    """Return the folders that the user has allowed."""
    try:
        folders = json.loads(_place().read_text(encoding="utf-8"))["folders"]
        return [_end(Path(folder)) for folder in folders]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def allow(folders: Iterable[Path]) -> list[Path]:
    """Let jobs and recipes from elsewhere use some folders; return all that are allowed."""
    return _keep([*allowed_folders(), *map(_end, folders)])


def forbid(folders: Iterable[Path]) -> list[Path]:
    """Take back what `allow` allowed; return all that are still allowed."""
    gone = {_end(folder) for folder in folders}
    return _keep([folder for folder in allowed_folders() if folder not in gone])


def _keep(folders: list[Path]) -> list[Path]:
    kept = sorted(set(folders))
    place = _place()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConsentError(f"{place.parent}: cannot write: {error.strerror or error}") from error
    content = json.dumps({"folders": [str(folder) for folder in kept]}, indent=1)
    write_atomic(place, content, error=ConsentError)
    return kept


def _place() -> Path:
    return state_folder() / "allowed-folders.json"


def _shown(path: Path) -> str:
    """Return a path as a question can show it: nothing in it moves the cursor or turns the text."""
    text = str(path)
    return text if text.isprintable() else ascii(text)[1:-1]


def _is_one(path: Path, hashes: Collection[str]) -> bool:
    if not hashes or not path.is_file():
        return False
    try:
        return sha256_of(path) in hashes
    except OSError:
        return False


def _end(path: Path) -> Path:
    """Return where a path leads, links followed."""
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL, a circle of links
        raise ConsentError(f"{str(path)!a:.120}: not a path ({error})") from error


def _files_of_objective(objective: object) -> list[str]:
    with suppress(RecipeError):
        if isinstance(objective, str):
            atoms = parse_objective(objective).atoms
            return [path for atom in atoms for path in atom.files().values()]
    return []


def _is_path(model: object) -> bool:
    with suppress(DreamSoundError, ValueError, OSError):
        return isinstance(model, str) and looks_like_path(model)
    return False


def _texts(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]
