"""Draws the floors of the import contracts in ``pyproject.toml``: ``docs/images/architecture.svg``.

``python checks/architecture.py`` ends with 1 if the drawing no longer matches the contracts.
``python checks/architecture.py --write`` draws it again.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

TOP = Path(__file__).resolve().parent.parent
CONTRACTS = TOP / "pyproject.toml"
DRAWING = TOP / "docs" / "images" / "architecture.svg"

ENGINE, DESKTOP, REAPER = "dreamsound_studio", "dreamsound_desktop", "dreamsound_reaper"
TITLES = {ENGINE: "the engine", DESKTOP: "the desktop app", REAPER: "for REAPER"}

# All lengths are in pixels.
WIDTH, MARGIN, GAP = 880, 22, 24
ROOM_HEIGHT, FLOOR_STEP, HEAD, PAD, BETWEEN = 24, 29, 40, 14, 5
#: Width that a room needs: of a letter, of the space at both ends, of a dot beside the name.
LETTER, ENDS, DOT = 8, 24, 16
DESKTOP_WIDTH = 512
#: From the desktop's floors down to the engine: room for the one import that leads upward.
FOUNDATION = 42
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SANS = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, 'DejaVu Sans', Arial, sans-serif"
STYLE = f"""
 .sheet {{ fill: #f6f8fa; stroke: #d0d7de }}
 .house {{ fill: #ffffff; stroke: #afb8c1 }}
 .room {{ fill: #ddf4ff; stroke: #54aeff }}
 .wall {{ stroke: #54aeff; stroke-dasharray: 3 3 }}
 .way {{ stroke: #953800; stroke-width: 1.5; stroke-dasharray: 5 3; fill: none }}
 .tip {{ fill: #953800 }}
 .tensorflow {{ fill: #bc4c00 }}
 .qt {{ fill: #1a7f37 }}
 text {{ fill: #1f2328; font-family: {SANS}; font-size: 13px }}
 .name {{ font-family: {MONO}; text-anchor: middle }}
 .title {{ font-family: {MONO}; font-size: 14px; font-weight: 600 }}
 .strong {{ font-weight: 600 }}
 .dim {{ fill: #59636e }}
 .end {{ text-anchor: end }}
"""


@dataclass(frozen=True)
class Floor:
    """The rooms of one floor.

    Attributes
    ----------
    rooms : tuple of str
        Their names.
    is_open : bool
        Whether the rooms of this floor may import from each other.
    """

    rooms: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True)
class Architecture:
    """What the drawing shows of the contracts.

    Attributes
    ----------
    floors : dict
        Floors of each package, from the top down.
    beside : tuple of str
        Modules of the engine that stand beside its floors.
    upward : tuple of str
        Rooms of the engine that may import the bridge to REAPER.
    tensorflow, no_qt : frozenset of str
        Rooms that may import TensorFlow, and rooms of the desktop that must not import Qt; each
        with its package.
    """

    floors: Mapping[str, tuple[Floor, ...]]
    beside: tuple[str, ...]
    upward: tuple[str, ...]
    tensorflow: frozenset[str]
    no_qt: frozenset[str]


def read_architecture(path: Path = CONTRACTS) -> Architecture:
    """Return what the contracts of a ``pyproject.toml`` say.

    Raises
    ------
    ValueError
        A package has no floors.
    """
    contracts = tomllib.loads(path.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = {one["containers"][0]: one for one in contracts if one["type"] == "layers"}
    for package in TITLES:
        if package not in layers:
            raise ValueError(f"{path} has no layers contract for {package}: add one")
    into_reaper = _imports_allowed(contracts, ENGINE, REAPER)
    return Architecture(
        floors={name: tuple(map(_floor, layers[name]["layers"])) for name in TITLES},
        beside=tuple(layers[ENGINE].get("exhaustive_ignores", ())),
        upward=tuple(dict.fromkeys(source.split(".")[1] for source, _ in into_reaper)),
        tensorflow=frozenset(
            _room(one) for one, _ in _imports_allowed(contracts, "", "tensorflow")
        ),
        no_qt=frozenset(
            module
            for one in contracts
            if "PySide6" in one.get("forbidden_modules", ())
            for module in one["source_modules"]
            if module.startswith(f"{DESKTOP}.") and _room(module) == module
        ),
    )


def _floor(text: str) -> Floor:
    return Floor(tuple(text.replace(":", "|").replace(" ", "").split("|")), ":" in text)


def _room(module: str) -> str:
    """Return the package and the room of a module."""
    return ".".join(module.split(".")[:2])


def _imports_allowed(
    contracts: Sequence[Mapping[str, Any]], source: str, target: str
) -> Iterator[tuple[str, str]]:
    """Yield the exceptions of all contracts that lead from one package to another."""
    for contract in contracts:
        for line in contract.get("ignore_imports", ()):
            one, other = (end.strip() for end in line.split("->"))
            if one.startswith(source) and other.split(".")[0] == target:
                yield one, other


# ---------------------------------------------------------------- drawing


def draw(architecture: Architecture) -> str:
    """Return the drawing as SVG: the desktop and REAPER stand on the engine."""
    floors = architecture.floors
    heights = {name: HEAD + FLOOR_STEP * len(floors[name]) + PAD - BETWEEN for name in floors}
    upper = max(heights[DESKTOP], heights[REAPER])
    ground = MARGIN + upper  # where the two stand
    engine_top = ground + FOUNDATION
    legend_top = engine_top + heights[ENGINE] + 28
    height = legend_top + 24 + MARGIN
    inner = WIDTH - 2 * MARGIN
    reaper_left = MARGIN + DESKTOP_WIDTH + GAP
    reaper_width = inner - DESKTOP_WIDTH - GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img">',
        "<title>The floors of DreamSound Studio</title>",
        f"<desc>{escape(_description(architecture))}</desc>",
        f"<style>{STYLE}</style>",
        _box("sheet", 0.5, 0.5, WIDTH - 1, height - 1, 10),
    ]
    places = {
        DESKTOP: (MARGIN, ground - heights[DESKTOP], DESKTOP_WIDTH),
        REAPER: (reaper_left, ground - heights[REAPER], reaper_width),
        ENGINE: (MARGIN, engine_top, inner),
    }
    for name, (left, top, width) in places.items():
        lines += _house(architecture, name, left, top, width, heights[name])
    lines += _rule(reaper_left, MARGIN + 6)
    lines += _ways(architecture, ground, engine_top, reaper_left + reaper_width // 2)
    lines += _legend(legend_top)
    return "\n".join([*lines, "</svg>", ""])


def _description(architecture: Architecture) -> str:
    parts = []
    for name, floors in architecture.floors.items():
        rows = "; ".join(", ".join(floor.rooms) for floor in floors)
        parts.append(f"{name}, from the top down: {rows}.")
    return " ".join(parts)


def _house(
    architecture: Architecture, name: str, left: int, top: int, width: int, height: int
) -> Iterator[str]:
    yield _box("house", left, top, width, height, 8)
    title = TITLES[name]
    if name == ENGINE and architecture.beside:
        title += f"; beside its floors: {', '.join(architecture.beside)}"
    yield _text("title", left + PAD, top + 26, name)
    yield _text("dim end", left + width - PAD, top + 26, title)
    for number, floor in enumerate(architecture.floors[name]):
        y = top + HEAD + FLOOR_STEP * number
        yield from _floor_drawn(architecture, name, floor, left + PAD, y, width - 2 * PAD)


def _floor_drawn(
    architecture: Architecture, package: str, floor: Floor, left: int, top: int, width: int
) -> Iterator[str]:
    gap = 0 if floor.is_open else BETWEEN
    marked = architecture.tensorflow | architecture.no_qt
    needs = [
        LETTER * len(room) + ENDS + (DOT if f"{package}.{room}" in marked else 0)
        for room in floor.rooms
    ]
    walls = list(_walls(needs, width + gap))
    starts = [left + wall for wall in walls[:-1]]
    ends = [left + wall - gap for wall in walls[1:]]
    if floor.is_open:
        yield _box("room", left, top, width, ROOM_HEIGHT, 4)
        for x in starts[1:]:
            yield _wall(x, top, ROOM_HEIGHT)
    for room, start, end in zip(floor.rooms, starts, ends, strict=True):
        if not floor.is_open:
            yield _box("room", start, top, end - start, ROOM_HEIGHT, 4)
        yield _text("name", (start + end) // 2, top + 16, room)
        full = f"{package}.{room}"
        for rooms, mark in ((architecture.tensorflow, "tensorflow"), (architecture.no_qt, "qt")):
            if full in rooms:
                yield _dot(mark, end - 10, top + ROOM_HEIGHT // 2)


def _walls(needs: Sequence[int], width: int) -> Iterator[int]:
    """Yield where rooms begin, and the end of the last: equal rooms, if their names fit."""
    each = width / len(needs)
    widths = [each + (need - sum(needs) / len(needs) if max(needs) > each else 0) for need in needs]
    for number in range(len(needs) + 1):
        yield round(sum(widths[:number]))


def _rule(left: int, top: int) -> Iterator[str]:
    """Draw the rule of the house, above REAPER's floors."""
    yield _text("strong", left, top + 12, "Imports lead down, never up")
    rule = (
        "A room may import from all rooms below it.",
        "The app and the bridge stand side by side",
        "on the engine; neither imports the other.",
    )
    for number, text in enumerate(rule):
        yield _text("dim", left, top + 34 + 19 * number, text)


def _ways(architecture: Architecture, ground: int, engine_top: int, x: int) -> Iterator[str]:
    """Draw the one import that leads upward."""
    if architecture.upward:
        yield f'<path class="way" d="M{x} {engine_top} V{ground + 9}"/>'
        tip = f"M{x - 5} {ground + 11} L{x} {ground + 2} L{x + 5} {ground + 11} Z"
        yield f'<path class="tip" d="{tip}"/>'
        text = f"the one way up: {', '.join(architecture.upward)} runs and installs the bridge"
        yield _text("dim end", x - 14, ground + FOUNDATION // 2 + 5, text)


def _legend(top: int) -> Iterator[str]:
    second = MARGIN + 430
    yield _box("room", MARGIN, top - 12, 30, 16, 3)
    yield _box("room", MARGIN + 34, top - 12, 30, 16, 3)
    yield _text("dim", MARGIN + 76, top + 1, "do not import each other")
    yield _dot("tensorflow", MARGIN + 32, top + 19)
    yield _text("dim", MARGIN + 76, top + 24, "may import TensorFlow")
    yield _box("room", second, top - 12, 64, 16, 3)
    yield _wall(second + 32, top - 12, 16)
    yield _text("dim", second + 76, top + 1, "may import each other, in no circle")
    yield _dot("qt", second + 32, top + 19)
    yield _text("dim", second + 76, top + 24, "part of the app without Qt")


def _box(kind: str, x: float, y: float, width: float, height: float, radius: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"/>'


def _wall(x: int, top: int, height: int) -> str:
    return f'<line class="wall" x1="{x}" y1="{top}" x2="{x}" y2="{top + height}"/>'


def _text(kind: str, x: int, y: int, text: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'


def _dot(kind: str, x: int, y: int) -> str:
    return f'<circle class="{kind}" cx="{x}" cy="{y}" r="4"/>'


# ---------------------------------------------------------------- the command


def main(arguments: list[str]) -> int:
    """Compare the drawing with the contracts, or draw it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="draw it again")
    parser.add_argument("--contracts", type=Path, default=CONTRACTS, help="the pyproject.toml")
    parser.add_argument("--drawing", type=Path, default=DRAWING, help="the SVG file")
    given = parser.parse_args(arguments)
    drawn = draw(read_architecture(given.contracts))
    if given.write:
        given.drawing.write_text(drawn, encoding="utf-8", newline="\n")
    elif not given.drawing.is_file() or given.drawing.read_text(encoding="utf-8") != drawn:
        print(
            f"architecture: {given.drawing.name} does not match the contracts in"
            f" {given.contracts.name}: run python checks/architecture.py --write"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
