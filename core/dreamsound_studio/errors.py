"""Every error the engine raises on purpose, and the exit code each one means."""

from __future__ import annotations

from dataclasses import dataclass


class DreamSoundError(Exception):
    """Root of all errors raised on purpose; its text is one line fit to be shown.

    Attributes
    ----------
    exit_code : int
        What the command line ends with when this error reaches it.
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
    """A model that is not to be had, or is not what it should be."""

    exit_code = 3


class QueueError(DreamSoundError):
    """The render queue cannot do what was asked."""

    exit_code = 1


class RenderCancelled(DreamSoundError):
    """The user called the render off; nothing was written."""

    exit_code = 5


class MemoryLimitError(DreamSoundError):
    """The work does not fit in memory or on the scratch disk, even in the smallest blocks."""

    exit_code = 1
