"""Finds words and phrases to avoid, and names a better wording for each.

``python checks/words.py [PATH ...]`` reads the strings, docstrings and comments of ``.py`` and
``.lua`` files, and all of ``.md`` files: those of the project, or those named. It prints
``path:line: phrase -> better wording`` for each find and ends with 1 if there is any.

A phrase is found even if a line break splits it. To quote one on purpose, put ``words: ok`` into a
comment on the line where it starts. To ban another, add a line to :data:`PHRASES`.
"""

from __future__ import annotations

import argparse
import ast
import bisect
import io
import itertools
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
#: Quotes a phrase on purpose, if the line where it starts holds this.
ESCAPE = "words: ok"
#: The one hidden folder with documents.
HIDDEN_BUT_READ = {".github"}
#: Comparisons, which may follow "is no": "is no longer needed", "is no more than 4".
COMPARISONS = "longer|more|less|fewer|better|worse|different|larger|smaller|faster|slower|closer"

#: What to avoid (a regular expression, in any case), and what to write.
PHRASES: tuple[tuple[str, str], ...] = (
    (rf"(?<!there )\b(?:is|are|was|were|be) no (?!(?:{COMPARISONS})\b)\w+", "invalid X, not a X"),
    (r"\bthat (?:is|are) (?-i:none)\b", "invalid, or unknown"),
    (r"\bthere is no sound in\b", "no audio files found, or the sound is silent"),
    (r"\b(?:to|can|cannot|could) be had\b", "unavailable, or available"),
    (r"\bnot to be found\b", "not found"),
    (r"\bof no use\b", "useless"),
    (r"\bcall(?:s|ed|ing)? (?:\w+ )?off\b", "cancel"),
    (r"\bcalled so\b", "with this name"),
    (r"\banew\b", "again"),
    (r"\btold\b", "reported, or named for what it holds"),
    (r"\btells? of\b", "reports, or describes"),
    (r"\bshall\b", "will, must, or the imperative"),
    (r"\bdreamed of\b", "dreamed"),
    (r"\b(?:say|give) --?[a-z]", "pass --x"),
    (r"\b(?:is|are|was|were) said\b", "is reported"),
    (r"\bsays? of (?:itself|themselves)\b", "says about itself"),
    (r"\bas good as (?:silent|nothing|none)\b", "silent (peak below ... dBFS)"),
    (r"\bhalf[- ]written\b|\bhalf a file\b|\bnothing half\b", "partial file"),
    (r"\b(?:is|are|was|were|be) let go\b", "is released, or unloaded"),
    (r"\blets? (?:it|its|their) (?:\w+ )?go\b", "release, or unload"),
    (r"\bgives? out (?:first|when)\b", "saturates, or reaches its limit"),
    (r"\bgo(?:es|ing)? on (?:from|where|with)\b", "continue, or resume"),
    (r"\b(?:models?|networks?|SavedModels?) of (?:others|somebody)\b", "third-party model"),
    (r"\bof yours\b", "your own"),
    (r"\b(?:became|becomes?) of\b", "the outcome of"),
    (r"\bis another (?:by now|one now)\b", "has changed"),
    (r"\blooks? whether\b", "check whether"),
    (r"\bwhat there is\b", "name the thing: the jobs, the models"),
    (r"\bin (?:its|their) stead\b", "instead"),
    (r"\bbeth(?:ink|inks|ought)\b", "think of, or remember"),
    (r"\b(?:hither(?:to)|hereto(?:fore))\b", "so far"),
    (r"\b(?:hence(?:forth)|[tw]hence|[tw]hither)\b", "from now on, from here, to there"),
    (r"\b[tw]here(?:of|in|upon)\b", "of it, in it, then"),
    (r"\bn[ao]ught\b", "nothing"),
    (r"\blest\b", "so that not"),
    (r"\bunto\b", "to"),
    (r"\bere\b", "before"),
)
SEARCHES = [(re.compile(pattern, re.IGNORECASE), better) for pattern, better in PHRASES]


@dataclass
class Text:
    """Words that belong together, over several lines of a file.

    Attributes
    ----------
    words : str
        The words, with line breaks and indents as one space.
    offsets, lines : list of int
        Where in `words` each line of the file starts, and its number from 1.
    """

    words: str = ""
    offsets: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, line: int, words: str, between: str = "") -> None:
        """Append a line's words after `between`; a line break in them starts the next line."""
        for number, part in enumerate(words.split("\n")):
            if number:
                between, part = " ", part.strip()
            self.words += between if self.words else ""
            self.offsets.append(len(self.words))
            self.lines.append(line + number)
            self.words += re.sub(r"\\[nrt]", " ", part)

    def line_of(self, offset: int) -> int:
        """Return the number of the line that holds a place in `words`."""
        return self.lines[bisect.bisect_right(self.offsets, offset) - 1]


@dataclass(frozen=True)
class Find:
    """A phrase to avoid: the line where it starts, the phrase, and a better wording."""

    line: int
    phrase: str
    better: str


# -- what to read in a file -----------------------------------------------------------------------


