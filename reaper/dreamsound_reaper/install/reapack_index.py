"""The format of ReaPack's ``index.xml``: packages, their versions, and where each file is."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.places import REAPACK_NAME


@dataclass(frozen=True)
class Source:
    """One file of a version.

    Attributes
    ----------
    is_main : bool
        Whether it is an action.
    file : str
        Where it goes, relative to the category; empty for the package's own file.
    place : str
        Where it is: relative to the scripts, or an address.
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
        As the index has them; `time` is ISO 8601.
    sources : tuple of Source
        Its files.
    """

    name: str
    author: str
    time: str
    changelog: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Package:
    """A package.

    Attributes
    ----------
    file, description, about : str
        Its own file, its name for people, and what there is to know.
    versions : tuple of Version
        The oldest first.
    """

    file: str
    description: str
    about: str
    versions: tuple[Version, ...]


def read_index(text: str) -> dict[str, tuple[Version, ...]]:
    """Return the versions in an index, by the file of their package.

    Raises
    ------
    InstallError
        It is no index.
    """
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise InstallError(f"the index cannot be read: {error}") from error
    return {
        package.get("name", ""): tuple(_version(each) for each in package.iter("version"))
        for package in root.iter("reapack")
    }


def _version(node: ET.Element) -> Version:
    sources = tuple(
        Source(each.get("main") is not None, each.get("file", ""), each.text or "")
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
        Of all packages.
    packages : sequence of Package
        Each with the version that there is now.
    before : mapping
        The versions of an index as it is; they stay, and one of the same name keeps its time.
    base : str
        Address of the scripts of this version.
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


def _addressed(source: Source, base: str) -> Source:
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
    """Return plain text as ReaPack shows it; an empty line begins a new paragraph."""
    told = []
    for paragraph in text.split("\n\n"):
        safe = (
            " ".join(paragraph.split())
            .replace("\\", "\\\\")
            .replace("{", "\\{")
            .replace("}", "\\}")
        )
        safe = "".join(c if c < "\x80" else _rtf_character(c) for c in safe)
        told.append(f"{safe}\\par")
    return "{\\rtf1\\ansi\n" + "\n".join(told) + "\n}"


def _rtf_character(character: str) -> str:
    """Return a character as RTF writes it: numbers of 16 bits, with a sign."""
    raw = character.encode("utf-16-le")
    units = [int.from_bytes(raw[i : i + 2], "little", signed=True) for i in range(0, len(raw), 2)]
    return "".join(f"\\u{unit}?" for unit in units)
