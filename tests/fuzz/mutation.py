"""Changes an input at random: its bytes, its tokens, and, where it is JSON, its values."""

from __future__ import annotations

import gzip
import json
import zlib
from random import Random
from typing import Any

#: What readers stumble over: limits, signs, separators, names, halves of characters.
NASTY = (
    *(b"\0", b"\xed\xa0\x80", b"\xff", b"\\ud800", b"\\u0000", b"../", b"/etc/passwd", b"~x/"),
    *(b"NaN", b"Infinity", b"-1", b"1e999", b"9" * 400, b"{", b"}", b"[", b"]", b'"', b"\\"),
    *(b"(", b")", b"*", b"+", b"-", b"guide:", b"\xe2\x80\xae", b"\r\n", b"{n}", b"{stem}"),
    *(b"null", b"true", b":", b"@", b"#", b" ", b",", b";", b"=", b"|", b"con", b"<", b">"),
    *(b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\xff" * 8, b"\x01\0\0\0", b"`"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2**31, 2**63, 2**70, 1e308, -1e308, 1e-320, float("nan")),
    *(float("inf"), "", "a", "\0", "\ud800", "9" * 5000, [], {}, [[]], [None], {"a": 1}),
    *("/etc/passwd", "../x", "~nobody/x", "auto", "all", [{"start": 0, "stop": 2**63}]),
)
#: Where an archive is packed, its content is changed, not only its wrapping.
GZIP = b"\x1f\x8b"


def mutated(data: bytes, random: Random, others: list[bytes]) -> bytes:
    """Return a changed input.

    Parameters
    ----------
    data : bytes
        The input.
    random : random.Random
        The source of chance.
    others : list of bytes
        Inputs to take parts from.
    """
    if data.startswith(GZIP) and random.random() < 0.9:
        try:
            content = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            pass  # a wrapping that was changed before
        else:
            return gzip.compress(mutated(content, random, others), 1)
    if data[:1] == b"{" and random.random() < 0.6:
        try:
            return json.dumps(_changed(json.loads(data), random)).encode()
        except (ValueError, RecursionError):
            pass
    content = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        _change(content, random, others)
    return bytes(content)


def _change(content: bytearray, random: Random, others: list[bytes]) -> None:
    at = random.randrange(len(content) + 1)
    kind = random.random()
    if kind < 0.3:
        content[at:at] = random.choice(NASTY) * random.choice((1, 1, 1, 50))
    elif kind < 0.5:
        nasty = random.choice(NASTY)
        content[at : at + len(nasty)] = nasty
    elif kind < 0.65:
        del content[at : at + random.randint(1, 30)]
    elif kind < 0.8 and at < len(content):
        content[at] = random.randrange(256)
    elif kind < 0.9:
        start = random.randrange(len(content) + 1)
        content[at:at] = content[start : start + random.randint(1, 60)]
    else:
        other = random.choice(others)
        start = random.randrange(len(other) + 1)
        content[at:at] = other[start : start + random.randint(1, 60)]


def _changed(document: Any, random: Random) -> Any:
    """Return plain values with one or a few of them changed, at any depth."""
    for _ in range(random.choice((1, 1, 2, 3))):
        node = document
        for _ in range(random.randint(0, 4)):
            inner = [one for one in _inner(node) if isinstance(one, dict | list) and one]
            if not inner:
                break
            node = random.choice(inner)
        if isinstance(node, dict) and node:
            name = random.choice(list(node))
            if random.random() < 0.2:
                del node[name]
            elif isinstance(node[name], str) and random.random() < 0.5:
                node[name] = _spoilt(node[name], random)
            else:
                node[random.choice((name, name, name, "schema_version"))] = random.choice(VALUES)
        elif isinstance(node, list):
            node.insert(random.randrange(len(node) + 1), random.choice(VALUES))
    return document


def _inner(node: Any) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []


def _spoilt(text: str, random: Random) -> str:
    content = bytearray(text.encode("utf-8", "surrogatepass"))
    _change(content, random, [b'"*+-:@#()'])
    return content.decode("utf-8", "surrogateescape")
