"""What can go wrong on the way into REAPER."""

from __future__ import annotations

from dreamsound_studio.errors import DreamSoundError


class InstallError(DreamSoundError):
    """The user has to name something else, or do something first; nothing was changed."""

    exit_code = 2


class InstallFailedError(InstallError):
    """The system did not let it be done; all is as it was before."""

    exit_code = 1
