"""How a dream is found: words and keys in one index, read from the newest on.

Full-text search over 100 000 dreams is fast as long as no result is sorted and no dream is looked
up only to be dropped. So the tokens of a dream are made here, and not by SQLite: its words, folded,
and for each thing that is searched for exactly (class, preset, model, tag, stars) a key, a token
that no word can be. A search is then one list of tokens which the index has to hold all of; it
walks them by descending number, and stops at the limit.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dreamsound_studio.library.records import DreamRecord, checked_stars, utc_text

#: Begins every key. Words hold letters and digits only, so no word begins with it.
KEY_MARK = "\N{MIDDLE DOT}"
#: Of a text that is searched for, so many words count; FTS5 has an end somewhere beyond.
MOST_WORDS = 32
#: FTS5 takes only so much of a word, and nobody types more.
LONGEST_WORD = 100

#: The index knows the dreams of all words that begin with the same letters, up to so many.
LONGEST_PREFIX = 3
#: So many words of a longer beginning are asked for one by one.
MOST_LIKE = 64

#: Letters and digits are two words: the numbers in ``take000001`` would make 100 000 of one.
_WORD = re.compile(r"[^\W\d_]+|\d+")

#: A query, and its values.
Statement = tuple[str, list[str | int]]

#: With the tokenizer ``ascii`` a token is what stands between spaces: all that is folded here is
#: letters and digits, or beyond ASCII. Neither place nor column of a word is asked for.
CREATE_INDEX = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS found USING fts5(tokens, content='texts', "
    "content_rowid='id', tokenize='ascii', detail=none, columnsize=0, prefix='1 2 3')"
)


@dataclass(frozen=True)
class Wanted:
    """What is searched for.

    Attributes
    ----------
    words : tuple of str
        Beginnings of words, folded.
    keys : tuple of str
        Keys.
    since, until : str
        In UTC; from the first on, before the second. Empty is no limit.
    """

    words: tuple[str, ...]
    keys: tuple[str, ...]
    since: str = ""
    until: str = ""

    @classmethod
    def make(
        cls,
        text: str | None = None,
        class_name: str | None = None,
        preset: str | None = None,
        model: str | None = None,
        tag: str | None = None,
        stars_at_least: int | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Wanted:
        """Make it of what the user gives; see `Library.search`."""
        named = (("class", class_name), ("preset", preset), ("model", model), ("tag", tag))
        keys = [key_of(kind, value) for kind, value in named if value is not None]
        if stars_at_least:
            keys.append(key_of("stars", str(checked_stars(stars_at_least))))
        return cls(
            words=tuple(dict.fromkeys(words_of(text or "")))[:MOST_WORDS],
            keys=tuple(keys),
            since=utc_text(since, None) if since else "",
            until=utc_text(until, None, day_after=True) if until else "",
        )


def words_of(text: str) -> list[str]:
    """Return the words of a text: small letters without accents, and digits.

    Examples
    --------
    >>> words_of("Été_01 (Straße).wav")
    ['ete', '01', 'strasse', 'wav']
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(letter for letter in text if not unicodedata.combining(letter))
    return [word[:LONGEST_WORD] for word in _WORD.findall(plain)]


def key_of(kind: str, value: str) -> str:
    """Return the key of a class, preset, model, tag or number of stars, whatever its case.

    It is a hash: it must hold no space, and names that differ in signs only have to differ.
    """
    folded = " ".join(value.split()).casefold().encode("utf-8", "surrogatepass")
    return f"{KEY_MARK}{kind[0]}{hashlib.blake2b(folded, digest_size=8).hexdigest()}"


def tokens_of(dream: DreamRecord) -> str:
    """Return what a dream is found by, between spaces and with a space at either end."""
    name = re.split(r"[/\\]", dream.source)[-1]
    text = " ".join((name, dream.preset, dream.class_name, dream.notes, *dream.tags))
    named = (("class", dream.class_name), ("preset", dream.preset), ("model", dream.model))
    keys = [key_of(kind, value) for kind, value in named]
    keys += [key_of("tag", tag) for tag in dream.tags]
    keys += [key_of("stars", str(stars)) for stars in range(1, dream.stars + 1)]
    return f" {' '.join([*sorted(set(words_of(text))), *keys])} "


def statement(wanted: Wanted, match: str, numbers: tuple[int, int] | None) -> Statement:
    """Return the query that finds the numbers of dreams, newest first, and its values.

    Parameters
    ----------
    wanted : Wanted
        What is searched for.
    match : str
        The same in the language of FTS5, see `match_of`; nothing if there is no index, and the
        tokens of every dream have to be read.
    numbers : tuple of int or None
        The lowest and the highest number that can be of the time that is asked for, see `span_of`.
    """
    values: list[str | int] = []
    conditions: list[str] = []
    table, number = "dreams", "dreams.id"
    if match:
        table, number = "found", "found.rowid"
        conditions.append("found MATCH ?")
        values.append(match)
    elif wanted.words or wanted.keys:
        table, number = "texts", "texts.id"
        # Not LIKE: its patterns have a longest.
        conditions += ["instr(tokens, ?) > 0"] * (len(wanted.keys) + len(wanted.words))
        values += [f" {key} " for key in wanted.keys] + [f" {word}" for word in wanted.words]
    if numbers is not None:
        if table != "dreams":
            # CROSS JOIN keeps the order of the tables, and with it that of the numbers.
            table += f" CROSS JOIN dreams ON dreams.id = {number}"
        among, times = _within(wanted)
        conditions += [f"{number} BETWEEN ? AND ?", among]
        values += [*numbers, *times]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {number} FROM {table}{where} ORDER BY {number} DESC", values


def span_of(wanted: Wanted) -> Statement:
    """Return the query for the lowest and the highest number of a dream in the time asked for.

    Dreams are added as they end: a range of time is, nearly, one of numbers, which the index of
    tokens can be entered at.
    """
    among, values = _within(wanted)
    # Without the hint SQLite may go through the dreams by number until one is of that time.
    query = f"SELECT min(id), max(id) FROM dreams INDEXED BY dreams_by_end WHERE {among}"
    return query, values


def match_of(wanted: Wanted, words_like: Callable[[str], Sequence[str]]) -> str:
    """Return what is searched for in the language of FTS5; every token is quoted.

    Parameters
    ----------
    wanted : Wanted
        What is searched for.
    words_like : callable
        Returns the words that begin so, one more than :data:`MOST_LIKE` if there are more.
    """
    terms = [f'"{key}"' for key in wanted.keys]
    for word in wanted.words:
        # FTS5 puts the dreams of all words that begin so into one list before it shows the first,
        # unless it keeps that list. Words that are named it walks through side by side.
        like = words_like(word) if len(word) > LONGEST_PREFIX else ()
        if 0 < len(like) <= MOST_LIKE:
            quoted = " OR ".join(f'"{one}"' for one in like)
            terms.append(f"({quoted})")
        else:
            terms.append(f'"{word}"*')
    return " AND ".join(terms)


def _within(wanted: Wanted) -> tuple[str, list[str | int]]:
    signs = [sign for sign, end in ((">=", wanted.since), ("<", wanted.until)) if end]
    among = " AND ".join(f"dreams.ended {sign} ?" for sign in signs)
    return among, [end for end in (wanted.since, wanted.until) if end]
