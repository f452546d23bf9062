"""Uninstalls the scripts: removes what was installed, keeps what the user changed or made."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dreamsound_reaper.install import files, keys, running
from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.homes import Home, home_in, is_action
from dreamsound_reaper.install.installer import KEYS_BACKUP, InstallReport, remove_empty_folders
from dreamsound_reaper.install.manifest import MANIFEST, Manifest, digest, read_manifest


def uninstall(resource: Path, is_open: bool | None = None) -> InstallReport:
    """Remove an installation from REAPER's folder.

    Parameters
    ----------
    resource : pathlib.Path
        REAPER's folder.
    is_open : bool, optional
        Whether REAPER is running; detected by default.

    Returns
    -------
    InstallReport

    Raises
    ------
    InstallError
        Nothing is installed, REAPER must be closed first, or a file cannot be removed; nothing
        was changed.
    """
    is_open = running.is_running() if is_open is None else is_open
    found = [home for home in (home_in(resource), Home(resource)) if read_manifest(home.folder)]
    if not found:
        raise InstallError(f"DreamSound is not installed in {resource}. Nothing to remove")
    report = InstallReport(resource)
    for home in dict.fromkeys(found):
        manifest = read_manifest(home.folder)
        if manifest is not None:
            _remove(home, manifest, is_open, report)
    report.lines.append(f"Removed DreamSound from {resource}")
    return report


def _remove(home: Home, manifest: Manifest, is_open: bool, report: InstallReport) -> None:
    changes: dict[Path, bytes | None] = {}
    for file, known in manifest.files.items():
        path = home.folder / file
        there = files.read(path)
        if there is not None and digest(there) == known:
            changes[path] = None
        elif there is not None:
            report.lines.append(f"Kept {path}, which has been modified")
    there = files.read(home.keys)
    data = there or b""
    left = keys.without_lines(data, manifest.lines, manifest.closed_at == digest(data))
    if left != data:
        if is_open:
            raise InstallError(
                "REAPER is open and would restore its action list. Close it, then try again"
            )
        changes[home.keys] = None if manifest.made_keys and not left else left
    changes[home.resource / KEYS_BACKUP] = None
    changes[home.folder / MANIFEST] = None
    files.change(changes)
    files.remove_left_overs(home.folder)
    remove_empty_folders(home.folder, manifest.files)
    for folder in (home.folder, *home.folder.parents):
        if folder == home.resource:
            break
        with suppress(OSError):
            folder.rmdir()
    actions = {home.path_in_scripts(file) for file in manifest.files if is_action(file)}
    loaded = len(actions & keys.registered(left))
    if loaded:
        report.lines.append(
            f"{loaded} actions loaded in REAPER itself remain in its action list. Select them "
            "there and press Delete"
        )
