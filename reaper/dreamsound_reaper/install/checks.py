"""What the doctor looks at in REAPER's folder. Nothing is changed there."""

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
    bits_of,
    programs_of_reaper,
    python_in_reaper,
    python_library,
    what_to_enter,
)
from dreamsound_studio import __version__

State = Literal["ok", "warning", "fail"]
INSTALL: Final = "dreamsound reaper install"
#: An engine that has not told its version by then does not start.
ENGINE_S: Final = 60.0
#: What REAPER's own Python sets, and the scripts take out before they start the engine.
NOT_OURS: Final = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD")


@dataclass(frozen=True)
class Check:
    """What was looked at, and what was found.

    Attributes
    ----------
    name : str
        What was looked at.
    state : {"ok", "warning", "fail"}
        With a warning it works, though not all of it.
    text : str
        What was found, one line.
    remedy : str
        What to do; empty where nothing is to be done.
    exit_code : int
        What the command ends with if this fails.
    """

    name: str
    state: State
    text: str
    remedy: str = ""
    exit_code: int = 1


def check_reaper(given: Path | None) -> tuple[Check, Path | None]:
    """Look for REAPER's folder."""
    try:
        folder = resource_folder(given)
    except InstallError as error:
        remedy = "install REAPER, and start it once; or name its folder with --resource-path"
        return Check("REAPER", "fail", str(error), remedy), None
    return Check("REAPER", "ok", f"its folder is {folder}"), folder


def check_scripts(home: Home) -> tuple[Check, Manifest | None]:
    """Look whether the scripts are there, whole, and of this version."""
    try:
        manifest = read_manifest(home.folder)
    except InstallError as error:
        return Check("scripts", "fail", str(error), INSTALL), None
    if manifest is None:
        what = "ReaPack's scripts do not know the engine" if home.is_reapack else "not installed"
        return Check("scripts", "fail", f"{what} ({home.folder})", INSTALL), None
    found = {file: files.read(home.folder / file) for file in manifest.files}
    lost = [file for file, data in found.items() if data is None]
    if lost:
        return Check("scripts", "fail", f"{lost[0]} is missing in {home.folder}", INSTALL), manifest
    if manifest.version != __version__:
        text = f"of version {manifest.version}, and the engine of {__version__}"
        return Check("scripts", "fail", text, INSTALL), manifest
    changed = [file for file, data in found.items() if digest(data or b"") != manifest.files[file]]
    if changed:
        remedy = f"{INSTALL} writes it anew, and keeps yours as .bak"
        return Check("scripts", "warning", f"{changed[0]} was changed", remedy), manifest
    language = "Lua" if manifest.language == "lua" else "Python"
    return Check("scripts", "ok", f"{manifest.version}, in {language}, in {home.folder}"), manifest


def check_actions(home: Home, manifest: Manifest) -> Check:
    """Look whether REAPER's list of actions has the scripts."""
    actions = {home.path_in_scripts(file) for file in manifest.files if is_action(file)}
    missing = actions - keys.registered(files.read(home.keys) or b"")
    if not missing:
        what = "kept by ReaPack" if home.is_reapack else f"all {len(actions)} are in REAPER's list"
        return Check("actions", "ok", what)
    return Check(
        "actions",
        "warning",
        f"{len(missing)} of {len(actions)} are not in REAPER's list (one that is open writes it "
        "when it closes)",
        f"close REAPER and run {INSTALL}; or Actions > Show action list > New action > Load "
        f"ReaScript..., and select DreamSound_*{ENDINGS[manifest.language]} in {home.folder}",
    )


def check_python(resource: Path, language: str) -> Check:
    """Look whether REAPER can run the scripts' language."""
    if language == "lua":
        return Check("language", "ok", "the scripts are in Lua, which needs nothing")
    told = python_in_reaper((files.read(resource / REAPER_INI) or b"").decode("utf-8", "replace"))
    remedy = f"{what_to_enter(python_library())}; or {INSTALL} --lua, which needs none of it"
    if not told.is_on:
        return Check("language", "fail", "Python is off in REAPER", remedy)
    if told.library is None:
        text = "Python is on in REAPER; no library is named, so REAPER looks for one"
        return Check("language", "warning", text, remedy)
    if told.library.is_absolute() and not told.library.exists():
        return Check("language", "fail", f"REAPER's Python is not there: {told.library}", remedy)
    bits, program = bits_of(told.library), _bits_of_reaper(resource)
    if bits and program and bits != program:
        text = f"REAPER is for {program} bits, and its Python {told.library} for {bits}"
        return Check("language", "fail", text, remedy)
    return Check("language", "ok", f"Python is on in REAPER: {told.library}")


def _bits_of_reaper(resource: Path) -> int:
    for program in programs_of_reaper(platform.system(), os.environ, resource):
        bits = bits_of(program) if program.is_file() else None
        if bits:
            return bits
    return struct.calcsize("P") * 8


def read_bridge(home: Home) -> dict[str, Any]:
    """Return what the scripts are told; empty where it cannot be read."""
    with suppress(OSError, ValueError):
        told = json.loads((home.folder / BRIDGE).read_text("utf-8"))
        if isinstance(told, dict):
            return told
    return {}


def check_engine(home: Home, run: Callable[[Sequence[str]], str] | None = None) -> Check:
    """Start the engine as the scripts do, and ask for its version."""
    words = read_bridge(home).get("engine")
    if not isinstance(words, list) or not words:
        text = f"{home.folder / BRIDGE} does not tell how to start it"
        return Check("engine", "fail", text, INSTALL)
    try:
        told = (run or version_told_by)([str(word) for word in words])
    except (OSError, subprocess.SubprocessError) as error:
        return Check("engine", "fail", f"{words[0]} does not start: {error}", INSTALL)
    if told.split()[-1:] != [__version__]:
        text = f"{words[0]} is not DreamSound {__version__}, but says {told or 'nothing'!r}"
        return Check("engine", "fail", text, INSTALL)
    return Check("engine", "ok", f"{told}, started by {words[0]}")


def version_told_by(engine: Sequence[str]) -> str:
    """Return what an engine says of its version, started as the scripts start it."""
    environment = {name: text for name, text in os.environ.items() if name not in NOT_OURS}
    told = subprocess.run(
        [*engine, "--version"],
        capture_output=True,
        text=True,
        timeout=ENGINE_S,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    lines = told.stdout.strip().splitlines() or told.stderr.strip().splitlines()
    return lines[-1] if lines else ""


def check_studio(home: Home) -> Check:
    """Look whether the desktop app is there, which has the window."""
    if read_bridge(home).get("studio"):
        return Check("desktop app", "ok", "its window opens for Dream selected items")
    return Check(
        "desktop app",
        "warning",
        "not installed: a small dialog asks in its place",
        f'pip install "dreamsound-studio[desktop]", then {INSTALL}',
    )


def checks_in_reaper(given: Path | None) -> list[Check]:
    """Return what was found in REAPER's folder."""
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
