"""Installs the scripts into REAPER's folder; running it again gives the same state."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dreamsound_reaper.install import bridge, files, keys, running
from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.favourites import (
    ENDINGS,
    TEMPLATE,
    favourite_script,
    file_name,
)
from dreamsound_reaper.install.homes import (
    LIBRARIES,
    Home,
    home_in,
    is_action,
    line_ending,
    shipped,
)
from dreamsound_reaper.install.manifest import MANIFEST, Manifest, digest, read_manifest
from dreamsound_studio import __version__

KEYS_BACKUP = "reaper-kb.ini.dreamsound-backup"


@dataclass
class InstallReport:
    """What an installation did.

    Attributes
    ----------
    folder : pathlib.Path
        Folder of the scripts.
    language : str
        ``lua`` or ``python``; empty after an uninstallation.
    lines : list of str
        Lines to print.
    """

    folder: Path
    language: str = ""
    lines: list[str] = field(default_factory=list)


def install(
    resource: Path,
    language: str | None = None,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    is_open: bool | None = None,
    scripts: Path | None = None,
) -> InstallReport:
    """Install the scripts, or update them to this version.

    Parameters
    ----------
    resource : pathlib.Path
        REAPER's folder.
    language : str, optional
        ``lua`` or ``python``; by default the installed one, initially Lua.
    add, remove : iterable of str
        Presets that gain or lose an action of their own.
    is_open : bool, optional
        Whether REAPER is running; detected by default.
    scripts : pathlib.Path, optional
        The scripts; by default those that ship with DreamSound.

    Returns
    -------
    InstallReport

    Raises
    ------
    InstallError
        The installation failed; nothing was changed.
    """
    is_open = running.is_running() if is_open is None else is_open
    home = home_in(resource)
    if home.is_reapack and read_manifest(Home(resource).folder) is not None:
        raise InstallError(
            "the scripts are installed twice, by ReaPack and by an earlier installation. Run "
            "dreamsound reaper uninstall, then install again"
        )
    before = read_manifest(home.folder)
    language = _language(home, language, before)
    after = Manifest(__version__, language, favourites=_favourites(before, language, add, remove))
    wanted = {} if home.is_reapack else shipped(language, scripts)
    template = _template(home, wanted, language) if after.favourites else ""
    for file, preset in after.favourites.items():
        wanted[file] = favourite_script(template, preset, language).encode("utf-8")
    wanted[bridge.BRIDGE] = bridge.as_bytes(bridge.bridge_settings(platform.system()))
    report = InstallReport(home.folder, language)
    writes = _writes(home, before, wanted, report)
    after.files = {file: digest(data) for file, data in wanted.items()}
    _register(home, before, after, is_open, writes, report)
    writes[home.folder / MANIFEST] = after.as_bytes()
    files.change(writes)
    files.remove_left_overs(home.folder)
    remove_empty_folders(home.folder, before.files if before else ())
    report.lines.insert(0, f"Installed DreamSound {__version__} in {home.folder}")
    if home.is_reapack:
        report.lines.insert(1, "ReaPack manages the scripts; they are now linked to the engine")
    return report


def _language(home: Home, asked: str | None, before: Manifest | None) -> str:
    if not home.is_reapack:
        return asked or (before.language if before else "lua")
    there = [name for name in LIBRARIES if home.has(name)]
    if asked is not None and asked not in there:
        raise InstallError(
            f"ReaPack provides the {there[0].capitalize()} scripts. Install the other package "
            "there, or remove it there first"
        )
    return asked or (before.language if before and before.language in there else there[0])


def _favourites(
    before: Manifest | None, language: str, add: Iterable[str], remove: Iterable[str]
) -> dict[str, str]:
    presets = list(before.favourites.values()) if before else []
    for preset in remove:
        match = [name for name in presets if name.casefold() == preset.casefold()]
        if not match:
            known = ", ".join(presets) or "none"
            raise InstallError(f"no action for preset {preset!r}. Existing: {known}")
        presets.remove(match[0])
    presets += [preset for preset in add if preset not in presets]
    return {file_name(preset, language): preset for preset in presets}


def _template(home: Home, wanted: dict[str, bytes], language: str) -> str:
    name = f"{TEMPLATE}{ENDINGS[language]}"
    data = wanted.get(name) or files.read(home.folder / name)
    if data is None:
        raise InstallError(f"{home.folder / name} not found. Reinstall the package")
    return data.decode("utf-8")


def _writes(
    home: Home, before: Manifest | None, wanted: dict[str, bytes], report: InstallReport
) -> dict[Path, bytes | None]:
    """Return the files to write; backs up files the user has modified."""
    known = before.files if before else {}
    writes: dict[Path, bytes | None] = {}
    for file in sorted({*known, *wanted}):
        path, data = home.folder / file, wanted.get(file)
        if path.is_dir():
            raise InstallError(f"{path} is a folder. Move it, then try again")
        there = files.read(path)
        if there is not None and there != data and digest(there) != known.get(file):
            kept = files.backup_name(path, there)
            writes[kept] = there
            report.lines.append(f"{file} had been modified; backed up as {kept.name}")
        writes[path] = data
    return writes


def _register(
    home: Home,
    before: Manifest | None,
    after: Manifest,
    is_open: bool,
    writes: dict[Path, bytes | None],
    report: InstallReport,
) -> None:
    """Register the scripts in ``reaper-kb.ini``, or explain how to do it in REAPER."""
    actions = [home.path_in_scripts(file) for file in after.files if is_action(file)]
    ours = before.lines if before else []
    there = files.read(home.keys)
    data = there or b""
    if is_open:
        after.lines = ours
        after.closed_at = before.closed_at if before else ""
        after.made_keys = before.made_keys if before else False
        report.lines += clicks(home, data, actions, after.language)
        wanted = set(map(keys.script_line, actions))
        if keys.without_lines(data, set(ours) - wanted) != data:
            report.lines.append(
                "REAPER is open, so removed actions stay in its list. Close REAPER and run "
                "dreamsound reaper install to remove them"
            )
        return
    old = [line for line in ours if line not in map(keys.script_line, actions)]
    added = keys.with_scripts(keys.without_lines(data, old), actions, line_ending())
    was_closed = before is not None and before.closed_at == digest(data)
    after.closed_at = digest(added.data) if was_closed or added.closed_a_line else ""
    after.made_keys = there is None or (before is not None and before.made_keys)
    after.lines = list(dict.fromkeys([*(line for line in ours if line not in old), *added.lines]))
    if added.data == data:
        return
    if data and not ours:
        writes[home.resource / KEYS_BACKUP] = data
    writes[home.keys] = added.data
    if added.lines:
        report.lines.append(
            f"Added {_actions(len(added.lines))} to REAPER's action list; search it for DreamSound"
        )


def clicks(home: Home, data: bytes, actions: list[str], language: str) -> list[str]:
    """Return the steps to take in an open REAPER; none if it knows all actions."""
    if set(actions) <= keys.registered(data):
        return []
    return [
        "REAPER is open, so its action list was not changed. In REAPER:",
        "  1. Actions > Show action list",
        "  2. New action > Load ReaScript...",
        f"  3. In {home.folder}, select all DreamSound_*{ENDINGS[language]} files and click Open",
        "(or close REAPER and run dreamsound reaper install again)",
    ]


def remove_empty_folders(folder: Path, listed: Iterable[str]) -> None:
    """Remove folders that contained only our files, and Python's caches of them."""
    places = {
        place for file in listed for place in (folder / file).parents if folder in place.parents
    }
    for place in sorted(places, key=lambda place: len(place.parts), reverse=True):
        for compiled in (place / "__pycache__").glob("*.pyc"):
            if not (place / f"{compiled.name.partition('.')[0]}.py").exists():
                compiled.unlink(missing_ok=True)
        for empty in (place / "__pycache__", place):
            try:
                empty.rmdir()
            except OSError:
                continue


def _actions(count: int) -> str:
    return "1 action" if count == 1 else f"{count} actions"
