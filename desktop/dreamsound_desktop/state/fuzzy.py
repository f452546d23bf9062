"""Fuzzy search: finds names by a few of their letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def score(wanted: str, name: str) -> float | None:
    """Return how well a name matches, higher is better; None for no match.

    All letters must occur in order. Word starts and consecutive letters score highest.
    """
    needle, hay = wanted.casefold().replace(" ", ""), name.casefold()
    if not needle:
        return 0.0
    whole = wanted.casefold().strip()
    if hay == whole:
        return 1000.0
    found = hay.find(whole)
    if found >= 0:
        begins = found == 0 or not hay[found - 1].isalnum()
        return (500.0 if begins else 300.0) - found - len(hay) / 10
    points, place = 0.0, -1
    for letter in needle:
        after = hay.find(letter, place + 1)
        if after < 0:
            return None
        if after == place + 1:
            points += 3
        elif after == 0 or not hay[after - 1].isalnum():
            points += 4
        else:
            points -= min(after - place, 8) / 4
        place = after
    return points - len(hay) / 20 if points > 0 else None


def best(
    wanted: str, names: Iterable[str], heard: Mapping[str, float] | None = None, most: int = 100
) -> list[str]:
    """Return the matching names, best first.

    Parameters
    ----------
    wanted : str
        The typed text; an empty text matches all.
    names : iterable of str
        All candidates.
    heard : mapping, optional
        Score of each name in the sound, 0..1. Breaks ties between equal matches; with an empty
        text, names with a score come first.
    most : int, optional
        Maximum number of results.
    """
    heard = heard or {}
    found = []
    for place, name in enumerate(names):
        points = score(wanted, name)
        if points is not None:
            found.append((-points - 100 * heard.get(name, 0.0), place, name))
    return [name for _, _, name in sorted(found)[:most]]
