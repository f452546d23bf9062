"""Models in the caches of tensorflow-hub and kagglehub, complete, damaged and read-only."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import dreamsound_studio as dreamsound
from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.entries import CATALOG
from dreamsound_studio.models.savedmodel.trust import pull_foreign, pull_listed
from dreamsound_studio.models.savedmodel.wishes import Wishes
from dreamsound_studio.models.store import ledger
from dreamsound_studio.models.store.caches import LOCK_SECONDS, cached_folders, hub_folder
from dreamsound_studio.models.store.find import fetch, find_weights
from dreamsound_studio.models.store.handles import parse_handle
from dreamsound_studio.models.store.local import (
    MODELS_VARIABLE,
    cached_folders_of,
    entry_of,
    local_weights,
    probable_weights,
)
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.tables import table_named, table_of

from .shapes import NAMES, logits, save_outputs

HANDLE = "https://tfhub.dev/google/yamnet/1"
KAGGLE = "google/yamnet/tensorFlow2/yamnet/1"
#: As large as YAMNet's weights, so that the folder is not passed over for its size.
WHOLE = CATALOG["yamnet"].weights_bytes or 0
UNCHECKED = Watch(check=lambda _weights: None)


@pytest.fixture
def data(bare_machine: Path) -> Path:
    """The user's folder of models, on a machine with empty caches and without a network."""
    return bare_machine


def saved_model(folder: Path, size: int = WHOLE, graph: bytes = b"graph of _yamnet") -> Path:
    """Make a folder with the files of a SavedModel; the variables take no space on disk."""
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(graph)
    (folder / "variables" / "variables.index").write_bytes(b"index")
    with (folder / "variables" / "variables.data-00000-of-00001").open("wb") as file:
        file.truncate(size)
    return folder


def kaggle_folder(handle: str = KAGGLE) -> Path:
    return Path(os.environ["KAGGLEHUB_CACHE"]) / "models" / handle


def complete(folder: Path) -> Path:
    folder.with_name(f"{folder.name}.complete").touch()
    return folder


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    return {
        str(path): ((status := path.stat()).st_mtime_ns, status.st_mode, status.st_size)
        for path in (folder, *folder.rglob("*"))
    }


# -- where they are -------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("query", ["", "?tf-hub-format=compressed"])
def test_the_folders_are_those_of_hub_resolve(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool, query: str
) -> None:
    from dreamsound_studio.models.runtime import import_tensorflow
    from dreamsound_studio.models.savedmodel.network import _import_hub

    import_tensorflow()
    if not named:
        monkeypatch.delenv("TFHUB_CACHE_DIR")
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for url in (*CATALOG["yamnet"].handles, "http://127.0.0.1:9/net.tar.gz"):
        folder = saved_model(hub_folder(url + query), size=0)
        assert folder.is_relative_to(tmp_path)
        assert _import_hub().resolve(url + query) == str(folder)


def test_neither_tensorflow_nor_hub_is_imported_to_search(data: Path) -> None:
    saved_model(hub_folder(HANDLE))
    code = (
        "import sys\n"
        "from dreamsound_studio.models.store.find import find_weights\n"
        "from dreamsound_studio.models.store.watch import Watch\n"
        f"print(find_weights({HANDLE!r}, Watch(check=print)).path)\n"
        "print([name for name in sys.modules if name.startswith(('tensorflow', 'keras'))])\n"
    )
    environment = dict(os.environ, XDG_DATA_HOME=str(data))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [str(hub_folder(HANDLE)), "[]"]


def test_the_default_cache_of_kagglehub_is_in_the_home_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLEHUB_CACHE")
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    folder = complete(saved_model(tmp_path / ".cache" / "kagglehub" / "models" / KAGGLE))
    assert find_weights("yamnet", UNCHECKED).path == folder


def test_the_caches_are_searched_last_and_in_order(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "named"))
    places = [
        complete(saved_model(kaggle_folder())),
        saved_model(hub_folder(HANDLE)),
        saved_model(data / "yamnet"),
        saved_model(tmp_path / "named" / "yamnet"),
    ]
    for _ in range(len(places)):
        for model in ("yamnet", "auto", HANDLE, KAGGLE):
            found = find_weights(model, UNCHECKED)
            assert (found.name, found.path, found.kind) == ("yamnet", places[-1], "yamnet")
        shutil.rmtree(places.pop())


