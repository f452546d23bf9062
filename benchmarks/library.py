"""Measures searches in a library of 100 000 dreams; the goal is 20 ms each.

``python3 benchmarks/library.py [--count N] [--keep FILE] [--plans]``
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from dreamsound_studio.library.library import Library
from dreamsound_studio.library.records import DreamRecord, RenderRecord
from dreamsound_studio.library.rows import COLUMNS
from dreamsound_studio.library.search import KEY_MARK, tokens_of
from dreamsound_studio.recipe.recipe import Recipe

GOAL_MS = 20.0
COUNT = 100_000
ROUNDS = 21
FIRST = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
SECONDS_APART = 600

#: 200 classes with names as long as AudioSet's.
CLASSES = ["Whistling", "Bird vocalization, bird call, bird song", "Cat", "Drum kit"]
CLASSES += [f"Class {number} of many, such as it is" for number in range(196)]
PRESETS = ["Turn to bells", "Turn to birds", "Bones", "Under the skin", ""]
NOUNS = "rain wind door train piano voice glass water stone engine whistle whistles bird birds"
TAGS = ["soft", "harsh", "keep", "trailer", "game"]

#: The searches: "all" is in every dream, whistl* in a seventh of them, needle in one.
SEARCHES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("the newest 50", {}),
    ("the newest 50 after the first 90 000", {"offset": 90_000}),
    ("a word in every dream", {"text": "all"}),
    ("one letter", {"text": "a"}),
    ("the start of several words", {"text": "whistl"}),
    ("the start of a word in every dream", {"text": "every"}),
    ("the start of 100 000 words", {"text": "take0"}),
    ("a longer start of 10 000 words", {"text": "take00"}),
    ("one dream by one word", {"text": "needle"}),
    ("one dream by a word in every dream and a word in one", {"text": "all needle"}),
    ("nothing, by a word in every dream and a word in none", {"text": "all nowhere"}),
    ("five words in every dream", {"text": "all every wav dream made"}),
    ("a class", {"class_name": "cat"}),
    ("a class and a word in every dream", {"class_name": "Cat", "text": "all"}),
    ("a preset and a model", {"preset": "bones", "model": "yamnet"}),
    ("the model of every dream", {"model": "yamnet"}),
    ("a tag, four stars, a word in every dream",
     {"tag": "Keep", "stars_at_least": 4, "text": "all"}),
    ("a preset of one dream and a word in every dream", {"preset": "only once", "text": "all"}),
    ("the first month", {"until": "2024-01-31"}),
    ("a word in every dream, in the first month", {"until": "2024-01-31", "text": "all"}),
    ("a word in every dream, on one day in the middle",
     {"since": "2024-12-01", "until": "2024-12-01", "text": "all"}),
    ("a rare word since the first day", {"since": "2024-01-01", "text": "needle"}),
    ("everything since the first day", {"since": "2024-01-01"}),
    ("nothing since tomorrow", {"since": "2999-01-01", "text": "all"}),
)  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--keep", type=Path, help="build the library in this file, or use this one")
    parser.add_argument("--plans", action="store_true", help="show SQLite's query plans")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.keep or Path(folder) / "library.sqlite"
        if not path.exists():
            start = time.perf_counter()
            build(path, given.count)
            print(f"built in {time.perf_counter() - start:.1f} s", end=", ")
        print(f"{path.stat().st_size / 2**20:.0f} MB, SQLite {sqlite3.sqlite_version}\n")
        with Library(path) as library:
            measure(library, given.plans)
            changes(library)
        without_fts5(path)


def build(path: Path, count: int) -> None:
    """Make a library in bulk, like `Library.add`, in one transaction with the index last."""
    Library(path).close()
    connection = sqlite3.connect(path)
    names = [*COLUMNS, "id"]
    insert = f"INSERT INTO dreams ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    with connection:
        connection.execute("PRAGMA synchronous = OFF")
        for dream in dreams(count):
            nested = [json.dumps(dream.scores), json.dumps(dream.recipe)]
            values = [getattr(dream, name) for name in COLUMNS]
            connection.execute(insert, [*values, dream.id])
            connection.execute("INSERT INTO details VALUES (?, ?, ?)", (dream.id, *nested))
            for tag in dream.tags:
                connection.execute("INSERT INTO tags VALUES (?, ?)", (dream.id, tag))
            for render in dream.renders:
                connection.execute(
                    "INSERT INTO renders VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                    (dream.id, *vars(render).values()),
                )
            tokens = tokens_of(dream)
            connection.execute("INSERT INTO texts VALUES (?, ?)", (dream.id, tokens))
            words = [(token,) for token in tokens.split() if not token.startswith(KEY_MARK)]
            connection.executemany("INSERT OR IGNORE INTO words VALUES (?)", words)
        connection.execute("UPDATE text_index SET behind = 1")
    connection.close()
    Library(path).close()


def dreams(count: int) -> Iterator[DreamRecord]:
    """Yield the dreams of a busy user."""
    chance = random.Random(4)
    recipe = Recipe.make(class_="Cat").as_dict()
    nouns = NOUNS.split()
    for number in range(1, count + 1):
        ended = FIRST + dt.timedelta(seconds=SECONDS_APART * number)
        stem = f"{chance.choice(nouns)}_every_take{number:06d}"
        digest = f"{number:064x}"
        once = number == count // 7
        yield DreamRecord(
            source=f"/home/somebody/sounds/{stem}.wav",
            source_sha256=digest,
            start=0,
            length=48_000 * 10,
            sample_rate_hz=48_000,
            channels=2,
            recipe=recipe,
            model="yamnet",
            weights_sha256="0" * 64,
            engine_version="0.1.0",
            class_name=chance.choice(CLASSES),
            score_before=chance.random(),
            score_after=chance.random(),
            scores=dict.fromkeys(CLASSES[:5], (0.1, 0.9)),
            preset="Only once" if once else chance.choice(PRESETS),
            seconds_taken=12.0,
            notes="A needle in the haystack of all" if once else "Made for all, a dream",
            tags=tuple(sorted(chance.sample(TAGS, chance.randrange(3)))),
            stars=chance.randrange(6),
            ended=ended.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            renders=tuple(
                RenderRecord(name, f"/home/somebody/out/{stem}_{name}.wav", digest, 1, 1)
                for name in ("dream", "gradient", "hardcut")
            ),
            id=number,
        )


def measure(library: Library, plans: bool) -> None:
    """Print how long each search takes."""
    slowest = 0.0
    print("| search | found | median ms | slowest ms |")
    print("|---|---|---|---|")
    for name, asked in SEARCHES:
        times, found = timed(lambda asked=asked: library.search(**asked))
        slowest = max(slowest, statistics.median(times))
        print(f"| {name} | {len(found)} | {statistics.median(times):.2f} | {max(times):.2f} |")
        if plans:
            print("".join(f"    {line}\n" for line in explained(library, asked)), end="")
    print(f"\nslowest median: {slowest:.2f} ms, goal: {GOAL_MS:g} ms\n")


def changes(library: Library) -> None:
    """Print how long changes take."""
    dream = library.get(1)
    for name, change in (
        ("add", lambda: library.add(dream)),
        ("star", lambda: library.star(1, 3)),
        ("tag", lambda: library.tag(1, ["keep"])),
    ):
        print(f"{name}: {statistics.median(timed(change)[0]):.2f} ms")
    start = time.perf_counter()
    Library(library.path).close()
    print(f"opened and closed: {1e3 * (time.perf_counter() - start):.2f} ms")


def without_fts5(path: Path) -> None:
    """Print how long searches take when SQLite lacks FTS5."""
    with mock.patch("dreamsound_studio.library.schema.has_full_text", return_value=False):
        library = Library(path)
    with library:
        for asked in ({"text": "all"}, {"text": "needle"}, {"text": "nowhere"}):
            times, _ = timed(lambda asked=asked: library.search(**asked), 5)
            print(f"without FTS5, {asked['text']}: {statistics.median(times):.2f} ms")


def timed(work: Callable[[], Any], rounds: int = ROUNDS) -> tuple[list[float], Any]:
    """Return the milliseconds of each round, and the result of the last."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        result = work()
        times.append(1e3 * (time.perf_counter() - start))
    return times, result


def explained(library: Library, asked: dict[str, Any]) -> list[str]:
    """Return SQLite's query plan of a search, as lines."""
    connection, seen = sqlite3.connect(library.path), []
    with mock.patch.object(library, "_connection", mock.Mock(wraps=library._connection)) as spy:
        library.search(**asked)
    for call in spy.execute.call_args_list:
        if " ORDER BY " in call.args[0] and "LIMIT" in call.args[0]:
            seen += connection.execute(f"EXPLAIN QUERY PLAN {call.args[0]}", call.args[1])
    connection.close()
    return [row[3] for row in seen]


if __name__ == "__main__":
    main()
