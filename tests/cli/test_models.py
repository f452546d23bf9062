"""``dreamsound models``: listing, pulling, finding and removing."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamsound_studio.models.weights import MUSICNN_NAMES
from dreamsound_studio.models.yamnet.network import YamNet

from .conftest import Command


@pytest.fixture
def folder(bare_machine: Path) -> Path:
    """The user's folder of models, on a machine that has none and no network."""
    return bare_machine


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory, saved_model_folder: Path) -> Path:
    """YAMNet as a compressed SavedModel."""
    path = tmp_path_factory.mktemp("packed") / "yamnet.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(saved_model_folder, ".")
    return path


@pytest.fixture
def served(packed: Path) -> Iterator[str]:
    """Its address on a web server."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Stay silent."""

    handler = functools.partial(Quiet, directory=str(packed.parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/{packed.name}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_on_a_bare_machine_models_are_listed_and_none_is_here(
    command: Command, folder: Path
) -> None:
    outcome = command("models", "list")
    assert "yamnet" in outcome.out
    assert "dreamsound models pull yamnet" in outcome.out
    rows = json.loads(command("models", "list", "--json").out)
    assert [row["name"] for row in rows] == ["yamnet", *MUSICNN_NAMES, "basic-pitch"]
    row = rows[0]
    assert (row["name"], row["licence"], row["path"]) == ("yamnet", "Apache-2.0", None)
    assert json.loads(command("models", "info", "yamnet", "--json").out) == row
    missing = command("models", "path", "yamnet")
    assert (missing.code, len(missing.messages)) == (3, 1)
    assert str(folder) in missing.err


@pytest.mark.yamnet
@pytest.mark.parametrize("origin", ["folder", "h5", "archive", "address"])
def test_a_model_is_pulled_checked_found_and_removed(
    command: Command,
    folder: Path,
    yamnet: YamNet,
    saved_model_folder: Path,
    yamnet_h5: Path,
    packed: Path,
    request: pytest.FixtureRequest,
    origin: str,
) -> None:
    origins = {"folder": saved_model_folder, "h5": yamnet_h5, "archive": packed}
    source = origins.get(origin) or request.getfixturevalue("served")
    outcome = command("models", "pull", "yamnet", "--from", source, "--json")
    assert outcome.code == 0, outcome.err
    pulled = json.loads(outcome.out)
    name = "yamnet.h5" if origin == "h5" else "yamnet"
    assert pulled["path"] == str(folder / name)
    assert pulled["weights_sha256"] == yamnet.weights_sha256
    assert left_in(folder) == [name]
    assert command("models", "path", "yamnet").out.strip() == str(folder / name)
    assert json.loads(command("models", "info", "yamnet", "--json").out)["bytes"] > 1e7
    again = command("models", "pull", "yamnet", "--from", source)
    assert (again.code, len(again.messages)) == (3, 1)
    assert "exists: run dreamsound models remove" in again.err
    assert command("models", "remove", "yamnet").code == 0
    assert left_in(folder) == []
    assert command("models", "remove", "yamnet").code == 3


@pytest.mark.parametrize("pull", ["--from {here}/none", "--from {here}/text.tar.gz", ""])
def test_what_cannot_be_pulled_leaves_nothing(
    command: Command, folder: Path, tmp_path: Path, pull: str
) -> None:
    (tmp_path / "text.tar.gz").write_text("no archive")
    outcome = command("models", "pull", "yamnet", *pull.format(here=tmp_path).split())
    fetching = ["dreamsound: downloading yamnet from http://127.0.0.1:9/yamnet/1"]
    assert outcome.messages[:-1] == ([] if pull else fetching)
    assert outcome.code == (2 if pull.endswith("/none") else 3)  # a file is missing: bad input
    assert left_in(folder) == []


@pytest.mark.yamnet
def test_what_is_not_yamnet_is_not_kept(
    command: Command, folder: Path, tmp_path: Path, saved_model_folder: Path
) -> None:
    other = shutil.copytree(saved_model_folder, tmp_path / "other")
    table = other / "assets" / "yamnet_class_map.csv"
    table.chmod(0o644)
    table.write_text(table.read_text(encoding="utf-8").replace("Whistling", "Humming along"))
    outcome = command("models", "pull", "yamnet", "--from", other)
    assert (outcome.code, len(outcome.messages)) == (3, 1)
    assert "the classes differ" in outcome.err
    assert left_in(folder) == []


@pytest.mark.yamnet
def test_weights_that_hear_something_else_are_refused(yamnet_h5: Path, tmp_path: Path) -> None:
    import h5py

    from dreamsound_studio.dream.verify import verify_weights
    from dreamsound_studio.errors import ModelError
    from dreamsound_studio.models.weights import Weights

    shuffled = tmp_path / "yamnet.h5"
    shutil.copyfile(yamnet_h5, shuffled)
    shuffled.chmod(0o644)

    def turn_over(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.shape[-1] == 521:
            item[...] = item[...][..., ::-1]

    with h5py.File(shuffled, "r+") as file:
        file.visititems(turn_over)
    verify_weights(Weights("yamnet", yamnet_h5))
    with pytest.raises(ModelError, match="hears a 440 Hz sine as"):
        verify_weights(Weights("yamnet", shuffled))


def test_an_unknown_name_suggests_the_nearest(command: Command, folder: Path) -> None:
    for action in ("info", "path", "pull", "remove"):
        outcome = command("models", action, "yamnt")
        assert (outcome.code, len(outcome.messages)) == (2, 1)
        assert "Did you mean yamnet" in outcome.err