@pytest.mark.parametrize(
    "url",
    [
        f"{HANDLE}?tf-hub-format=compressed",
        "https://www.kaggle.com/models/google/yamnet/TensorFlow2/yamnet/1",
        "https://www.kaggle.com/models/google/yamnet/frameworks/tensorFlow2/variations/yamnet/"
        "versions/1",
    ],
)
def test_every_handle_under_which_hub_caches_yamnet_is_known(data: Path, url: str) -> None:
    folder = saved_model(hub_folder(url))
    assert find_weights("yamnet", UNCHECKED).path == folder


def test_the_latest_version_is_found_if_none_is_named(data: Path) -> None:
    for version in (2, 10, 9):
        complete(saved_model(kaggle_folder(f"o/m/TensorFlow2/v/{version}"), graph=b"other"))
    handle = parse_handle("o/m/tensorFlow2/v")
    assert handle is not None
    assert [one.path.name for one in cached_folders([handle])] == ["10", "9", "2"]


# -- what is passed over --------------------------------------------------------------------------


def _lock(folder: Path, age: float = 0.0) -> None:
    lock = folder.with_name(f"{folder.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("host.1.uid")
    os.utime(lock, (time.time() - age,) * 2)


def damage(kind: str) -> tuple[Path, str]:
    """Leave a folder behind that cannot be used; return it, and words of the reason."""
    hub, kaggle = hub_folder(HANDLE), kaggle_folder()
    if kind == "lock":
        _lock(saved_model(hub))
        return hub, "locked by a download"
    if kind == "lock alone":
        _lock(hub, 2 * LOCK_SECONDS)
        return hub, "unfinished download"
    if kind == "download":
        saved_model(hub.with_name(f"{hub.name}.abc.tmp"))
        return hub, "unfinished download"
    if kind == "empty":
        hub.mkdir(parents=True)
        return hub, "saved_model.pb is missing"
    if kind == "file":
        hub.parent.mkdir(parents=True)
        hub.write_text("in the way")
        return hub, "unfinished download"
    if kind == "graph":
        (saved_model(hub) / "saved_model.pb").write_bytes(b"")
        return hub, "saved_model.pb is missing"
    if kind == "index":
        (saved_model(hub) / "variables" / "variables.index").unlink()
        return hub, "variables.index is missing"
    if kind == "data":
        (saved_model(hub) / "variables" / "variables.data-00000-of-00001").unlink()
        return hub, "variables.data is missing"
    if kind == "shard":
        shard = saved_model(hub) / "variables" / "variables.data-00000-of-00001"
        shard.rename(shard.with_name("variables.data-00000-of-00002"))
        return hub, "variables.data is missing"
    if kind == "short":
        saved_model(hub, WHOLE - 1)
        return hub, f"{WHOLE - 1} bytes of variables, expected at least {WHOLE}"
    if kind == "kaggle archive":
        saved_model(kaggle).with_name("1.archive").touch()
        return kaggle, "1.archive"
    assert kind == "kaggle short"
    saved_model(kaggle, WHOLE - 1)
    return kaggle, "bytes of variables"


KINDS = (
    *("lock", "lock alone", "download", "empty", "file", "graph", "index", "data", "shard"),
    *("short", "kaggle archive", "kaggle short"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_an_incomplete_folder_is_passed_over_with_the_reason(
    data: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    from dreamsound_studio.cli import main

    folder, reason = damage(kind)
    assert local_weights("yamnet") is None
    notes: list[str] = []
    with pytest.raises(ModelError, match=r"not found in .*tfhub_cache_dir, .*kagglehub_cache, and"):
        find_weights("yamnet", replace(UNCHECKED, note=notes.append))
    assert notes[0].startswith(f"passed over {folder}: ")
    assert reason in notes[0]
    for command in (["list"], ["info", "yamnet"]):
        capsys.readouterr()
        assert main(["models", *command]) == 0
        assert f"{folder}: " in capsys.readouterr().out
    assert main(["models", "info", HANDLE, "--json"]) == 0
    (passed,) = json.loads(capsys.readouterr().out)["passed_over"]
    assert passed["path"] == str(folder)
    assert reason in passed["problem"]
    # The next cache is searched instead.
    other = kaggle_folder("google/yamnet/TensorFlow2/yamnet/1")
    complete(saved_model(other))
    assert find_weights("yamnet", UNCHECKED).path == other


def test_a_cache_that_cannot_be_read_is_passed_over(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved_model(hub_folder(HANDLE))
    exists = Path.exists

    def refuse(path: Path) -> bool:
        if path == folder:
            raise PermissionError(13, "Permission denied")
        return exists(path)

    monkeypatch.setattr(Path, "exists", refuse)
    (cached,) = cached_folders_of("yamnet")
    assert cached.problem == "cannot be read: Permission denied"
    assert local_weights("yamnet") is None


def test_an_abandoned_lock_beside_a_complete_folder_is_ignored(data: Path) -> None:
    folder = saved_model(hub_folder(HANDLE))
    _lock(folder, 2 * LOCK_SECONDS)
    assert find_weights("yamnet", UNCHECKED).path == folder


def test_kagglehub_marks_a_complete_download(data: Path) -> None:
    folder = saved_model(kaggle_folder("o/m/tensorFlow2/v/1"), graph=b"other")
    (cached,) = cached_folders_of("o/m/tensorFlow2/v/1")
    assert cached.problem == "unfinished download (1.complete is missing)"
    complete(folder)
    (cached,) = cached_folders_of("o/m/tensorFlow2/v/1")
    assert (cached.path, cached.problem) == (folder, None)
    # YAMNet's size is known, so a copy of it without the mark is not in doubt.
    saved_model(kaggle_folder())
    assert find_weights("yamnet", UNCHECKED).name == "yamnet"


def test_the_size_of_yamnets_weights_is_that_of_its_tensors() -> None:
    import math

    from dreamsound_studio.models.yamnet.arrays import weight_names

    assert 4 * sum(math.prod(shape) for shape in weight_names().values()) == WHOLE


# -- the real YAMNet ------------------------------------------------------------------------------


@pytest.fixture
def read_only(data: Path, saved_model_folder: Path) -> Iterator[Path]:
    """YAMNet in a cache of hub in which nothing may be written."""
    folder = shutil.copytree(saved_model_folder, hub_folder(HANDLE))
    places = [folder.parent, folder, *folder.rglob("*")]
    modes = [(place, place.stat().st_mode) for place in places]
    for place, mode in modes:
        place.chmod(mode & 0o555)
    yield folder
    for place, mode in modes:
        place.chmod(mode | 0o700)


@pytest.mark.yamnet
def test_yamnet_is_loaded_from_a_read_only_cache(data: Path, read_only: Path) -> None:
    from dreamsound_studio.api import load_model

    before = snapshot(read_only.parent)
    model = load_model(HANDLE)
    assert model.name == "yamnet"
    found = find_weights("yamnet", UNCHECKED)
    assert found.path == read_only
    assert table_of(found).network == "YAMNet"
    assert snapshot(read_only.parent) == before
    assert not data.exists()


@pytest.mark.yamnet
def test_a_recipe_stores_the_name_and_the_hash(read_only: Path, tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    from dreamsound_studio.cli import main
    from dreamsound_studio.render.note import read_note

    sound = tmp_path / "noise.wav"
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    soundfile.write(sound, noise.astype(np.float32), 16_000)
    out = tmp_path / "out"
    arguments = ["render", str(sound), "--out", str(out), "--model", HANDLE, "--steps", "1"]
    assert main(arguments) == 0
    note = read_note(next(out.glob("*.wav")))
    assert note["recipe"]["model"] == "yamnet"
    assert len(note["weights_sha256"]) == 64


@pytest.mark.yamnet
def test_pull_copies_from_the_cache(data: Path, read_only: Path) -> None:
    before = snapshot(read_only.parent)
    notes: list[str] = []
    found = fetch(entry_of(HANDLE), replace(UNCHECKED, note=notes.append))
    assert notes == [f"copying yamnet from {read_only}"]
    assert found.path == data / "yamnet"
    # The copy is the user's: it can be changed and removed.
    assert all(path.stat().st_mode & 0o700 == 0o700 for path in (found.path, found.path / "assets"))
    shutil.rmtree(data)
    assert pull_listed(CATALOG["yamnet"], KAGGLE, UNCHECKED).path == data / "yamnet"
    assert snapshot(read_only.parent) == before


def test_a_cached_folder_that_fails_the_check_is_not_copied(data: Path) -> None:
    folder = saved_model(hub_folder(HANDLE))
    notes: list[str] = []

    def reject(_weights: object) -> None:
        raise ModelError("not yamnet")

    with pytest.raises(ModelError, match="the download failed"):
        fetch(CATALOG["yamnet"], Watch(note=notes.append, check=reject))
    assert f"passed over {folder}: rejected: not yamnet" in notes
    assert not (data / "yamnet").exists()


# -- handles of unlisted models -------------------------------------------------------------------

OTHER = "https://tfhub.dev/somebody/net/1"


def test_an_unlisted_model_in_a_cache_needs_trust(data: Path) -> None:
    folder = saved_model(hub_folder(OTHER), size=8, graph=b"other")
    with pytest.raises(ModelError, match=r"program that runs with your rights.*--trust"):
        find_weights(OTHER, UNCHECKED)
    found = find_weights(OTHER, replace(UNCHECKED, may_run=lambda _: True))
    assert (found.name, found.path, found.kind) == (OTHER, folder, "savedmodel")
    assert find_weights(OTHER, UNCHECKED) == found
    assert probable_weights(OTHER) == found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The handle of an unlisted model on a server of our own."""
    root = tmp_path / "served"
    (root / "somebody" / "net").mkdir(parents=True)
    with tarfile.open(root / "somebody" / "net" / "1", "w:gz") as archive:
        archive.add(saved_model(tmp_path / "packed", size=8, graph=b"other"), ".")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Stay silent."""

    handler = functools.partial(Quiet, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/somebody/net/1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_unlisted_model_is_downloaded_once_it_is_trusted(data: Path, served: str) -> None:
    assert probable_weights(served) is None
    with pytest.raises(ModelError, match="--trust"):
        find_weights(served, UNCHECKED)
    assert not data.exists()
    found = find_weights(served, replace(UNCHECKED, may_run=lambda _: True))
    assert (found.name, found.kind) == (served, "savedmodel")
    assert found.place.parent == data
    assert found.place.name.startswith("somebody-net-1-")
    assert ledger.is_trusted(ledger.fingerprint(found.place))
    assert find_weights(served, UNCHECKED) == found


@pytest.mark.parametrize(("query", "asked"), [("", "?"), ("?key=a", "?key=a&")])
def test_the_format_is_added_to_the_query(
    data: Path, monkeypatch: pytest.MonkeyPatch, query: str, asked: str
) -> None:
    addresses: list[str] = []

    def refuse(address: str, *_: object, **__: object) -> None:
        addresses.append(address)
        raise ModelError("refused")

    monkeypatch.setattr("dreamsound_studio.models.store.fetch.download", refuse)
    with pytest.raises(ModelError, match="refused"):
        find_weights(OTHER + query, replace(UNCHECKED, may_run=lambda _: True))
    assert addresses == [f"{OTHER}{asked}tf-hub-format=compressed"]


def test_an_unlisted_model_that_is_unreachable_is_one_line(data: Path) -> None:
    handle = "http://127.0.0.1:9/somebody/net/1"
    with pytest.raises(ModelError, match=r"net/1 not found in .*download failed: .*refused") as one:
        find_weights(handle, replace(UNCHECKED, may_run=lambda _: True))
    assert "\n" not in str(one.value)
    for raising in (table_named, entry_of):
        with pytest.raises(ModelError, match=r"not on this machine.*pull NAME --from http"):
            raising(handle)


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        ("google/yamnet/tfLite/tflite/1", "tfLite models are not SavedModels"),
        ("google/vggish/tensorFlow2/vggish", r"no version\. Add one, as in .*/vggish/1"),
    ],
)
@pytest.mark.usefixtures("data")
def test_a_handle_that_cannot_be_downloaded_says_why(handle: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        find_weights(handle, replace(UNCHECKED, may_run=lambda _: True))


def test_an_unlisted_model_is_pulled_from_a_cache(data: Path, tmp_path: Path) -> None:
    folder = hub_folder(OTHER)
    save_outputs(folder, {"scores": logits})
    before = snapshot(folder)
    classes = tmp_path / "classes.csv"
    classes.write_text("\n".join(["name", *NAMES]))
    watch = replace(UNCHECKED, may_run=lambda _: True)
    found = pull_foreign("net", OTHER, Wishes(rate=8000), classes, watch).weights
    assert found.path == data / "net"
    assert table_of(found).class_names == NAMES
    assert snapshot(folder) == before


def test_the_queue_keeps_a_handle_as_it_is(tmp_path: Path) -> None:
    from dreamsound_studio.jobs.request import absolute

    for model in (HANDLE, KAGGLE, OTHER):
        recipe = dreamsound.Recipe.make(model=model)
        assert absolute(recipe, tmp_path).model == model
