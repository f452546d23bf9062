"""A farm's address, its files for encryption, and the versions of its machines; without Dask."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dreamsound_studio.cli import main
from dreamsound_studio.errors import QueueInputError
from dreamsound_studio.queue.farm.security import FarmOptions
from dreamsound_studio.queue.farm.versions import differing, model_prints, refusal_of, versions


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates of two authorities, ``a`` and ``b``."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make certificates with")
    folder = tmp_path_factory.mktemp("pems")
    for name in "ab":
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        words += ["-nodes", "-days", "2", "-subj", f"/CN=farm {name}"]
        words += ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]
        subprocess.run(words, check=True, capture_output=True)
    (folder / "empty").touch()
    return folder


def options(pems: Path, ca: str, cert: str, key: str, address: str = "tls://farm:1") -> FarmOptions:
    return FarmOptions(address, *(str(pems / name) for name in (ca, cert, key)))


def test_files_that_belong_together_pass(pems: Path) -> None:
    options(pems, "a.pem", "a.pem", "a.key").check()
    FarmOptions("tcp://farm:1").check()


@pytest.mark.parametrize(
    ("ca", "cert", "key", "line"),
    [
        ("gone", "a.pem", "a.key", "--tls-ca-file .*gone: No such file"),
        ("a.pem", "gone", "a.key", "--tls-cert .*gone: No such file"),
        ("a.pem", "a.pem", "gone", "--tls-key .*gone: No such file"),
        (".", "a.pem", "a.key", "--tls-ca-file .*: Is a directory"),
        ("empty", "a.pem", "a.key", "--tls-ca-file .*empty: not a certificate"),
        ("a.key", "a.pem", "a.key", "--tls-ca-file .*a.key: not a certificate"),
        ("a.pem", "a.pem", "b.key", "not a certificate and its own key"),
        ("a.pem", "a.key", "a.pem", "not a certificate and its own key"),
    ],
)
def test_a_wrong_file_is_one_line_at_once(
    pems: Path, capsys: pytest.CaptureFixture[str], ca: str, cert: str, key: str, line: str
) -> None:
    with pytest.raises(QueueInputError, match=line):
        options(pems, ca, cert, key).check()
    files = ["--tls-ca-file", pems / ca, "--tls-cert", pems / cert, "--tls-key", pems / key]
    assert main(["worker", "--farm", "tls://127.0.0.1:9", *map(str, files)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--farm", "tls://farm:1"], "pass --tls-ca-file and --tls-cert and --tls-key"),
        (["--farm", "tcp://farm:1", "--tls-cert", "x"], "use --farm tls://HOST:PORT"),
        (["--tls-key", "x"], "need --farm ADDRESS"),
        (["--farm", "farm:1"], "Invalid address of a farm"),
        (["--farm", "tcp://farm:x"], "Invalid address of a farm"),
        (["--farm", ""], "Invalid address of a farm"),
    ],
)
def test_what_does_not_belong_together_is_one_line_at_once(
    capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    assert main(["worker", *words]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said


@pytest.fixture
def scheduler(pems: Path) -> Iterator[str]:
    """The address of what encrypts as a scheduler of authority ``a`` does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pems / "a.pem")
    context.load_cert_chain(pems / "a.pem", pems / "a.key")

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with suppress(OSError), context.wrap_socket(connection, server_side=True) as one:
                    one.sendall(b"hello")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield f"tls://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("files", [("b.pem", "a.pem", "a.key"), ("a.pem", "b.pem", "b.key")])
def test_certificates_of_another_farm_are_one_line_at_once(
    pems: Path, scheduler: str, files: tuple[str, str, str]
) -> None:
    options(pems, "a.pem", "a.pem", "a.key", scheduler).check_scheduler()
    with pytest.raises(QueueInputError, match="No encryption with tls://127") as caught:
        options(pems, *files, scheduler).check_scheduler()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"engine": "0.0.1"}, r"it has DreamSound 0\.0\.1, and this machine"),
        ({"recipes": 99}, "its recipes have format 99"),
        (ImportError("no module"), "it has no DreamSound Studio"),
        (AttributeError("versions"), "its version is unknown"),
        (None, "its version is unknown"),
    ],
)
def test_a_machine_with_another_version_is_refused(answer: Any, why: str) -> None:
    assert refusal_of(versions()) is None
    found = refusal_of(versions() | answer if isinstance(answer, dict) else answer)
    assert found is not None
    assert re.match(why, found)


def test_other_weights_are_refused_where_they_can_be_compared() -> None:
    here = {"yamnet": (".h5", "1"), "net": ("folder", "2")}
    assert differing(here, here) == []
    assert differing(here, {"yamnet": (".h5", "3"), "net": ("folder", "2")}) == ["yamnet"]
    # Stored in another way, or not there: it cannot be known before.
    assert differing(here, {"yamnet": ("folder", "3")}) == []


def test_a_model_s_print_is_that_of_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMSOUND_MODELS", str(tmp_path))
    (tmp_path / "yamnet.h5").write_bytes(b"one")
    one = model_prints(("yamnet", "no-such-model", str(tmp_path / "yamnet.h5")))
    assert list(one) == ["yamnet"]
    (tmp_path / "yamnet.h5").write_bytes(b"two")
    assert differing(one, model_prints(("yamnet",))) == ["yamnet"]
