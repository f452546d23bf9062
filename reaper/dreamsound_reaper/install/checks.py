"""The doctor's checks of REAPER's folder. They change nothing."""

from __future__ import annotations

import json
import os
import platform
import struct
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from dreamsound_reaper.install import files, keys
from dreamsound_reaper.install.bridge import BRIDGE
from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.favourites import ENDINGS
from dreamsound_reaper.install.homes import Home, home_in, is_action
from dreamsound_reaper.install.manifest import Manifest, digest, read_manifest
from dreamsound_reaper.install.places import REAPER_INI, resource_folder
from dreamsound_reaper.install.python_library import (
    binary_bits,
    programs_of_reaper,
    python_in_reaper,
    python_library,
    what_to_enter,
)
from dreamsound_studio import __version__

CheckState = Literal["ok", "warning", "fail"]
INSTALL: Final = "dreamsound reaper install"
#: An engine that has not reported its version by then counts as failed.
ENGINE_S: Final = 60.0
#: Variables set by REAPER's own Python; the scripts remove them before starting the engine.
NOT_OURS: Final = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD")


@dataclass(frozen=True)
class Check:
    """A check and its result.

    Attributes
    ----------
    name : str
        What was checked.
    state : {"ok", "warning", "fail"}
        A warning means that something works only in part.
    text : str
        The result, in one line.
    remedy : str
        What to do; empty if nothing.
    exit_code : int
        Exit code of the command if this check fails.
    """

    name: str
    state: CheckState
    text: str
    remedy: str = ""
    exit_code: int = 1


def check_reaper(given: Path | None) -> tuple[Check, Path | None]:
    """Find REAPER's folder."""
    try:
        folder = resource_folder(given)
    except InstallError as error:
        remedy = "install REAPER and start it once, or pass its folder with --resource-path"
        return Check("REAPER", "fail", str(error), remedy), None
    return Check("REAPER", "ok", str(folder)), folder


def check_scripts(home: Home) -> tuple[Check, Manifest | None]:
    """Check that the scripts are complete, unchanged and up to date."""
    try:
        manifest = read_manifest(home.folder)
    except InstallError as error:
        return Check("scripts", "fail", str(error), INSTALL), None
    if manifest is None:
        what = "not linked to the engine" if home.is_reapack else "not installed"
        return Check("scripts", "fail", f"{what} ({home.folder})", INSTALL), None
    found = {file: files.read(home.folder / file) for file in manifest.files}
    lost = [file for file, data in found.items() if data is None]
    if lost:
        return Check("scripts", "fail", f"{lost[0]} missing in {home.folder}", INSTALL), manifest
    if manifest.version != __version__:
        text = f"version mismatch: scripts {manifest.version}, engine {__version__}"
        return Check("scripts", "fail", text, INSTALL), manifest
    changed = [file for file, data in found.items() if digest(data or b"") != manifest.files[file]]
    if changed:
        remedy = f"{INSTALL} restores it and keeps yours as .bak"
        return Check("scripts", "warning", f"{changed[0]} has been modified", remedy), manifest
    language = "Lua" if manifest.language == "lua" else "Python"
    return Check("scripts", "ok", f"{manifest.version} ({language}) in {home.folder}"), manifest


def check_actions(home: Home, manifest: Manifest) -> Check:
    """Check that REAPER's action list contains the scripts."""
    actions = {home.path_in_scripts(file) for file in manifest.files if is_action(file)}
    missing = actions - keys.registered(files.read(home.keys) or b"")
    if not missing:
        what = "managed by ReaPack" if home.is_reapack else f"all {len(actions)} registered"
        return Check("actions", "ok", what)
    return Check(
        "actions",
        "warning",
        f"{len(missing)} of {len(actions)} not in REAPER's action list (an open REAPER saves "
        "its list when it closes)",
        f"close REAPER and run {INSTALL}; or choose Actions > Show action list > New action > Load "
        f"ReaScript..., and select DreamSound_*{ENDINGS[manifest.language]} in {home.folder}",
    )


