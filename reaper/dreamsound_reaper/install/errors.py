"""Errors of the installation into REAPER."""

from __future__ import annotations

from dreamsound_studio.errors import DreamSoundError


class InstallError(DreamSoundError):
    """The user must change something first; nothing was changed."""

    exit_code = 2


class InstallFailedError(InstallError):
    """The system refused an operation; everything was restored."""

    exit_code = 1
