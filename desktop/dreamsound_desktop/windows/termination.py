"""A window that is asked to end by the system closes as if by hand, and keeps everything."""

from __future__ import annotations

import signal
import socket
import sys

from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QWidget


def close_on_terminate(window: QWidget) -> None:
    """Close a window on ``SIGTERM``.

    Python's handlers run when Python runs next, which in a window at rest may be never: a socket
    wakes it up. Windows has no such signal.
    """
    if sys.platform == "win32":
        return
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno())
    signal.signal(signal.SIGTERM, lambda *_: window.close())
    notifier = QSocketNotifier(ours.fileno(), QSocketNotifier.Type.Read, window)
    # Both ends live as long as what is connected here.
    notifier.activated.connect(lambda *_, ends=(ours, theirs): ends[0].recv(64))