def check_python(resource: Path, language: str) -> Check:
    """Check that REAPER can run the scripts' language."""
    if language == "lua":
        return Check("language", "ok", "Lua, which needs no set-up")
    python = python_in_reaper((files.read(resource / REAPER_INI) or b"").decode("utf-8", "replace"))
    remedy = f"{what_to_enter(python_library())}; or run {INSTALL} --lua, which needs no set-up"
    if not python.is_on:
        return Check("language", "fail", "Python is disabled in REAPER", remedy)
    if python.library is None:
        text = "Python is enabled in REAPER without a library path; REAPER searches for one"
        return Check("language", "warning", text, remedy)
    if python.library.is_absolute() and not python.library.exists():
        text = f"REAPER's Python library not found: {python.library}"
        return Check("language", "fail", text, remedy)
    bits, program = binary_bits(python.library), _bits_of_reaper(resource)
    if bits and program and bits != program:
        text = f"REAPER is a {program}-bit program, but its Python {python.library} is {bits}-bit"
        return Check("language", "fail", text, remedy)
    return Check("language", "ok", f"Python is enabled in REAPER: {python.library}")


def _bits_of_reaper(resource: Path) -> int:
    for program in programs_of_reaper(platform.system(), os.environ, resource):
        bits = binary_bits(program) if program.is_file() else None
        if bits:
            return bits
    return struct.calcsize("P") * 8


def read_bridge(home: Home) -> dict[str, Any]:
    """Return the contents of ``bridge.json``; empty if it cannot be read."""
    with suppress(OSError, ValueError):
        values = json.loads((home.folder / BRIDGE).read_text("utf-8"))
        if isinstance(values, dict):
            return values
    return {}


def check_engine(home: Home, run: Callable[[Sequence[str]], str] | None = None) -> Check:
    """Start the engine like the scripts do and ask for its version."""
    words = read_bridge(home).get("engine")
    if not isinstance(words, list) or not words:
        text = f"{home.folder / BRIDGE} has no engine command"
        return Check("engine", "fail", text, INSTALL)
    try:
        version = (run or reported_version)([str(word) for word in words])
    except (OSError, subprocess.SubprocessError) as error:
        return Check("engine", "fail", f"{words[0]} does not start: {error}", INSTALL)
    if version.split()[-1:] != [__version__]:
        text = f"{words[0]} is not DreamSound {__version__}: it reports {version or 'nothing'!r}"
        return Check("engine", "fail", text, INSTALL)
    return Check("engine", "ok", f"{version}, started by {words[0]}")


def reported_version(engine: Sequence[str]) -> str:
    """Return an engine's reported version, starting it like the scripts do."""
    environment = {name: text for name, text in os.environ.items() if name not in NOT_OURS}
    completed = subprocess.run(
        [*engine, "--version"],
        capture_output=True,
        text=True,
        timeout=ENGINE_S,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    lines = completed.stdout.strip().splitlines() or completed.stderr.strip().splitlines()
    return lines[-1] if lines else ""


def check_studio(home: Home) -> Check:
    """Check that the desktop app, which has the window, is installed."""
    if read_bridge(home).get("studio"):
        return Check("desktop app", "ok", "installed; Dream selected items opens its window")
    return Check(
        "desktop app",
        "warning",
        "not installed; a small dialog replaces its window",
        f'pip install "dreamsound-studio[desktop]", then {INSTALL}',
    )


def checks_in_reaper(given: Path | None) -> list[Check]:
    """Return the checks of REAPER's folder."""
    reaper, resource = check_reaper(given)
    if resource is None:
        return [reaper]
    home = home_in(resource)
    scripts, manifest = check_scripts(home)
    found = [reaper, scripts]
    if manifest is not None:
        found += [
            check_actions(home, manifest),
            check_python(resource, manifest.language),
            check_engine(home),
            check_studio(home),
        ]
    return found
