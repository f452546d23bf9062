"""The audio output: a thread of miniaudio's takes the mixer's samples. No Qt here.

The system's default device is followed when it changes, as far as the system's sound service does
that (Windows, macOS, PulseAudio, PipeWire).
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Generator
from functools import cache
from typing import Any, Final

from dreamsound_desktop.playback.mixer import Mixer

#: What the device takes at a time, and how many of these it holds: 100 ms.
PERIOD_MS: Final = 25
PERIODS: Final = 4
#: A device that has taken nothing for so long is gone.
LOST_S: Final = 1.0
#: The one that plays for nobody; miniaudio takes it where there is no other.
NULL: Final = "Null"


class OutputError(Exception):
    """There is no sound.

    Parameters
    ----------
    reason : str
        ``library``, ``device`` or ``refused``: what is missing, or that the device is not given.
    detail : str, optional
        More of it, in the library's words.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


class Output:
    """An open audio device, which takes what a mixer gives until it is closed.

    Parameters
    ----------
    mixer : Mixer
        Gives the samples, in a thread of the device.
    device_name : str
        As in `output_names`; an empty or unknown name is the system's default.
    backends : list of str, optional
        Names of the sound services to try, such as ``NULL``, which plays for nobody; by default
        those of the system.

    Raises
    ------
    OutputError
        There is no device, or it cannot be opened.
    """

    def __init__(
        self, mixer: Mixer, device_name: str = "", backends: list[str] | None = None
    ) -> None:
        library = _library()
        chosen = [getattr(library.Backend, name.upper()) for name in backends or []]
        self._taken_s = time.monotonic()
        try:
            self._device = library.PlaybackDevice(
                library.SampleFormat.FLOAT32,
                mixer.channels,
                mixer.sample_rate_hz,
                PERIOD_MS,
                _device_id(library, device_name),
                PERIODS,
                chosen or None,
                app_name="DreamSound Studio",
            )
            if self._device.backend == NULL and NULL not in (backends or []):
                self._device.close()
                raise OutputError("device")
            blocks = self._blocks(mixer)
            next(blocks)
            self._device.start(blocks)
        except library.MiniaudioError as error:
            raise OutputError("refused", " ".join(map(str, error.args))) from error

    @property
    def is_lost(self) -> bool:
        """Whether the device takes nothing any more: unplugged, or its sound service ended."""
        return time.monotonic() - self._taken_s > LOST_S

    def close(self) -> None:
        """Stop, and release the device."""
        self._device.close()

    def _blocks(self, mixer: Mixer) -> Generator[bytes, int, None]:
        count = yield b""
        while True:
            self._taken_s = time.monotonic()
            count = yield mixer.give(count).T.tobytes()


def output_names() -> list[str]:
    """Return the names of the audio devices; none if there is no sound on this machine."""
    try:
        library = _library()
    except OutputError:
        return []
    return [one["name"] for one in _devices(library)]


def _devices(library: Any) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = library.Devices().get_playbacks()
    except library.MiniaudioError:  # no sound service
        return []
    return found


def _device_id(library: Any, name: str) -> Any:
    if not name:
        return None
    return next((one["id"] for one in _devices(library) if one["name"] == name), None)


@cache
def _library() -> Any:
    """Return miniaudio, imported at the first sound."""
    try:
        import miniaudio
    except ImportError as error:
        raise OutputError("library", str(error)) from error
    _quieten_alsa()
    return miniaudio


#: Kept for as long as the process: ALSA calls it.
_ignore = ctypes.CFUNCTYPE(None)(lambda: None)


def _quieten_alsa() -> None:
    """Keep ALSA from printing a page where there is no sound card."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_ignore)
        except (OSError, AttributeError):  # no ALSA
            return
