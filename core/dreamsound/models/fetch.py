"""Fetching a SavedModel from TF Hub, whole or not at all. No TensorFlow here.

``tensorflow_hub`` would do it too, but takes as long as TensorFlow to import before it can say that
there is no network, has no time limit, and keeps what it fetched in the folder for temporary files.
"""

from __future__ import annotations

import http.client
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from dreamsound.errors import ModelError

#: A server that says nothing for so long is given up.
PATIENCE_SECONDS = 30
#: The largest model of the catalog unpacks to 16 MB; what is far beyond is no model.
MOST_BYTES = 512 * 2**20


Check = Callable[[Path], object]


def _trust(_made: Path) -> None:
    """Check nothing."""


def fetch_saved_model(handle: str, folder: Path, check: Check = _trust) -> None:
    """Fetch the model at `handle` into `folder`, which appears when all of it is there.

    Parameters
    ----------
    handle : str
        Address of a model on TF Hub, or of a ``.tar.gz`` of a SavedModel anywhere.
    folder : pathlib.Path
        Where it goes; if another process puts it there first, that one stays.
    check : callable, optional
        Called with the place of what came, before it is put in `folder`; may raise `ModelError`.

    Raises
    ------
    ModelError
        The address cannot be reached, does not send a SavedModel, or the folder cannot be written.
    """
    packed = handle.partition("?")[0].endswith((".tar.gz", ".tgz"))
    address = handle if packed else f"{handle}?tf-hub-format=compressed"
    _put_in_place(handle, folder, lambda place: _download(address, place), check)


def copy_model(source: Path, folder: Path, check: Check = _trust) -> None:
    """Copy a model from this machine into `folder`, which appears when all of it is there.

    Parameters
    ----------
    source : pathlib.Path
        A SavedModel folder, a ``.tar.gz`` of one, or an ``.h5`` file.
    folder : pathlib.Path
        Where it goes.
    check : callable, optional
        As in :func:`fetch_saved_model`.

    Raises
    ------
    ModelError
        It is none of these, or cannot be read or written.
    """

    def copy(place: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, place)
            _check_saved_model(place)
        elif source.suffix == ".h5":
            shutil.copyfile(source, place)
        else:
            with tarfile.open(source, mode="r|gz") as archive:
                _unpack(archive, place)

    _put_in_place(str(source), folder, copy, check)


def _put_in_place(origin: str, folder: Path, make: Check, check: Check) -> None:
    """Make a model under another name beside `folder`, check it, then rename it."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
            made = Path(scratch) / folder.name
            make(made)
            check(made)
            try:
                made.rename(folder)
            except OSError:
                if not (folder / "saved_model.pb").is_file():
                    raise
    except urllib.error.URLError as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        raise ModelError(f"{origin} cannot be reached ({error.reason})") from error
    except (tarfile.TarError, zlib.error, EOFError, http.client.HTTPException) as error:
        raise ModelError(f"{origin} sent no whole SavedModel ({error})") from error
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise ModelError(
            f"{origin} cannot be fetched ({error.strerror or error}{place})"
        ) from error


def _download(address: str, folder: Path) -> None:
    request = urllib.request.Request(address, headers={"User-Agent": "dreamsound"})
    with (
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer,
        tarfile.open(fileobj=answer, mode="r|gz") as archive,
    ):
        _unpack(archive, folder)
        # The archive's end comes before the last bytes: without them the connection was lost.
        answer.read()
        if answer.length:
            raise EOFError(f"{answer.length} bytes are missing")


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    left = MOST_BYTES
    for member in archive:
        name = PurePosixPath(member.name)
        content = archive.extractfile(member) if member.isfile() else None
        if content is None or name.is_absolute() or ".." in name.parts:
            continue
        left -= member.size
        if left < 0:
            raise tarfile.TarError(f"it holds more than {MOST_BYTES >> 20} MB")
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as file:
            shutil.copyfileobj(content, file)
    _check_saved_model(folder)


def _check_saved_model(folder: Path) -> None:
    if not (folder / "saved_model.pb").is_file():
        raise tarfile.TarError("it has no saved_model.pb")
