"""Files: atomic writes, unused names and hashes."""

from __future__ import annotations

import glob
import hashlib
import itertools
import os
import re
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from dreamsound_studio.durable import make_folder, sync_files, sync_folders
from dreamsound_studio.errors import AudioFileError, DreamSoundError

#: Halves of characters that stand for no byte of a file name, as U+DC80 to U+DCFF do.
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_UNUSABLE = re.compile(f"\0|{_HALVES.pattern}")
#: A file is read for its hash in blocks of this size.
HASH_BYTES = 2**20


class NameTakenError(AudioFileError):
    """Another file has the name that a file was about to get."""


def partial_beside(path: Path, tag: str = "", ending: str = ".partial") -> Path:
    """Return an unused temporary path in the folder of a file.

    Parameters
    ----------
    path : pathlib.Path
        The file to write.
    tag : str, optional
        Prefix of the name, for finding leftovers of a crash.
    ending : str, optional
        Suffix of the name, for writers that choose a format by it.
    """
    # Not longer than the file's own name, which may use the file system's maximum.
    return path.with_name(f".{tag}{uuid.uuid4().hex[:8]}{ending}")


def partial_files(folder: Path, tag: str) -> list[Path]:
    """Return the temporary files with this tag in a folder, as named by `partial_beside`."""
    return sorted(folder.glob(f".{glob.escape(tag)}{'[0-9a-f]' * 8}.partial"))


def remove_files(paths: Iterable[Path]) -> None:
    """Remove files, as far as possible."""
    for path in paths:
        with suppress(OSError):
            path.unlink()


@contextmanager
def atomic(
    path: Path, *, overwrite: bool = True, ending: str = ".partial", tag: str = ""
) -> Iterator[Path]:
    """Yield a temporary path; rename what is written there to `path` if the block succeeds.

    Parameters
    ----------
    path : pathlib.Path
        Target path, in an existing folder.
    overwrite : bool, optional
        Whether to replace an existing file.
    ending, tag : str, optional
        As in `partial_beside`.

    Yields
    ------
    pathlib.Path
        The temporary path; always removed at the end.

    Raises
    ------
    FileExistsError
        The file exists and `overwrite` is False.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic(folder / "note.txt") as partial:
    ...     _ = partial.write_text("whole")
    >>> [path.name for path in folder.iterdir()]
    ['note.txt']
    """
    partial = partial_beside(path, tag, ending)
    try:
        yield partial
        if overwrite:
            partial.replace(path)
        else:
            rename_new(partial, path)
    finally:
        # What went wrong while writing matters more than a leftover.
        with suppress(OSError):
            partial.unlink()


def write_atomic(
    path: Path,
    content: bytes | str,
    *,
    overwrite: bool = True,
    error: type[DreamSoundError] = AudioFileError,
    tag: str = "",
) -> None:
    """Write a file atomically; text becomes UTF-8 with its line ends unchanged, and `readable`.

    Parameters
    ----------
    path : pathlib.Path
        Target path, in an existing folder.
    content : bytes or str
        The whole content.
    overwrite : bool, optional
        Whether to replace an existing file.
    error : type, optional
        The error to raise.
    tag : str, optional
        As in `partial_beside`.

    Raises
    ------
    DreamSoundError
        Of the given type: the file cannot be written, or exists and `overwrite` is False.
    """
    data = content if isinstance(content, bytes) else readable(content).encode()
    with writing(path, error), atomic(path, overwrite=overwrite, tag=tag) as partial:
        partial.write_bytes(data)


@contextmanager
def writing(path: Path, error: type[DreamSoundError]) -> Iterator[None]:
    """Convert every `OSError` to an error of the given type about writing `path`."""
    try:
        yield
    except FileExistsError:
        raise error(f"{path}: already exists. Use another name or pass --overwrite.") from None
    except OSError as reason:
        raise error(f"{path}: cannot write: {reason.strerror or reason}") from reason


def expanded(path: str | Path) -> Path:
    """Return a path with ``~`` as the user's home; of a user that does not exist, as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def readable(text: str) -> str:
    r"""Return a text that any program can show.

    A POSIX file name need not be UTF-8; Python represents its other bytes as lone surrogates, which
    cannot be written. They become ``\xe9``, as a C program or a shell writes them.

    Examples
    --------
    >>> readable("caf" + chr(0xDCE9) + ".wav")
    'caf\\xe9.wav'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        text = _HALVES.sub("?", text)
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text