def python_texts(source: str) -> Iterator[Text]:
    """Yield the strings (joined as Python joins them) and the comments of Python code."""
    strings, comments = Text(), Text()
    depth = 0  # of f-strings, which Python 3.12 cuts into tokens and 3.11 does not
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind, line = tokenize.tok_name[token.type], token.start[0]
        if kind == "FSTRING_START":
            depth += 1
        elif kind == "FSTRING_END":
            depth -= 1
        elif kind == "FSTRING_MIDDLE":
            strings.add(line, token.string)
        elif depth:
            if token.string == "{":
                strings.add(line, "()")
        elif kind == "STRING":
            strings.add(line, _inside(token.string))
        elif kind == "COMMENT":
            if comments.lines and comments.lines[-1] != line - 1:
                yield comments
                comments = Text()
            comments.add(line, token.string.lstrip("#: ").rstrip(), " ")
        elif kind != "NL" and strings.words:
            yield strings
            strings = Text()
    yield from (strings, comments)


def _inside(literal: str) -> str:
    """Return the words of a string literal, with ``()`` for each expression of an f-string."""
    prefix = re.match(r"\w*", literal).group()  # type: ignore[union-attr]
    literal = literal[len(prefix) :]
    if "f" not in prefix.lower():
        quotes = 3 if literal.endswith(("'''", '"""')) else 1
        return literal[quotes:-quotes]
    # As a raw string, so that an escaped line break does not count as a line of the file.
    parsed = ast.parse("rf" + literal, mode="eval").body
    parts = parsed.values if isinstance(parsed, ast.JoinedStr) else []
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "()" for part in parts)


LUA = re.compile(
    r"--\[(?P<level>=*)\[(?P<block>.*?)\](?P=level)\]|--+(?P<comment>[^\n]*)"
    r"|\[(?P<depth>=*)\[(?P<long>.*?)\](?P=depth)\]"
    r"|\"(?P<double>(?:\\.|[^\"\\\n])*)\"|'(?P<single>(?:\\.|[^'\\\n])*)'",
    re.DOTALL,
)


def lua_texts(source: str) -> Iterator[Text]:
    """Yield the strings (joined where ``..`` joins them) and the comments of Lua code."""
    strings, comments = Text(), Text()
    end = 0  # of the last string
    for match in LUA.finditer(source):
        line = source.count("\n", 0, match.start()) + 1
        found = {name: text for name, text in match.groupdict().items() if text is not None}
        words = found.get("block", found.get("comment"))
        if words is not None:
            if comments.lines and comments.lines[-1] != line - 1:
                yield comments
                comments = Text()
            comments.add(line, words.strip(), " ")
            continue
        if not re.fullmatch(r"[\s().]*", source[end : match.start()]):
            yield strings
            strings = Text()
        strings.add(line, found.get("long", found.get("double", found.get("single", ""))))
        end = match.end()
    yield from (strings, comments)


def markdown_texts(source: str) -> Iterator[Text]:
    """Yield the paragraphs of Markdown, each row of a table on its own."""
    text = Text()
    for number, line in enumerate(source.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("|"):
            yield text
            text = Text()
        text.add(number, line.strip(), " ")
    yield text


READERS: dict[str, Callable[[str], Iterator[Text]]] = {
    ".py": python_texts,
    ".lua": lua_texts,
    ".md": markdown_texts,
}


# -- what to find ---------------------------------------------------------------------------------


def finds_in(source: str, suffix: str) -> list[Find]:
    """Return the phrases to avoid in the source of a file.

    Parameters
    ----------
    source : str
        What the file holds.
    suffix : str
        ``.py``, ``.lua`` or ``.md``.

    Returns
    -------
    list of Find
        By line; without those on lines that hold :data:`ESCAPE`.
    """
    found = [
        Find(text.line_of(match.start()), match.group(), better)
        for text in READERS[suffix](source)
        for search, better in SEARCHES
        for match in search.finditer(text.words)
    ]
    lines = source.split("\n")
    return sorted(
        (find for find in found if ESCAPE not in lines[find.line - 1]), key=lambda find: find.line
    )


def files_under(folder: Path) -> Iterator[Path]:
    """Yield the files to read under a folder, without hidden folders and environments."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            is_hidden = path.name.startswith(".") and path.name not in HIDDEN_BUT_READ
            if not is_hidden and not (path / "pyvenv.cfg").exists():
                yield from files_under(path)
        elif path.suffix in READERS:
            yield path


def check(paths: Iterable[Path]) -> int:
    """Print each find in these files and folders; return how many there are."""
    count = 0
    files = (files_under(path) if path.is_dir() else [path] for path in paths)
    for path in itertools.chain.from_iterable(files):
        for find in finds_in(path.read_text(encoding="utf-8"), path.suffix):
            print(f"{_shown(path)}:{find.line}: {find.phrase} -> {find.better}")
            count += 1
    return count


def _shown(path: Path) -> str:
    """Return the path from the current folder, if it is under it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def main(arguments: list[str]) -> int:
    """Check the named files, or the project; return the exit code."""
    parser = argparse.ArgumentParser(description="Find words and phrases to avoid.")
    parser.add_argument("paths", nargs="*", type=Path, help="files and folders (default: project)")
    chosen = parser.parse_args(arguments)
    for path in chosen.paths:
        if not path.exists() or (path.is_file() and path.suffix not in READERS):
            parser.error(f"cannot check {path}: pass a folder, or a .py, .lua or .md file")
    count = check([path.absolute() for path in chosen.paths] or [TOP])
    if count:
        print(f"words: {count} to replace")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
