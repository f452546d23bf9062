"""The functions of ReaScript as facts: their arguments, what C returns, the tuple in Python."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FACTS = Path(__file__).resolve().parent / "api_facts.json"
#: In __main__ of a script, not in the module.
MAIN_ONLY = ("defer", "runloop", "atexit")


@dataclass(frozen=True)
class Argument:
    """An argument; its kind is ``ptr:T*``, ``str_const``, ``str_buffer``, ``int``, ..."""

    name: str
    kind: str

    @cached_property
    def is_out(self) -> bool:
        """Whether REAPER fills it."""
        return self.kind.startswith("out_") or self.kind == "str_buffer"

    @cached_property
    def pointer(self) -> str:
        """What it points to, such as ``MediaItem*``; empty for anything but a pointer."""
        return self.kind.removeprefix("ptr:") if self.kind.startswith("ptr:") else ""

    @cached_property
    def is_size(self) -> bool:
        """Whether it is the size of the buffer before it."""
        return self.name.endswith("_sz")

    @cached_property
    def in_lua(self) -> str:
        """How Lua passes it: ``in``, ``out`` (returned), ``both``, ``optional`` or ``none``."""
        if self.is_size:
            return "none"
        if "InOptional" in self.name:
            return "optional"
        if not self.is_out:
            return "in"
        # startOut and endOut of GetSet_LoopTimeRange are set as well as got.
        goes_in = (
            "Out" not in self.name or "InOut" in self.name or self.name in ("startOut", "endOut")
        )
        return "both" if goes_in else "out"


@dataclass(frozen=True)
class Function:
    """A function of the API, without ``RPR_``."""

    name: str
    arguments: tuple[Argument, ...]
    returns: str
    layout: tuple[str, ...] | None

    @cached_property
    def outs(self) -> tuple[int, ...]:
        """Places of the arguments that REAPER fills."""
        return tuple(at for at, argument in enumerate(self.arguments) if argument.is_out)

    @cached_property
    def needed(self) -> tuple[int, ...]:
        """Places of the pointers without which nothing happens."""
        free = ("ReaProject*", "void*", "HWND")
        return tuple(
            at
            for at, argument in enumerate(self.arguments)
            if argument.pointer and argument.pointer not in free
        )

    def size_after(self, at: int) -> int | None:
        """Place of the size of the buffer at `at`, if it has one."""
        following = self.arguments[at + 1 : at + 2]
        return at + 1 if following and following[0].is_size else None


def read_table(path: Path = FACTS) -> dict[str, Function]:
    """Read the table of all functions."""
    table = {}
    for name, fact in json.loads(path.read_text(encoding="utf-8")).items():
        arguments = tuple(Argument(*text.split(":", 1)) for text in fact["args"])
        layout = tuple(fact["layout"]) if isinstance(fact["layout"], list) else None
        table[name] = Function(name, arguments, fact["returns"], layout)
    return table


TABLE = read_table()
