"""REAPER's Lua: a real interpreter whose table ``reaper`` is the imitation, over two pipes."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .api import TABLE, Function
from .model import new_guid
from .python_host import nothing
from .reaper import Reaper
from .versions import BUFFERED

HOST = Path(__file__).with_name("host.lua")


def lua_or_skip() -> str:
    """Return the program of Lua 5.4, or skip the test with a word."""
    found = shutil.which("lua5.4")
    if found is None:
        pytest.skip("lua5.4 is not on this machine (Debian: apt-get install lua5.4)")
    return found


class LuaHost:
    """Runs Lua scripts in a REAPER, each in an interpreter of its own.

    Attributes
    ----------
    errors : list of str
        What scripts ended with.
    """

    language = "lua"

    def __init__(self, reaper: Reaper) -> None:
        self.reaper = reaper
        self.errors: list[str] = []
        self._lua = lua_or_skip()
        self._alive: list[subprocess.Popen[bytes]] = []

    def run(self, script: Path) -> None:
        """Run a script until it returns to REAPER."""
        self.reaper.look_again()
        child = subprocess.Popen(
            [self._lua, str(HOST), str(script), ",".join(self.reaper.version.lacks)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._serve(child)

    @property
    def is_waiting(self) -> bool:
        """Whether a script wants to be called again."""
        return bool(self._alive)

    def tick(self) -> None:
        """Let each script that wants to be called run once."""
        self.reaper.look_again()
        alive, self._alive = self._alive, []
        for child in alive:
            self._answer(child, {"tick": True})
            self._serve(child)

    def run_until(self, is_so: Callable[[], object] | None = None, seconds: float = 60.0) -> None:
        """Tick until something is so, or nobody wants to be called any more."""
        end_s = time.monotonic() + seconds
        while self._alive if is_so is None else not is_so():
            assert time.monotonic() < end_s, "it takes too long"
            self.tick()
            time.sleep(0.005)

    def forget(self) -> None:
        """Close REAPER on the scripts that wait."""
        for child in self._alive:
            child.kill()
            child.wait()
        self._alive.clear()

    def _serve(self, child: subprocess.Popen[bytes]) -> None:
        """Answer calls until the script has returned."""
        while line := child.stdout.readline():
            asked = json.loads(line)
            if "returned" in asked:
                if asked["returned"]:
                    self._alive.append(child)
                else:
                    self._end(child)
                return
            try:
                answer = {"is": self._call(asked["call"], asked["with"], asked["count"])}
            except Exception as error:  # noqa: BLE001 - the script meets it
                answer = {"error": f"{type(error).__name__}: {error}"}
            self._answer(child, answer)
        self._end(child)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        child.stdin.close()
        errors = child.stderr.read().decode("utf-8", "replace")
        child.stdout.close()
        child.stderr.close()
        if child.wait(20) or errors:
            self.errors.append(errors or f"exit code {child.returncode}")

    def _answer(self, child: subprocess.Popen[bytes], answer: dict[str, Any]) -> None:
        child.stdin.write(json.dumps(answer).encode() + b"\n")
        child.stdin.flush()

    # -- the way of Lua -------------------------------------------------------------------------

    def _call(self, name: str, given: list[Any], count: int) -> list[Any]:
        function = TABLE.get(name)
        if function is None:
            raise LookupError(f"attempt to call a nil value (field '{name}')")
        if name == "genGuid":
            return [new_guid()]  # in Lua a GUID is a text, which need not be passed
        given = [*given, *[None] * (count - len(given))]
        takes = [one for one in function.arguments if one.in_lua in ("in", "both", "optional")]
        takes = [one for one in takes if "**" not in one.pointer]
        if name in BUFFERED:
            takes = [one for one in function.arguments if not one.is_size]
            if self.reaper.version.needs_buffers and len(given) < len(takes):
                raise TypeError(f"bad argument #{len(takes)} to '{name}' (string expected)")
        if len(given) > len(takes):
            raise TypeError(f"{name} takes {len(takes)} arguments, not {len(given)}")
        given += [None] * (len(takes) - len(given))
        numbers = dict(zip(map(id, takes), given, strict=True))
        passed, lacks = [], False
        for place, argument in enumerate(function.arguments):
            if argument.is_size:
                continue
            if "**" in argument.pointer:  # Lua returns it
                passed.append(None)
                continue
            value = numbers.get(id(argument))
            value = self._from_lua(function, argument, value, place)
            lacks |= bool(argument.pointer) and "void" not in argument.pointer and value is None
            passed.append(value)
        found = nothing(function) if lacks else self.reaper.call(name, passed)
        return self._to_lua(function, found)

    def _from_lua(self, function: Function, argument: Any, value: Any, place: int) -> Any:
        def wrong(expected: str) -> TypeError:
            return TypeError(
                f"bad argument #{place + 1} to '{function.name}' ({expected} expected)"
            )

        kind = argument.kind
        if argument.pointer:
            if argument.pointer == "ReaProject*" and value in (0, None):
                return self.reaper.active
            if value is None:
                raise wrong(argument.pointer.rstrip("*"))
            if not isinstance(value, dict):
                raise wrong(argument.pointer.rstrip("*"))
            if argument.pointer == "void*":
                return value["address"]
            if value["kind"] != argument.pointer:
                raise wrong(argument.pointer.rstrip("*"))
            return self.reaper.at(value["address"], argument.pointer)
        if argument.in_lua == "out" or (argument.in_lua == "optional" and value is None):
            return "" if kind == "str_buffer" else 0
        if kind in ("str_const", "str_buffer"):
            if not isinstance(value, str):
                raise wrong("string")
            return value
        if kind == "bool":
            if not isinstance(value, bool):
                raise wrong("boolean")
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong("number")
        if "int" in kind and value != int(value):
            raise wrong("number has no integer representation")
        return int(value) if "int" in kind else float(value)

    def _to_lua(self, function: Function, found: Any) -> list[Any]:
        values = list(found) if isinstance(found, tuple) else [found]
        kinds = [] if function.returns == "none" else [function.returns]
        kinds += [one.kind for one in function.arguments if one.is_out]
        if not kinds:
            return []
        return [self._value(value, kind) for value, kind in zip(values, kinds, strict=False)]

    def _value(self, value: Any, kind: str) -> Any:
        if kind.startswith("ptr:"):
            address = self.reaper.address(value)
            return {"kind": kind[4:], "address": address} if address else None
        if "bool" in kind:
            return bool(value)
        return float(value) if "float" in kind and value is not None else value
