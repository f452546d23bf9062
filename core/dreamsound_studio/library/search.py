"""Search: words and keys in one index, read from the newest dream on.

Full-text search over 100 000 dreams is fast as long as no result is sorted and no dream is read
only to be dropped. So dreams are tokenised here, not by SQLite: into their words, folded, and for
each exact attribute (class, preset, model, tag, stars) a key, a token that no word can equal. A
search is then a list of tokens that must all match; the index is walked by descending number, up
to the limit.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dreamsound_studio.library.records import DreamRecord, checked_stars, utc_text

#: Begins every key. Words contain only letters and digits, so no word begins with it.
KEY_MARK = "\N{MIDDLE DOT}"
#: Most words of a search text that count; FTS5 has a limit somewhere beyond.
MOST_WORDS = 32
#: FTS5 limits the length of a word, and nobody types more.
LONGEST_WORD = 100

#: The index has the dreams of all words with the same beginning, up to this length.
LONGEST_PREFIX = 3
#: Most words with a longer beginning that are searched one by one.
MOST_LIKE = 64

#: Letters and digits are separate words: the numbers in ``take000001`` would make 100 000 words.
_WORD = re.compile(r"[^\W\d_]+|\d+")

#: A query, and its values.
Statement = tuple[str, list[str | int]]

#: The tokenizer ``ascii`` splits at spaces: folded text has only letters and digits, or characters
#: beyond ASCII. Position and column of a word are never needed.
CREATE_INDEX = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS found USING fts5(tokens, content='texts', "
    "content_rowid='id', tokenize='ascii', detail=none, columnsize=0, prefix='1 2 3')"
)


@dataclass(frozen=True)
class Wanted:
    """A search.

    Attributes
    ----------
    words : tuple of str
        Beginnings of words, folded.
    keys : tuple of str
        The keys.
    since, until : str
        In UTC: at or after the first, before the second. Empty for no limit.
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
        """Make a search from the user's input; see `Library.search`."""
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
    """Return the words of a text: lower case without accents, and digits.

    Examples
    --------
    >>> words_of("Été_01 (Straße).wav")
    ['ete', '01', 'strasse', 'wav']
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(letter for letter in text if not unicodedata.combining(letter))
    return [word[:LONGEST_WORD] for word in _WORD.findall(plain)]


def key_of(kind: str, value: str) -> str:
    """Return the key of a class, preset, model, tag or number of stars, in any case.

    It is a hash: keys contain no spaces, and names that differ only in punctuation must differ.
    """
    folded = " ".join(value.split()).casefold().encode("utf-8", "surrogatepass")
    return f"{KEY_MARK}{kind[0]}{hashlib.blake2b(folded, digest_size=8).hexdigest()}"


def tokens_of(dream: DreamRecord) -> str:
    """Return a dream's search tokens, separated and enclosed by spaces."""
    name = re.split(r"[/\\]", dream.source)[-1]
    text = " ".join((name, dream.preset, dream.class_name, dream.notes, *dream.tags))
    named = (("class", dream.class_name), ("preset", dream.preset), ("model", dream.model))
    keys = [key_of(kind, value) for kind, value in named]
    keys += [key_of("tag", tag) for tag in dream.tags]
    keys += [key_of("stars", str(stars)) for stars in range(1, dream.stars + 1)]
    return f" {' '.join([*sorted(set(words_of(text))), *keys])} "


def statement(wanted: Wanted, match: str, numbers: tuple[int, int] | None) -> Statement:
    """Return the query that finds dreams, newest first, and its values.

    Parameters
    ----------
    wanted : Wanted
        The search.
    match : str
        The search in FTS5 syntax, see `match_of`; empty if there is no index, so that the tokens of
        every dream must be read.
    numbers : tuple of int or None
        The lowest and highest number possible in the requested time, see `span_of`.
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
        # Not LIKE: its patterns have a maximum length.
        conditions += ["instr(tokens, ?) > 0"] * (len(wanted.keys) + len(wanted.words))
        values += [f" {key} " for key in wanted.keys] + [f" {word}" for word in wanted.words]
    if numbers is not None:
        if table != "dreams":
            # CROSS JOIN keeps the order of the tables, and with it the order of the numbers.
            table += f" CROSS JOIN dreams ON dreams.id = {number}"
        among, times = _within(wanted)
        conditions += [f"{number} BETWEEN ? AND ?", among]
        values += [*numbers, *times]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {number} FROM {table}{where} ORDER BY {number} DESC", values


def span_of(wanted: Wanted) -> Statement:
    """Return the query for the lowest and highest number of a dream in the requested time.

    Dreams are added as they end, so a range of time is nearly a range of numbers, where the token
    index can be entered.
    """
    among, values = _within(wanted)
    # Without the hint, SQLite may walk the dreams by number until one matches the time.
    query = f"SELECT min(id), max(id) FROM dreams INDEXED BY dreams_by_end WHERE {among}"
    return query, values


def match_of(wanted: Wanted, words_like: Callable[[str], Sequence[str]]) -> str:
    """Return the search in FTS5 syntax; every token is quoted.

    Parameters
    ----------
    wanted : Wanted
        The search.
    words_like : callable
        Returns the words with a beginning, one more than :data:`MOST_LIKE` if there are more.
    """
    terms = [f'"{key}"' for key in wanted.keys]
    for word in wanted.words:
        # FTS5 lists the dreams of all words with a prefix before it returns the first, unless it
        # keeps that list. Words given in full are walked side by side.
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
