"""ReaPack's index of the scripts, made of their headers and checked.

    python -m dreamsound_reaper.install.reapack --check
    python -m dreamsound_reaper.install.reapack --write

The header of a file is its first lines, comments of the form ``@tag value``; what is indented goes
on. The file with ``@version`` is a package, and its ``@provides`` lists all of its files; every
other script says ``@noindex``, or ReaPack's own indexer would take it for a package.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.homes import is_action
from dreamsound_reaper.install.places import scripts_folder
from dreamsound_reaper.install.reapack_index import Package, Source, Version, index_xml, read_index
from dreamsound_studio import __version__
from dreamsound_studio.errors import DreamSoundError

#: A placeholder until there is a public repository: the scripts at the tag of a version.
BASE_URL: Final = (
    "https://github.com/dreamsound-studio/dreamsound-studio/raw/v{version}/reaper/scripts"
)
COMMENTS: Final = {".lua": "--", ".py": "#"}
TAGS: Final = {"description", "author", "version", "changelog", "provides", "about", "noindex"}
NEEDED: Final = ("description", "author", "version", "provides", "about")
PROVIDES: Final = re.compile(r"(?:\[(main|nomain)\]\s+)?(\S.*)")


@dataclass(frozen=True)
class Header:
    """The header of a script.

    Attributes
    ----------
    file : str
        Within the folder of the scripts, with ``/``.
    tags : dict
        By their names in small letters; several lines are joined by line ends.
    """

    file: str
    tags: dict[str, str]

    @property
    def is_package(self) -> bool:
        """Return whether it is the file of a package."""
        return "version" in self.tags


def read_header(file: str, text: str) -> Header:
    """Read the header of a script.

    Raises
    ------
    InstallError
        It has a tag that there is not, twice the same, or a line that belongs to none.
    """
    mark = COMMENTS[Path(file).suffix]
    tags: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith(mark):
            break
        said = line[len(mark) :]
        match = re.fullmatch(r"\s?@(\w+)(?:\s+(.*\S))?\s*", said)
        if match is not None:
            tag = match[1].lower()
            if tag not in TAGS or tag in tags:
                raise InstallError(f"{file}: the tag @{match[1]} is unknown, or there twice")
            lines = tags[tag] = [match[2]] if match[2] else []
        elif tags and re.match(r"\s{2,}\S", said):
            lines.append(said.strip())
        elif tags and not said.strip() and "about" in tags and lines is tags["about"]:
            lines.append("")
        elif tags:
            break
    return Header(file, {tag: "\n".join(found).strip() for tag, found in tags.items()})


def read_headers(folder: Path) -> list[Header]:
    """Read the headers of all scripts in a folder."""
    return [
        read_header(path.relative_to(folder).as_posix(), path.read_text("utf-8"))
        for path in sorted(folder.rglob("*"))
        if path.suffix in COMMENTS and "__pycache__" not in path.parts
    ]


def packages_of(headers: Iterable[Header], now: datetime) -> list[Package]:
    """Return the packages that headers describe.

    Parameters
    ----------
    headers : iterable of Header
        Of all scripts.
    now : datetime.datetime
        When a version that is new has come out.

    Raises
    ------
    InstallError
        A rule does not hold: a script in no package, or in two; a wrong or missing tag.
    """
    headers = list(headers)
    owner: dict[str, str] = {}
    found = []
    for header in headers:
        if not header.is_package:
            if "noindex" not in header.tags:
                raise InstallError(f"{header.file}: neither @version nor @noindex is in its header")
            continue
        missing = [tag for tag in NEEDED if not header.tags.get(tag)]
        if missing:
            raise InstallError(f"{header.file}: a package needs @{missing[0]}")
        if "noindex" in header.tags:
            raise InstallError(f"{header.file}: it is a package, and says @noindex")
        if header.tags["version"] != __version__:
            raise InstallError(
                f"{header.file}: @version is {header.tags['version']}, DreamSound's {__version__}"
            )
        sources = _sources(header, [each.file for each in headers], owner)
        version = Version(
            name=__version__,
            author=header.tags["author"],
            time=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            changelog=header.tags.get("changelog", ""),
            sources=sources,
        )
        found.append(
            Package(header.file, header.tags["description"], header.tags["about"], (version,))
        )
    lost = [header.file for header in headers if header.file not in owner]
    if lost:
        raise InstallError(f"{lost[0]} is in no package: add it to an @provides")
    if not found:
        raise InstallError("no script has a @version: there is no package")
    return found


def _sources(header: Header, files: list[str], owner: dict[str, str]) -> tuple[Source, ...]:
    """Return the files of a package, and note in `owner` whose they are."""
    sources = []
    for line in header.tags["provides"].splitlines():
        match = PROVIDES.fullmatch(line)
        pattern = match[2] if match else ""
        pattern = header.file if pattern == "." else pattern
        matching = [file for file in files if _fits(file, pattern)]
        if match is None or not matching:
            raise InstallError(f"{header.file}: @provides {line!r} is no file of the scripts")
        for file in matching:
            if file in owner:
                raise InstallError(
                    f"{file} is in {owner[file]} and in {header.file}: once is enough"
                )
            if is_action(file) != (match[1] == "main"):
                raise InstallError(f"{file}: an action is [main], every other file [nomain]")
            owner[file] = header.file
            own = file == header.file
            sources.append(Source(is_action(file), "" if own else file, file))
    if header.file not in owner:
        raise InstallError(f"{header.file}: a package provides itself")
    return tuple(sorted(sources, key=lambda source: (source.file != "", source.file)))


def _fits(file: str, pattern: str) -> bool:
    parts, wanted = file.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def make_index(folder: Path, before: str, now: datetime | None = None) -> str:
    """Return the index of the scripts in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        The scripts; its name is the category.
    before : str
        The index as it is, from which earlier versions are kept; may be empty.
    now : datetime.datetime, optional
        When a version that is not in it has come out.

    Raises
    ------
    InstallError
        A header is wrong.
    """
    packages = packages_of(read_headers(folder), now or datetime.now(UTC))
    base = f"{BASE_URL.format(version=__version__)}/{folder.name}"
    return index_xml(folder.name, packages, read_index(before) if before else {}, base)


def main(arguments: list[str] | None = None) -> int:
    """Check or write the index; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dreamsound_reaper.install.reapack")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="is the index what the scripts say?")
    what.add_argument("--write", action="store_true", help="write it")
    parser.add_argument("--scripts", type=Path, help="the folder DreamSound of the scripts")
    parser.add_argument("--index", type=Path, help="the index; by default beside reaper/scripts")
    given = parser.parse_args(arguments)
    try:
        folder = given.scripts or scripts_folder()
        path = given.index or folder.parents[1] / "index.xml"
        before = path.read_text("utf-8") if path.exists() else ""
        after = make_index(folder, before)
    except (DreamSoundError, OSError) as error:
        sys.stderr.write(f"reapack: {error}\n")
        return 1
    if given.check and before != after:
        sys.stderr.write(f"reapack: {path} is not what the scripts say: --write makes it so\n")
        return 1
    if given.write:
        path.write_text(after, "utf-8", newline="\n")
    sys.stdout.write(f"{path} is right\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
