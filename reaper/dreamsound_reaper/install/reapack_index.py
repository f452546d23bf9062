"""The format of ReaPack's ``index.xml``: packages, versions, and file locations."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.places import REAPACK_NAME


@dataclass(frozen=True)
class PackageFile:
    """One file of a version.

    Attributes
    ----------
    is_main : bool
        Whether it is an action.
    file : str
        Target path relative to the category; empty for the package file itself.
    place : str
        Location: relative to the scripts, or a URL.
    """

    is_main: bool
    file: str
    place: str


@dataclass(frozen=True)
class Version:
    """A version of a package.

    Attributes
    ----------
    name, author, time, changelog : str
        As in the index; `time` is ISO 8601.
    sources : tuple of PackageFile
        The files of the version.
    """

    name: str
    author: str
    time: str
    changelog: str
    sources: tuple[PackageFile, ...]


@dataclass(frozen=True)
class Package:
    """A package.

    Attributes
    ----------
    file, description, about : str
        Its file, display name, and description.
    versions : tuple of Version
        Oldest first.
    """

    file: str
    description: str
    about: str
    versions: tuple[Version, ...]


def read_index(text: str) -> dict[str, tuple[Version, ...]]:
    """Return the versions in an index, by package file.

    Raises
    ------
    InstallError
        The text is not a valid index.
    """
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise InstallError(f"cannot read the index: {error}") from error
    return {
        package.get("name", ""): tuple(_version(each) for each in package.iter("version"))
        for package in root.iter("reapack")
    }


def _version(node: ET.Element) -> Version:
    sources = tuple(
        PackageFile(each.get("main") is not None, each.get("file", ""), each.text or "")
        for each in node.iter("source")
    )
    return Version(
        node.get("name", ""),
        node.get("author", ""),
        node.get("time", ""),
        node.findtext("changelog", ""),
        sources,
    )


def index_xml(
    category: str,
    packages: Sequence[Package],
    before: Mapping[str, tuple[Version, ...]],
    base: str,
) -> str:
    """Return an index.

    Parameters
    ----------
    category : str
        Category of all packages.
    packages : sequence of Package
        Each with its current version.
    before : mapping
        Versions of the current index; they stay, and a version of the same name keeps its time.
    base : str
        URL of this version's scripts.
    """
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<index version="1" name={quoteattr(REAPACK_NAME)}>',
        f"  <category name={quoteattr(category)}>",
    ]
    for package in packages:
        (now,) = package.versions
        now = replace(now, sources=tuple(_addressed(each, base) for each in now.sources))
        older = []
        for version in before.get(package.file, ()):
            if version.name == now.name:
                now = replace(now, time=version.time)
            else:
                older.append(version)
        lines += _package_lines(package, [*older, now])
    return "\n".join([*lines, "  </category>", "</index>", ""])


def _addressed(source: PackageFile, base: str) -> PackageFile:
    return replace(source, place=f"{base}/{quote(source.place)}")


def _package_lines(package: Package, versions: Sequence[Version]) -> list[str]:
    lines = [
        f'    <reapack name={quoteattr(package.file)} type="script" '
        f"desc={quoteattr(package.description)}>",
        "      <metadata>",
        f"        <description><![CDATA[{rtf(package.about)}]]></description>",
        "      </metadata>",
    ]
    for version in versions:
        lines.append(
            f"      <version name={quoteattr(version.name)} author={quoteattr(version.author)} "
            f"time={quoteattr(version.time)}>"
        )
        if version.changelog:
            safe = version.changelog.replace("]]>", "]] >")
            lines.append(f"        <changelog><![CDATA[{safe}]]></changelog>")
        for source in version.sources:
            main = ' main="main"' if source.is_main else ""
            file = f" file={quoteattr(source.file)}" if source.file else ""
            lines.append(f"        <source{main}{file}>{escape(source.place)}</source>")
        lines.append("      </version>")
    return [*lines, "    </reapack>"]


def rtf(text: str) -> str:
    """Return plain text as RTF for ReaPack; an empty line starts a new paragraph."""
    lines = []
    for paragraph in text.split("\n\n"):
        safe = (
            " ".join(paragraph.split())
            .replace("\\", "\\\\")
            .replace("{", "\\{")
            .replace("}", "\\}")
        )
        safe = "".join(c if c < "\x80" else _rtf_character(c) for c in safe)
        lines.append(f"{safe}\\par")
    return "{\\rtf1\\ansi\n" + "\n".join(lines) + "\n}"


def _rtf_character(character: str) -> str:
    """Return a character in RTF: signed 16-bit numbers."""
    raw = character.encode("utf-16-le")
    units = [int.from_bytes(raw[i : i + 2], "little", signed=True) for i in range(0, len(raw), 2)]
    return "".join(f"\\u{unit}?" for unit in units)
