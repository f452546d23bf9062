"""Finds names to avoid in the code: those with a word to avoid, and those with two meanings.

``python checks/names.py`` reads the project's Python. It prints ``path:line: name -> what to do``
for each find and ends with 1 if there is any.

No two modules of the packages have a public class, function or type of the same name, so that a
name has one meaning wherever it is read. Exempt are commands, which have the name that users type,
and the names in :data:`SHARED`. A name that must stay has ``words: ok`` in a comment on its line.
"""

from __future__ import annotations

import ast
import io
import itertools
import keyword
import re
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
#: The packages that people import from.
PACKAGES = ("core/dreamsound_studio", "desktop/dreamsound_desktop", "reaper/dreamsound_reaper")
#: All Python code: folders and files.
CODE = ("core", "desktop", "reaper", "tests", "benchmarks", "checks", "examples", "dev.py")
#: Keeps a name, if its line holds this.
ESCAPE = "words: ok"
#: Words that say nothing about what a name holds.
AVOIDED = re.compile(r"(?:^|_)(?:told|shall|anew)(?:_|$)", re.IGNORECASE)  # words: ok

#: Names that several modules define because they mean the same in each, and what that is.
SHARED: Mapping[str, str] = {
    "Arrays": "the weights of a network, by name",
    "connect": "opens a database, and creates it if it is missing",
    "listen": "plays a sound to a model, in the engine and for scripts",
    "main": "the entry point of a program",
    "names": "the layers and classes of a network",
    "read_arrays": "reads the weights of a network",
    "wish": "what the user wants of a running job, in the queue and in a job folder",
    "weight_names": "the weights of a network, with their shapes",
}


@dataclass(frozen=True)
class Name:
    """A name in the code, and what to do about it."""

    path: Path
    line: int
    name: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.path.as_posix()}:{self.line}: {self.name} -> {self.advice}"


# -- words ----------------------------------------------------------------------------------------


def avoided_in(source: str, path: Path) -> Iterator[Name]:
    """Yield the names in Python code with a word to avoid."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_name = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
        if is_name and AVOIDED.search(token.string) and ESCAPE not in token.line:
            yield Name(path, token.start[0], token.string, "a name for what it holds")


# -- meanings -------------------------------------------------------------------------------------


def public_in(source: str, path: Path) -> Iterator[Name]:
    """Yield the public classes, functions and types that a module defines, without commands."""
    for node in ast.parse(source).body:
        name = _name_of(node)
        if name and not name.startswith("_"):
            yield Name(path, node.lineno, name)


def _name_of(node: ast.stmt) -> str:
    """Return the name of a class, a function or a type, or nothing."""
    if isinstance(node, ast.ClassDef):
        return node.name
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return "" if any(map(_makes_command, node.decorator_list)) else node.name
    # A constant is in capitals; a call makes a type variable, which only stands in for a type.
    if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Call):
        target = node.targets[0]
        if isinstance(target, ast.Name) and re.match("[A-Z]+[a-z]", target.id):
            return target.id
    return ""


def _makes_command(decorator: ast.expr) -> bool:
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(call, ast.Attribute) and call.attr == "command"


def ambiguous(public: Iterator[Name], shared: Mapping[str, str] = SHARED) -> Iterator[Name]:
    """Yield the names that more than one module defines, each time they are defined.

    Parameters
    ----------
    public : iterator of Name
        The public names of all modules.
    shared : mapping
        Names that mean the same in each module.
    """
    places: defaultdict[str, list[Name]] = defaultdict(list)
    for one in public:
        places[one.name].append(one)
    for name, found in sorted(places.items()):
        if len({one.path for one in found}) > 1 and name not in shared:
            for one in found:
                others = sorted({other.path.as_posix() for other in found} - {one.path.as_posix()})
                advice = f"a name of its own: {', '.join(others)} has this one too"
                yield Name(one.path, one.line, name, advice)


# -- the project ----------------------------------------------------------------------------------


def sources_under(top: Path, places: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Yield the Python sources in these folders and files, and their paths from `top`."""
    for place in places:
        path = top / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path] * path.exists():
            yield file.read_text(encoding="utf-8"), file.relative_to(top)


def public_names(top: Path = TOP) -> Iterator[Name]:
    """Yield the public names of all packages."""
    for source, path in sources_under(top, PACKAGES):
        yield from public_in(source, path)


def finds(top: Path = TOP) -> Iterator[Name]:
    """Yield the names to avoid in the project."""
    avoided = (avoided_in(*one) for one in sources_under(top, CODE))
    yield from itertools.chain.from_iterable(avoided)
    yield from ambiguous(public_names(top))


def main(top: Path = TOP) -> int:
    """Print each name to avoid; return the exit code."""
    found = list(finds(top))
    for name in found:
        print(name)
    if found:
        print(f"names: {len(found)} to replace")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
