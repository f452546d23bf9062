"""REAPER's Python: ``reaper_python`` with every function of the table, and ``RPR_defer``.

What is not as REAPER has it is an error: a name, a number of arguments, a kind of argument.
"""

from __future__ import annotations

import builtins
import re
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .api import MAIN_ONLY, TABLE, Function
from .reaper import TYPES, Reaper

SHAPE = re.compile(r"\(([\w ]+\*{0,2})\)0x([0-9A-F]{16})")


class PythonHost:
    """Runs Python scripts in a REAPER, in this interpreter, which is never new.

    Attributes
    ----------
    took_s, ticks_s : list of float
        How long each script, and each tick, has held REAPER up.
    """

    language = "python"

    def __init__(self, reaper: Reaper) -> None:
        self.reaper = reaper
        self.took_s: list[float] = []
        self.ticks_s: list[float] = []
        self._waiting: list[tuple[dict[str, Any], str]] = []
        self.module = types.ModuleType("reaper_python")
        for name, function in TABLE.items():
            if name not in MAIN_ONLY and name not in reaper.version.lacks:
                setattr(self.module, f"RPR_{name}", self._function(function))

    def run(self, script: Path) -> None:
        """Run a script as REAPER does: without ``__file__``, its folder in front of the path."""
        self.reaper.look_again()
        main: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        main["RPR_defer"] = lambda code: self._defer(main, code)
        code = compile(script.read_text("utf-8"), str(script), "exec")
        before, sys.path[:] = list(sys.path), [str(script.parent), *sys.path]
        sys.modules["reaper_python"] = self.module
        began_s = time.perf_counter()
        try:
            exec(code, main)
        finally:
            self.took_s.append(time.perf_counter() - began_s)
            sys.path[:] = before

    def forget(self) -> None:
        """Close REAPER on the scripts that wait."""
        self._waiting.clear()

    def _defer(self, main: dict[str, Any], code: str) -> None:
        if not isinstance(code, str):
            raise TypeError("RPR_defer takes a text")
        self._waiting.append((main, code))

    @property
    def is_waiting(self) -> bool:
        """Whether a script wants to be called again."""
        return bool(self._waiting)

    def tick(self) -> None:
        """Let each script that wants to be called run once."""
        self.reaper.look_again()
        waiting, self._waiting = self._waiting, []
        for main, code in waiting:
            began_s = time.perf_counter()
            exec(compile(code, "<defer>", "exec"), main)
            self.ticks_s.append(time.perf_counter() - began_s)

    def run_until(self, is_so: Callable[[], object] | None = None, seconds: float = 60.0) -> None:
        """Tick until something is so, or nobody wants to be called any more."""
        end_s = time.monotonic() + seconds
        while self._waiting if is_so is None else not is_so():
            assert time.monotonic() < end_s, "it takes too long"
            self.tick()
            time.sleep(0.005)

    # -- the way of Python ----------------------------------------------------------------------

    def _function(self, function: Function) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            if len(given) != len(function.arguments):
                raise TypeError(
                    f"RPR_{function.name} takes {len(function.arguments)} arguments, "
                    f"not {len(given)}"
                )
            passed = []
            for argument, value in zip(function.arguments, given, strict=True):
                if not argument.is_size:
                    passed.append(self._from_python(function, argument, value))
            if self._lacks(function, passed):
                return self._shape(function, given, nothing(function))
            return self._shape(function, given, self.reaper.call(function.name, passed))

        return call

    def _lacks(self, function: Function, passed: list[Any]) -> bool:
        """Whether a pointer that is needed is NULL: REAPER does nothing then."""
        kept = [one for one in function.arguments if not one.is_size]
        free = ("void", "**")
        needed = [
            at
            for at, one in enumerate(kept)
            if one.pointer and not any(word in one.pointer for word in free)
        ]
        return any(passed[at] is None for at in needed)

    def _from_python(self, function: Function, argument: Any, value: Any) -> Any:
        def wrong() -> TypeError:
            return TypeError(f"RPR_{function.name}: {argument.name} cannot be {value!r}")

        kind = argument.kind
        if argument.pointer:
            if argument.pointer == "ReaProject*" and value == 0 and not isinstance(value, str):
                return self.reaper.active
            found = SHAPE.fullmatch(value) if isinstance(value, str) else None
            if found is None:
                raise wrong()
            if argument.pointer == "void*":
                return int(found[2], 16)
            same = found[1] == argument.pointer
            return self.reaper.at(int(found[2], 16), argument.pointer) if same else None
        fits: dict[str, tuple[type, ...]] = {
            "str_const": (str,), "str_buffer": (str,), "int": (int,), "float": (int, float),
            "bool": (int, bool), "out_int": (int, bool), "out_float": (int, float),
            "out_bool": (int, bool),
        }  # fmt: skip
        if kind not in fits:
            raise NotImplementedError(f"RPR_{function.name}: {kind}")
        if not isinstance(value, fits[kind]):
            raise wrong()
        return bool(value) if kind == "bool" else value

    def _shape(self, function: Function, given: tuple[Any, ...], found: Any) -> Any:
        if function.layout is None:
            if function.returns == "none":
                return None
            if found is None and function.returns == "str":
                raise AttributeError("'NoneType' object has no attribute 'decode'")
            return self._to_python(found, function.returns)
        values = list(found if isinstance(found, tuple) else (found,))
        returned: list[Any] = []
        if function.returns != "none":
            returned.append(self._to_python(values.pop(0), function.returns))
        for at, argument in enumerate(function.arguments):
            filled = argument.is_out and values
            value = values.pop(0) if filled else given[at]
            returned.append(int(value) if isinstance(value, bool) else value)
        return tuple(returned)

    def _to_python(self, value: Any, kind: str) -> Any:
        if kind.startswith("ptr:"):
            return f"({kind[4:]})0x{self.reaper.address(value):016X}"
        if isinstance(value, bool):
            return int(value)
        if kind.startswith("int") and isinstance(value, int | float | type(None)):
            return int(value or 0)
        return value


def nothing(function: Function) -> Any:
    """Return what a function returns that was given NULL."""
    empty = {"str": "", "float": 0.0}.get(function.returns, 0)
    if function.returns.startswith("ptr:"):
        empty = None
    if function.layout is None:
        return empty
    outs = ["" if one.kind == "str_buffer" else 0 for one in function.arguments if one.is_out]
    return tuple(outs if function.returns == "none" else [empty, *outs])


assert set(TYPES.values()) >= {"MediaItem*", "PCM_source*"}
