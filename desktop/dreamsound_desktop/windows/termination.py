"""Closes a window cleanly when the system terminates the app."""

from __future__ import annotations

import signal
import socket
import sys

from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QWidget


def close_on_terminate(window: QWidget) -> None:
    """Close a window on ``SIGTERM``.

    Python runs signal handlers only between bytecodes, which an idle event loop never reaches: a
    socket wakes it up. Windows has no such signal.
    """
    if sys.platform == "win32":
        return
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno())
    signal.signal(signal.SIGTERM, lambda *_: window.close())
    notifier = QSocketNotifier(ours.fileno(), QSocketNotifier.Type.Read, window)
    # Both ends live as long as this connection.
    notifier.activated.connect(lambda *_, ends=(ours, theirs): ends[0].recv(64))
