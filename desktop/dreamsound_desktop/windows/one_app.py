"""One app for each user: who starts it a second time has the sounds opened in the first.

Two windows that keep their session in one folder would each write over what the other has kept.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

#: For the other one to answer.
PATIENCE_MS: Final = 1000
#: Longer than any list of sounds that is handed over.
MOST_BYTES: Final = 2**20


class OneApp(QObject):
    """Listens for others that are started; `wanted` tells which sounds they were to open.

    What it listens on is a socket of this user's on this machine, and no port of the network.

    Parameters
    ----------
    folder : pathlib.Path
        Where the app keeps its things: there is one app for each.
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
        """Let the app that runs already open sounds; False where none does."""
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
        """Be the one from now on; False where that cannot be, which is no reason not to run."""
        # What is left of one that was killed.
        QLocalServer.removeServer(self._name)
        return self._server.listen(self._name)

    def close(self) -> None:
        """Listen no more."""
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
            told = json.loads(content) if 0 < len(content) <= MOST_BYTES else None
        except ValueError:
            told = None
        if isinstance(told, list):
            self.wanted.emit([Path(path) for path in told if isinstance(path, str)])
