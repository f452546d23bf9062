"""The text of a project as a tree of blocks and lines, restored byte for byte.

A line that starts with ``<`` opens a block, a line ``>`` closes it; every other line is words.
Words with spaces use one of three quote characters; there is no escape. Existing parsers fail: one
loses quotes and line ends, another fails on a lone quote in a line of code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dreamsound_studio.errors import DreamSoundError, printable
from dreamsound_studio.files import read_limited

QUOTES: Final = "\"'`"
#: Size limit of a project file.
MOST_BYTES: Final = 2**30
#: Nesting limit; a project has about ten levels.
DEEPEST: Final = 200


class ProjectError(DreamSoundError):
    """A project file cannot be read or written."""

    exit_code = 2


@dataclass(eq=False)
class TextLine:
    """A line that is not a block.

    Attributes
    ----------
    text : str
        Raw text with indentation and line ending.
    """

    text: str

    @property
    def words(self) -> list[str]:
        """The words of the line, unquoted."""
        return split_words(self.text)

    @property
    def key(self) -> str:
        """The first word."""
        return self.text.split(maxsplit=1)[0] if self.text.strip() else ""


@dataclass(eq=False)
class Block:
    """A block: its opening line, its contents, and its closing line."""

    opening: str
    closing: str = ""
    children: list[TextLine | Block] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The words of the opening line, without the bracket."""
        return split_words(self.opening.lstrip()[1:])

    @property
    def key(self) -> str:
        """The kind of block."""
        head = self.opening.lstrip()[1:].split(maxsplit=1)
        return head[0] if head else ""

    def blocks(self, key: str) -> list[Block]:
        """Return the direct child blocks of a kind."""
        return [one for one in self.children if isinstance(one, Block) and one.key == key]

    def line(self, key: str) -> list[str] | None:
        """Return the words of the first line with a key, including the key."""
        found = (one for one in self.children if isinstance(one, TextLine) and one.key == key)
        line = next(found, None)
        return None if line is None else line.words

    def texts(self) -> Iterator[str]:
        """Yield all lines."""
        yield self.opening
        for one in self.children:
            if isinstance(one, Block):
                yield from one.texts()
            else:
                yield one.text
        yield self.closing


@dataclass
class ProjectText:
    """A project.

    Attributes
    ----------
    root : Block
        ``<REAPER_PROJECT ...``.
    before, after : str
        Text around the root: byte order mark, empty lines.
    """

    root: Block
    before: str = ""
    after: str = ""

    @property
    def line_end(self) -> str:
        """The line ending."""
        return "\r\n" if self.root.opening.endswith("\r\n") else "\n"

    def content(self) -> bytes:
        """Return the file's bytes."""
        text = self.before + "".join(self.root.texts()) + self.after
        return text.encode("utf-8", "surrogateescape")


def read_project(path: Path) -> ProjectText:
    """Read a project file.

    Raises
    ------
    ProjectError
        The file cannot be read, or is not a project.
    """
    too_large = f"exceeds the limit of {MOST_BYTES >> 20} MB for a project"
    return parse_project(read_limited(path, MOST_BYTES, ProjectError, too_large), str(path))


def parse_project(content: bytes, what: str) -> ProjectText:
    """Parse the bytes of a project file; `what` names it in errors."""
    # Bytes that are not UTF-8 survive the round trip.
    text = content.decode("utf-8", "surrogateescape")
    head, bracket, rest = text.partition("<REAPER_PROJECT")
    if not bracket or head.strip("\ufeff \t\r\n"):
        raise ProjectError(f"{what} is not a REAPER project")
    if "\n" not in rest and "\r" in rest:
        raise ProjectError(f"{what}: its lines end with CR alone. Save it again in REAPER.")
    lines = (bracket + rest).split("\n")
    lines = [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    root = Block(lines[0])
    stack = [root]
    for number, line in enumerate(lines[1:], 2):
        stripped = line.strip()
        if stripped == ">":
            stack.pop().closing = line
            if not stack:
                return ProjectText(root, head, "".join(lines[number:]))
        elif stripped.startswith("<"):
            block = Block(line)
            stack[-1].children.append(block)
            stack.append(block)
            if len(stack) > DEEPEST:
                raise ProjectError(f"{what}: line {number} is nested too deeply")
        else:
            stack[-1].children.append(TextLine(line))
    opening = printable(stack[-1].opening.strip()[:60])
    raise ProjectError(f"{what} is truncated: {opening} is never closed")


def split_words(text: str) -> list[str]:
    """Return the words of a line; an unclosed quote extends to the end."""
    words = []
    text = text.strip()
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
        elif text[at] in QUOTES:
            end = text.find(text[at], at + 1)
            end = len(text) if end < 0 else end
            words.append(text[at + 1 : end])
            at = end + 1
        else:
            end = at
            while end < len(text) and text[end] not in " \t":
                end += 1
            words.append(text[at:end])
            at = end
    return words


def western_text(text: str) -> str:
    """Return a text whose bytes may not be UTF-8 as one that can be shown and stored.

    Such bytes are taken for Windows' Western European ones, which old projects have.
    """
    content = text.encode("utf-8", "surrogateescape")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def quoted(text: str) -> str:
    """Return a quoted word; if it contains all three quote characters, one is replaced."""
    text = text.replace("\r", " ").replace("\n", " ")
    if text and text[0] not in QUOTES and not any(letter in " \t" for letter in text):
        return text
    for quote in QUOTES:
        if quote not in text:
            return f"{quote}{text}{quote}"
    return "`{}`".format(text.replace("`", "'"))
