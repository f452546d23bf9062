"""Files on disk: the sounds of a folder, and copies of renders."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from dreamsound_desktop.state.takes import DreamTake
from dreamsound_studio.audio.formats import FORMATS
from dreamsound_studio.audio.intake.foreign import FOREIGN_ENDINGS
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.files import partial_beside, rename_free

#: File name suffixes of sounds in a folder.
ENDINGS = {f".{name}" for name in (*FORMATS, "aif", "w64", "rf64", "bw64", "au", "oga", "wave")}
ENDINGS |= set(FOREIGN_ENDINGS)
MOST_FILES = 10_000


def found_sounds(paths: list[Path], is_wanted: Callable[[], bool]) -> list[tuple[Path, Path]]:
    """Return sounds, and the path of each relative to its folder tree.

    Parameters
    ----------
    paths : list of pathlib.Path
        Files and folders.
    is_wanted : callable
        Called periodically; stops when it returns False.
    """
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if not path.is_dir():
            found.append((path, Path(path.name)))
            continue
        for place in sorted(path.rglob("*")):
            if len(found) >= MOST_FILES or not is_wanted():
                return found
            if place.suffix.casefold() in ENDINGS and place.is_file():
                # Skip earlier dreams of this folder.
                if "dreams" in place.relative_to(path).parts[:1]:
                    continue
                found.append((place, place.relative_to(path)))
    return found


def copy_renders(take: DreamTake, folder: Path) -> int:
    """Copy a take's renders into a folder; return the number copied."""
    count = 0
    for path in take.renders.values():
        source = Path(path)
        partial = partial_beside(folder / source.name)
        try:
            shutil.copyfile(source, partial)
            rename_free(partial, folder / source.name)
        except OSError as error:
            raise AudioFileError(
                f"cannot copy {source.name} to {folder}: {error.strerror or error}"
            ) from error
        finally:
            partial.unlink(missing_ok=True)
        count += 1
    return count