def is_there(path: Path) -> bool:
    """Return whether a path exists; one that is too long for a file does not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def unusable_text(values: object) -> str | None:
    """Return a text with a NUL or half a character in it, which no file can have; None if none has.

    Parameters
    ----------
    values : object
        Plain JSON values; any other count for nothing.
    """
    waiting = [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if _UNUSABLE.search(value):
                return value
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value
    return None


def read_limited(
    path: Path, most_bytes: int, error: type[DreamSoundError], too_large: str
) -> bytes:
    """Return the content of a file that somebody else may have written.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    most_bytes : int
        No more is read.
    error : type
        The error to raise.
    too_large : str
        What is wrong with a larger file: the end of a line that begins with its path.

    Raises
    ------
    DreamSoundError
        Of the given type: the file cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as reason:
        raise error(f"{path}: {reason.strerror or reason}") from reason
    except ValueError as reason:  # a NUL or half a character in the path
        raise error(f"{str(path)!a}: not a path ({reason})") from reason
    if len(content) > most_bytes:
        raise error(f"{path}: {too_large}")
    return content


def rename_new(partial: Path, path: Path) -> None:
    """Give a file an unused name, unless it has it; raise `FileExistsError` if it is taken.

    The old name may remain, as a second name of the same file: the caller removes it.
    """
    try:
        # Unlike a rename, a link fails if another process has taken the name meanwhile.
        os.link(partial, path)
    except FileExistsError:
        if not partial.samefile(path):
            raise
    except OSError:
        # A file system without links: whoever makes the empty file has the name.
        partial.stat()
        path.open("xb").close()
        partial.replace(path)


def rename_free(partial: Path, path: Path) -> Path:
    """Rename a file to `path`, numbered if that is taken; return the new path."""
    for number in itertools.count(1):
        free = path.with_name(f"{numbered(path.stem, number)}{path.suffix}")
        with suppress(FileExistsError):
            rename_new(partial, free)
            break
    partial.unlink(missing_ok=True)
    return free


def put_in_place(partial: dict[str, Path], paths: dict[str, Path], overwrite: bool) -> None:
    """Rename all files, and wait for the disk; if one fails, remove the new ones.

    Parameters
    ----------
    partial, paths : dict
        Current and final paths, in the same folder.
    overwrite : bool
        Whether to replace existing files.

    Raises
    ------
    NameTakenError
        A name is taken, and is not to be replaced.
    AudioFileError
        A file cannot be renamed, or the disk has no room for one.
    """
    try:
        sync_files(partial.values())
    except OSError as error:
        names = ", ".join(str(paths[name]) for name in partial)
        raise AudioFileError(f"{names}: cannot write: {error.strerror or error}") from error
    done: dict[Path, Path] = {}
    for name, place in partial.items():
        try:
            if overwrite:
                place.replace(paths[name])
            else:
                rename_new(place, paths[name])
                done[paths[name]] = place
        except BaseException as error:
            _take_back(done)
            if not isinstance(error, OSError):
                raise
            reason = error.strerror or str(error)
            kind = NameTakenError if isinstance(error, FileExistsError) else AudioFileError
            raise kind(f"{paths[name]}: cannot write: {reason}") from error
    for place in partial.values():
        # A new name may be a second one.
        with suppress(OSError):
            place.unlink()
    sync_folders(path.parent for path in paths.values())


def _take_back(done: Mapping[Path, Path]) -> None:
    """Give files, by their new paths, their old paths back."""
    for path, place in done.items():
        with suppress(OSError):
            path.replace(place)
            # Two names of one file: replacing one by the other does nothing.
            path.unlink(missing_ok=True)


def free_number(is_taken: Callable[[int], bool], first: int = 1) -> int:
    """Return the first of 1, 2, 3, ..., or from another number on, that is not taken."""
    return next(number for number in itertools.count(first) if not is_taken(number))


def numbered(name: str, number: int, before: str = "_") -> str:
    """Return a name with a number appended, after `before`; number 1 is left out.

    Examples
    --------
    >>> numbered("bird", 1), numbered("bird", 2)
    ('bird', 'bird_2')
    """
    return name if number == 1 else f"{name}{before}{number}"


def sha256_of(path: Path, on_block: Callable[[], None] | None = None) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    on_block : callable, optional
        Called between blocks; it may raise to stop.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BYTES):
            if on_block is not None:
                on_block()
            digest.update(block)
    return digest.hexdigest()


def check_folder_writable(folder: Path, *, makes_it: bool = True) -> None:
    """Raise `AudioFileError` if files cannot be created in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.
    makes_it : bool
        Whether to create the folder if it is missing; otherwise its nearest existing parent is
        checked.
    """
    try:
        if makes_it:
            make_folder(folder)
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise AudioFileError(
            f"Cannot write to the folder {folder}: {error.strerror or error}"
        ) from error
