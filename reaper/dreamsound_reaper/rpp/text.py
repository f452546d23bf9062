"""The text of a project as a tree of blocks and lines, from which it comes back byte for byte.

A line that begins with ``<`` opens a block, a line ``>`` closes it; every other line is words.
Words with spaces stand in one of three quotes; there is no escape. The parsers of others were
tried: one loses quotes and line ends, the other fails on a lone quote in a line of code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dreamsound_studio.errors import DreamSoundError

QUOTES: Final = "\"'`"
#: No project is larger.
MOST_BYTES: Final = 2**30
#: Blocks in blocks; a project has about ten.
DEEPEST: Final = 200


class ProjectError(DreamSoundError):
    """A project file that cannot be read, or not be written."""

    exit_code = 2


@dataclass(eq=False)
class Line:
    """A line that is no block.

    Attributes
    ----------
    text : str
        As it stands, with its indent and its line end.
    """

    text: str

    @property
    def words(self) -> list[str]:
        """The words of the line, without their quotes."""
        return words_of(self.text)

    @property
    def key(self) -> str:
        """The first word."""
        return self.text.split(maxsplit=1)[0] if self.text.strip() else ""


@dataclass(eq=False)
class Block:
    """A block: the line that opens it, what is in it, and the line that closes it."""

    opening: str
    closing: str = ""
    children: list[Line | Block] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The words of the opening line, the first without its bracket."""
        return words_of(self.opening.lstrip()[1:])

    @property
    def key(self) -> str:
        """What kind of block it is."""
        head = self.opening.lstrip()[1:].split(maxsplit=1)
        return head[0] if head else ""

    def blocks(self, key: str) -> list[Block]:
        """Return the blocks of a kind that are directly in it."""
        return [one for one in self.children if isinstance(one, Block) and one.key == key]

    def line(self, key: str) -> list[str] | None:
        """Return the words of the first line with a key, that key among them."""
        found = (one for one in self.children if isinstance(one, Line) and one.key == key)
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
        What stands around it: a byte order mark, empty lines.
    """

    root: Block
    before: str = ""
    after: str = ""

    @property
    def line_end(self) -> str:
        """How its lines end."""
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
        It cannot be read, or is no project.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ProjectError(f"{path}: {error.strerror or error}") from error
    if len(content) > MOST_BYTES:
        raise ProjectError(f"{path} is larger than any project ({MOST_BYTES >> 20} MB)")
    return parse_project(content, str(path))


def parse_project(content: bytes, what: str) -> ProjectText:
    """Parse the bytes of a project file; `what` is how errors call it."""
    # Bytes that are no UTF-8 come back as they were.
    text = content.decode("utf-8", "surrogateescape")
    head, bracket, rest = text.partition("<REAPER_PROJECT")
    if not bracket or head.strip("\ufeff \t\r\n"):
        raise ProjectError(f"{what} is no project of REAPER")
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
                raise ProjectError(f"{what}: line {number} is nested too deeply for a project")
        else:
            stack[-1].children.append(Line(line))
    raise ProjectError(f"{what} is cut off: {stack[-1].opening.strip()[:60]} is never closed")


def words_of(text: str) -> list[str]:
    """Return the words of a line; a quote that is never closed reaches to its end."""
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


def quoted(text: str) -> str:
    """Return a word as a project holds it; where it has all three quotes, one gives way."""
    text = text.replace("\r", " ").replace("\n", " ")
    if text and text[0] not in QUOTES and not any(letter in " \t" for letter in text):
        return text
    for quote in QUOTES:
        if quote not in text:
            return f"{quote}{text}{quote}"
    return "`{}`".format(text.replace("`", "'"))
