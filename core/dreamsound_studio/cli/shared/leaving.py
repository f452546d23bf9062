"""The end of the process."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import NoReturn

from dreamsound_studio.models.runtime import is_importing

#: What talks with other machines, and takes its leave of them.
FARM = "distributed"


def leave(code: int) -> NoReturn:
    """End the process with an exit code.

    TensorFlow takes a second to take itself apart, to no one's use: where it is loaded, or being
    imported, and nothing else is left to close, the process ends at once.

    Parameters
    ----------
    code : int
        Of the process, 0..255.
    """
    if ("tensorflow" in sys.modules or is_importing()) and FARM not in sys.modules:
        working = [one for one in threading.enumerate() if _works(one)]
        if not working and _is_flushed():
            logging.shutdown()
            os._exit(code)
    sys.exit(code)


def _works(thread: threading.Thread) -> bool:
    """Return whether the process has to wait for a thread; those of the engine's pool are idle."""
    is_main = thread is threading.main_thread()
    return not (is_main or thread.daemon or thread.name.startswith("block_"))


def _is_flushed() -> bool:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # a pipe that nobody reads: Python has its own exit code for it
        return False
    return True
