"""All errors that the engine raises deliberately, and their exit codes."""

from __future__ import annotations

import errno
from dataclasses import dataclass


class DreamSoundError(Exception):
    """Root of all deliberate errors; its text is a single line to show to the user.

    Attributes
    ----------
    exit_code : int
        Exit code of the command line for this error.
    """

    exit_code = 1


class AudioFileError(DreamSoundError):
    """A sound that cannot be read, written or dreamed."""

    exit_code = 2


@dataclass(frozen=True)
class UnknownName:
    """A name that a network does not have.

    Attributes
    ----------
    network, kind, name : str
        Which network has no ``class`` or ``layer`` of which name.
    near : tuple of str
        The nearest names that it has, best first.
    """

    network: str
    kind: str
    name: str
    near: tuple[str, ...]


class RecipeError(DreamSoundError):
    """A recipe, option or objective that makes no sense, or not with this sound.

    Attributes
    ----------
    unknown : UnknownName or None
        The class or layer that a network does not have, if that is what is wrong.
    """

    exit_code = 2
    unknown: UnknownName | None = None


class ModelError(DreamSoundError):
    """A model that is unavailable or invalid."""

    exit_code = 3


class UntrustedModelError(ModelError):
    """A SavedModel from elsewhere, which is a program, and which the user has not trusted."""


class UnknownModelError(ModelError):
    """A model that was named and does not exist."""

    exit_code = 2


class ConsentError(DreamSoundError):
    """A job or recipe from elsewhere would use files or folders that the user has not allowed."""

    exit_code = 2


class QueueError(DreamSoundError):
    """The render queue cannot carry out a request."""

    exit_code = 1


class QueueInputError(QueueError):
    """A request to the render queue that is invalid, or names a job that does not exist."""

    exit_code = 2


class RenderCancelled(DreamSoundError):
    """The user cancelled the render; no files were written."""

    exit_code = 5


class MemoryLimitError(DreamSoundError):
    """The work does not fit in memory or on the scratch disk, even in the smallest blocks."""

    exit_code = 1


def printable(text: str) -> str:
    """Return a text for a line, as long as it is: what a terminal would obey is a blank."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory, of the machine or of its GPU, ran out."""
    # TensorFlow's error is known by its name: the caller need not have imported TensorFlow.
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether an error means that a disk, or this user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
