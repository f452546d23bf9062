"""Whether a farm's address and its files for encryption can work, before anything connects."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dreamsound_studio.errors import QueueInputError

#: Time limit for the scheduler's first bytes, seconds.
ANSWER_S = 5.0
#: Those of Dask.
SCHEMES = ("tcp", "tls", "ws", "wss", "ucx", "inproc")
#: The port of a scheduler whose address names none, as Dask has it.
DEFAULT_PORT = 8786


@dataclass(frozen=True)
class FarmOptions:
    """The scheduler's address and encryption.

    Attributes
    ----------
    address : str
        ``tcp://HOST:PORT``, or ``tls://HOST:PORT``.
    tls_ca_file, tls_cert, tls_key : str or None
        As in `distributed.Security`; with them, everything is encrypted.
    """

    address: str
    tls_ca_file: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None

    @property
    def is_encrypted(self) -> bool:
        """Whether the address is one of a scheduler that encrypts."""
        return self.address.lower().startswith(("tls://", "wss://"))

    def check(self) -> None:
        """Read the address and the files.

        Raises
        ------
        QueueInputError
            The address is invalid, a file is missing or is not what it should be, or they do not
            belong together.
        """
        self._check_address()
        files = {
            "--tls-ca-file": self.tls_ca_file,
            "--tls-cert": self.tls_cert,
            "--tls-key": self.tls_key,
        }
        given = [name for name, path in files.items() if path is not None]
        if given and not self.is_encrypted:
            raise QueueInputError(
                f"{given[0]} needs a scheduler that encrypts: use --farm tls://HOST:PORT"
            )
        lacking = [name for name, path in files.items() if path is None]
        if self.is_encrypted and lacking:
            raise QueueInputError(f"{self.address} is encrypted: pass {' and '.join(lacking)}")
        for name, path in files.items():
            if path is not None:
                _check_readable(name, path)
        if self.is_encrypted:
            self._context()

    def check_scheduler(self) -> None:
        """Shake hands with an encrypted scheduler, if it answers at all.

        Raises
        ------
        QueueInputError
            It has a certificate of another authority, does not accept this one, or does not
            encrypt. Dask itself would try again until its time is over.
        """
        if not self.is_encrypted:
            return
        parts = urlsplit(self.address)
        place = (parts.hostname or "", parts.port or DEFAULT_PORT)
        try:
            connection = socket.create_connection(place, ANSWER_S)
        except OSError:
            return  # Dask reports who does not answer
        context = self._context()
        with connection:
            try:
                # Dask does not compare names either: schedulers move.
                with context.wrap_socket(connection) as encrypted, suppress(TimeoutError):
                    encrypted.recv(1)
            except ssl.SSLError as error:
                why = " ".join(str(error.reason or error).lower().replace("_", " ").split())
                raise QueueInputError(
                    f"No encryption with {self.address}: {why}. Check that --tls-ca-file, "
                    "--tls-cert and --tls-key are those of the farm."
                ) from error
            except OSError:
                return

    def security(self) -> Any:
        """Return Dask's description of the encryption, or None without."""
        if not self.is_encrypted:
            return None
        import distributed

        return distributed.Security(
            tls_ca_file=self.tls_ca_file,
            tls_client_cert=self.tls_cert,
            tls_client_key=self.tls_key,
            require_encryption=True,
        )

    def _check_address(self) -> None:
        try:
            parts = urlsplit(self.address)
            is_valid = parts.scheme in SCHEMES and bool(parts.netloc)
            parts.port  # noqa: B018 - raises for an invalid number
        except ValueError:
            is_valid = False
        if not is_valid:
            raise QueueInputError(
                f"Invalid address of a farm: {self.address!r:.80}. Use tcp://HOST:8786 or "
                "tls://HOST:8786."
            )

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        try:
            context.load_verify_locations(self.tls_ca_file)
        except (ssl.SSLError, OSError) as error:
            raise QueueInputError(
                f"--tls-ca-file {self.tls_ca_file}: not a certificate in PEM format"
            ) from error
        try:
            # A key with a password would ask for it on the terminal.
            context.load_cert_chain(self.tls_cert or "", self.tls_key, password=lambda: "")
        except (ssl.SSLError, OSError, ValueError) as error:
            raise QueueInputError(
                f"--tls-cert {self.tls_cert} and --tls-key {self.tls_key}: not a certificate and "
                "its own key, without a password, in PEM format"
            ) from error
        return context


def _check_readable(name: str, path: str) -> None:
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise QueueInputError(f"{name} {path}: {why}") from error
