"""One instance per user: a second start passes its sounds to the first.

Two instances with the same session folder would overwrite each other's session.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

#: Time for the other instance to answer.
PATIENCE_MS: Final = 1000
#: Longer than any list of sounds passed on.
MOST_BYTES: Final = 2**20


class OneApp(QObject):
    """Listens for other instances; `wanted` emits the sounds they were asked to open.

    It listens on a local socket of this user, not on a network port.

    Parameters
    ----------
    folder : pathlib.Path
        The app's data folder; each has one instance.
    """

    wanted = Signal(list)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        digest = hashlib.sha256(str(folder.absolute()).encode("utf-8", "surrogatepass"))
        self._name = f"dreamsound-studio-{digest.hexdigest()[:16]}"
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)

    def hand_over(self, paths: list[Path]) -> bool:
        """Pass sounds to a running instance; return False if there is none."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(PATIENCE_MS):
            return False
        socket.write(json.dumps([str(path) for path in paths]).encode())
        socket.flush()
        socket.waitForBytesWritten(PATIENCE_MS)
        socket.disconnectFromServer()
        return True

    def listen(self) -> bool:
        """Become the running instance; on failure return False, and the app may run anyway."""
        # Remove the socket of a killed instance.
        QLocalServer.removeServer(self._name)
        return self._server.listen(self._name)

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def _on_connection(self) -> None:
        if not self._server.hasPendingConnections():
            return
        socket = self._server.nextPendingConnection()
        socket.disconnected.connect(lambda: self._take(socket))
        if socket.state() != QLocalSocket.LocalSocketState.ConnectedState:
            self._take(socket)

    def _take(self, socket: QLocalSocket) -> None:
        content = bytes(socket.readAll().data())
        socket.deleteLater()
        try:
            message = json.loads(content) if 0 < len(content) <= MOST_BYTES else None
        except ValueError:
            message = None
        if isinstance(message, list):
            self.wanted.emit([Path(path) for path in message if isinstance(path, str)])
