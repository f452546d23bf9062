"""Undoing an installation: what was written goes, what the user changed or made stays."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dreamsound_reaper.install import files, keys, running
from dreamsound_reaper.install.errors import InstallError
from dreamsound_reaper.install.homes import Home, home_in, is_action
from dreamsound_reaper.install.installer import KEYS_BACKUP, Report, remove_empty_folders
from dreamsound_reaper.install.manifest import MANIFEST, Manifest, digest, read_manifest


def uninstall(resource: Path, is_open: bool | None = None) -> Report:
    """Remove what was installed into REAPER's folder.

    Parameters
    ----------
    resource : pathlib.Path
        REAPER's folder.
    is_open : bool, optional
        Whether REAPER runs; by default it is looked for.

    Returns
    -------
    Report

    Raises
    ------
    InstallError
        Nothing is installed, REAPER has to be closed first, or a file cannot be removed; all is as
        it was before.
    """
    is_open = running.is_running() if is_open is None else is_open
    found = [home for home in (home_in(resource), Home(resource)) if read_manifest(home.folder)]
    if not found:
        raise InstallError(f"DreamSound is not installed in {resource}: there is nothing to remove")
    report = Report(resource)
    for home in dict.fromkeys(found):
        manifest = read_manifest(home.folder)
        if manifest is not None:
            _remove(home, manifest, is_open, report)
    report.lines.append(f"DreamSound is no longer in {resource}")
    return report


def _remove(home: Home, manifest: Manifest, is_open: bool, report: Report) -> None:
    changes: dict[Path, bytes | None] = {}
    for file, known in manifest.files.items():
        path = home.folder / file
        there = files.read(path)
        if there is not None and digest(there) == known:
            changes[path] = None
        elif there is not None:
            report.lines.append(f"{path} was changed: it stays")
    there = files.read(home.keys)
    data = there or b""
    left = keys.without_lines(data, manifest.lines, manifest.closed_at == digest(data))
    if left != data:
        if is_open:
            raise InstallError(
                "REAPER is open, and would write its list of actions back: close it, and try again"
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
            f"{loaded} actions were loaded in REAPER itself, and are still in its list: select "
            "them there and press Delete"
        )
