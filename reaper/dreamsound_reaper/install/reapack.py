"""ReaPack's index of the scripts, built from their headers and checked.

    python -m dreamsound_reaper.install.reapack --check
    python -m dreamsound_reaper.install.reapack --write

A header consists of the first lines of a file, comments of the form ``@tag value``; indented lines
continue a tag. A file with ``@version`` is a package, and its ``@provides`` lists its files; every
other script has ``@noindex``, or ReaPack's own indexer would treat it as a package.
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
from dreamsound_reaper.install.reapack_index import (
    Package,
    PackageFile,
    Version,
    index_xml,
    read_index,
)
from dreamsound_studio import __version__
from dreamsound_studio.errors import DreamSoundError

#: Placeholder until there is a public repository: the scripts at a version's tag.
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
        Within the scripts folder, with ``/``.
    tags : dict
        By lower-case name; several lines are joined by line breaks.
    """

    file: str
    tags: dict[str, str]

    @property
    def is_package(self) -> bool:
        """Return whether this is a package file."""
        return "version" in self.tags


def read_header(file: str, text: str) -> Header:
    """Read the header of a script.

    Raises
    ------
    InstallError
        An unknown or repeated tag, or a line outside any tag.
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
                raise InstallError(f"{file}: unknown or repeated tag @{match[1]}")
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
        Release time of a new version.

    Raises
    ------
    InstallError
        A script in no package or in two, or a wrong or missing tag.
    """
    headers = list(headers)
    owner: dict[str, str] = {}
    found = []
    for header in headers:
        if not header.is_package:
            if "noindex" not in header.tags:
                raise InstallError(f"{header.file}: header lacks @version or @noindex")
            continue
        missing = [tag for tag in NEEDED if not header.tags.get(tag)]
        if missing:
            raise InstallError(f"{header.file}: package lacks @{missing[0]}")
        if "noindex" in header.tags:
            raise InstallError(f"{header.file}: a package must not have @noindex")
        if header.tags["version"] != __version__:
            raise InstallError(
                f"{header.file}: @version {header.tags['version']} is not {__version__}"
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
        raise InstallError(f"{lost[0]} is in no package. Add it to an @provides")
    if not found:
        raise InstallError("no package found: no script has @version")
    return found


def _sources(header: Header, files: list[str], owner: dict[str, str]) -> tuple[PackageFile, ...]:
    """Return the files of a package, and record their package in `owner`."""
    sources = []
    for line in header.tags["provides"].splitlines():
        match = PROVIDES.fullmatch(line)
        pattern = match[2] if match else ""
        pattern = header.file if pattern == "." else pattern
        matching = [file for file in files if _fits(file, pattern)]
        if match is None or not matching:
            raise InstallError(f"{header.file}: @provides {line!r} matches no script")
        for file in matching:
            if file in owner:
                raise InstallError(f"{file} is in both {owner[file]} and {header.file}. Remove one")
            if is_action(file) != (match[1] == "main"):
                raise InstallError(f"{file}: actions must be [main], other files [nomain]")
            owner[file] = header.file
            own = file == header.file
            sources.append(PackageFile(is_action(file), "" if own else file, file))
    if header.file not in owner:
        raise InstallError(f"{header.file}: the package must provide itself")
    return tuple(sorted(sources, key=lambda source: (source.file != "", source.file)))


def _fits(file: str, pattern: str) -> bool:
    parts, wanted = file.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def make_index(folder: Path, before: str, now: datetime | None = None) -> str:
    """Return the index of the scripts in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        The scripts; the folder name is the category.
    before : str
        The current index, whose earlier versions are kept; may be empty.
    now : datetime.datetime, optional
        Release time of a version that is not in it.

    Raises
    ------
    InstallError
        A header is invalid.
    """
    packages = packages_of(read_headers(folder), now or datetime.now(UTC))
    base = f"{BASE_URL.format(version=__version__)}/{folder.name}"
    return index_xml(folder.name, packages, read_index(before) if before else {}, base)


def main(arguments: list[str] | None = None) -> int:
    """Check or write the index; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dreamsound_reaper.install.reapack")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="check that the index is current")
    what.add_argument("--write", action="store_true", help="write the index")
    parser.add_argument("--scripts", type=Path, help="scripts folder (DreamSound)")
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
        sys.stderr.write(f"reapack: {path} does not match the scripts. Run with --write\n")
        return 1
    if given.write:
        path.write_text(after, "utf-8", newline="\n")
    sys.stdout.write(f"{path} is up to date\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
