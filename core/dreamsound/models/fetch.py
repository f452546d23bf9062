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
from pathlib import Path, PurePosixPath

from dreamsound.errors import ModelError

#: A server that says nothing for so long is given up.
PATIENCE_SECONDS = 30
#: The largest model of the catalog unpacks to 16 MB; what is far beyond is no model.
MOST_BYTES = 512 * 2**20


def fetch_saved_model(handle: str, folder: Path) -> None:
    """Fetch the model at `handle` into `folder`, which appears when all of it is there.

    Parameters
    ----------
    handle : str
        Address of a model on TF Hub.
    folder : pathlib.Path
        Does not exist yet.

    Raises
    ------
    ModelError
        The address cannot be reached, does not send a SavedModel, or the folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
            fetched = Path(scratch) / folder.name
            _download(f"{handle}?tf-hub-format=compressed", fetched)
            fetched.rename(folder)
    except urllib.error.URLError as error:
        raise ModelError(f"{handle} cannot be reached ({error.reason})") from error
    except (tarfile.TarError, zlib.error, EOFError, http.client.HTTPException) as error:
        raise ModelError(f"{handle} sent no whole SavedModel ({error})") from error
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise ModelError(
            f"{handle} cannot be fetched ({error.strerror or error}{place})"
        ) from error


def _download(address: str, folder: Path) -> None:
    left = MOST_BYTES
    request = urllib.request.Request(address, headers={"User-Agent": "dreamsound"})
    with (
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer,
        tarfile.open(fileobj=answer, mode="r|gz") as archive,
    ):
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
        # The archive's end comes before the last bytes: without them the connection was lost.
        answer.read()
        if answer.length:
            raise EOFError(f"{answer.length} bytes are missing")
    if not (folder / "saved_model.pb").is_file():
        raise tarfile.TarError("it has no saved_model.pb")
