"""The catalog: where weights are looked for, in which order, and how they are fetched."""

from __future__ import annotations

import gc
import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import sys
import tarfile
import threading
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import dreamsound_studio.models.store.fetch as fetch
import dreamsound_studio.models.store.ledger as ledger
import dreamsound_studio.models.store.unpack as unpack
from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.entries import CATALOG
from dreamsound_studio.models.store.find import find_weights
from dreamsound_studio.models.store.handles import parse_handle
from dreamsound_studio.models.store.local import MODELS_VARIABLE, is_weights, search_folders
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.tables import table_named
from dreamsound_studio.models.weights import MUSICNN_NAMES
from dreamsound_studio.recipe.recipe import Recipe

#: The files that are kept of a checkpoint of musicnn.
CHECKPOINT_FILES = CATALOG["mtt-musicnn"].wheel_part.files
#: What is fetched here is not a network: nobody listens to it.
UNCHECKED = Watch(check=lambda _weights: None)


def saved_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph of _yamnet")
    return folder


@pytest.fixture
def data(bare_machine: Path) -> Path:
    """The user's folder of models, in a world without any other, network included."""
    return bare_machine


def point_yamnet_to(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    entry = replace(CATALOG["yamnet"], handle=f"http://127.0.0.1:{port}/google/yamnet/1")
    monkeypatch.setitem(CATALOG, "yamnet", entry)


# -- on this machine ------------------------------------------------------------------------------


def test_folders_are_searched_in_their_order(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv(MODELS_VARIABLE, os.pathsep.join([str(first), "", str(second)]))
    assert search_folders() == [first, second, data]
    for folder in (data, second, first):
        expected = saved_model(folder / "yamnet")
        for name in ("yamnet", "auto"):
            found = find_weights(name, UNCHECKED)
            assert (found.name, found.path) == ("yamnet", expected)


def test_a_folder_is_preferred_to_an_h5_beside_it(data: Path) -> None:
    data.mkdir(parents=True)
    (data / "yamnet.h5").write_bytes(b"weights")
    assert find_weights("auto", UNCHECKED).path == data / "yamnet.h5"
    saved_model(data / "yamnet")
    assert find_weights("auto", UNCHECKED).path == data / "yamnet"


def test_a_path_goes_before_every_folder(tmp_path: Path, data: Path) -> None:
    saved_model(data / "yamnet")
    mine = saved_model(tmp_path / "mine")
    assert find_weights(str(mine), UNCHECKED).path == mine
    (tmp_path / "mine.h5").write_bytes(b"weights")
    assert find_weights(str(tmp_path / "mine.h5"), UNCHECKED).path == tmp_path / "mine.h5"


def test_a_folder_here_may_be_named_without_a_slash(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_model(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert find_weights("mine", UNCHECKED).path == Path("mine")
    # A folder with the name of a model in the catalog is not a path to it.
    (tmp_path / "yamnet").mkdir()
    expected = saved_model(data / "yamnet")
    assert find_weights("yamnet", UNCHECKED).path == expected


def test_what_counts_as_weights(tmp_path: Path) -> None:
    assert is_weights(saved_model(tmp_path / "a"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b.h5").mkdir()
    (tmp_path / "c.h5").write_bytes(b"")
    (tmp_path / "c.txt").write_bytes(b"")
    found = {name: is_weights(tmp_path / name) for name in ("b", "b.h5", "c.h5", "c.txt", "d")}
    assert found == {"b": False, "b.h5": False, "c.h5": True, "c.txt": False, "d": False}


@pytest.mark.usefixtures("data")
def test_a_path_that_is_no_model_is_reported(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.h5", "~/no/such/model"):
        with pytest.raises(ModelError, match=r"not a SavedModel folder .* \.h5 file"):
            find_weights(str(path), UNCHECKED)


@pytest.mark.usefixtures("data")
def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"Unknown model 'yamnt'. Did you mean yamnet"):
        find_weights("yamnt", UNCHECKED)
    with pytest.raises(ModelError, match=r"'zzz'. Use yamnet, mtt-musicnn, .*, or a path"):
        find_weights("zzz", UNCHECKED)


@pytest.mark.usefixtures("data")
def test_tables_need_no_weights_but_a_name_that_is_known(tmp_path: Path) -> None:
    for model in ("auto", "yamnet", str(saved_model(tmp_path / "mine"))):
        assert table_named(model).network == "YAMNet"
    for model in MUSICNN_NAMES:
        assert (table_named(model).network, len(table_named(model).class_names)) == (model, 50)
    with pytest.raises(ModelError, match="Did you mean yamnet"):
        table_named("yamnt")


# -- on the network -------------------------------------------------------------------------------


class Hub(http.server.BaseHTTPRequestHandler):
    """Sends from one address to another, as TF Hub does, and there an archive."""

    archive = b""
    withheld = 0
    status = 200
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/google/yamnet/1?tf-hub-format=compressed":
            self.send_response(302)
            self.send_header("Location", "/storage/yamnet.tar.gz")
            self.end_headers()
            return
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.archive)))
        self.end_headers()
        self.wfile.write(self.archive[: len(self.archive) - self.withheld])

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def hub(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """A hub of our own, to which the catalog points."""

    class Fresh(Hub):
        asked: list[str] = []  # noqa: RUF012 - each test makes its own class

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fresh)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    point_yamnet_to(monkeypatch, server.server_address[1])
    yield Fresh
    server.shutdown()
    thread.join()
    server.server_close()


def archive_of(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def archive_in_two(files: dict[str, bytes]) -> tuple[bytes, bytes]:
    """An archive cut between two of its files: what is there looks whole to a reader."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    plain = gzip.decompress(archive_of(files))
    first = 1024  # a header and a block of content
    parts = packer.compress(plain[:first]) + packer.flush(zlib.Z_FULL_FLUSH)
    return parts, packer.compress(plain[first:]) + packer.flush()


WHOLE = {
    "./saved_model.pb": b"graph of _yamnet",
    "./variables/variables.index": b"index",
    "./assets/yamnet_class_map.csv": os.urandom(100_000),
}
IN_TWO = archive_in_two(WHOLE)
BARE = {"./assets/yamnet_class_map.csv": b"index,mid,display_name"}


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_what_is_nowhere_is_fetched_once_into_the_users_folder(hub: type[Hub], data: Path) -> None:
    hub.archive = archive_of(WHOLE)
    notes: list[str] = []
    watch = replace(UNCHECKED, note=notes.append)
    found = find_weights("auto", watch)
    assert found.path == data / "yamnet"
    assert left_in(data) == ["yamnet"]
    for name, content in WHOLE.items():
        assert (found.path / name).read_bytes() == content
    assert hub.asked == ["/google/yamnet/1?tf-hub-format=compressed", "/storage/yamnet.tar.gz"]
    assert notes == [f"downloading yamnet from {CATALOG['yamnet'].handle}"]
    assert find_weights("auto", watch) == found
    assert len(hub.asked) == 2
    assert len(notes) == 1


def without(*names: str) -> dict[str, bytes]:
    return {name: content for name, content in WHOLE.items() if name not in names}


@pytest.mark.parametrize(
    ("archive", "status", "withheld"),
    [
        pytest.param(archive_of(WHOLE), 200, 50_000, id="connection lost"),
        pytest.param(archive_of(WHOLE), 200, 1, id="connection lost at the end"),
        pytest.param(b"".join(IN_TWO), 200, len(IN_TWO[1]), id="connection lost between files"),
        pytest.param(archive_of(WHOLE)[:-50_000], 200, 0, id="cut"),
        pytest.param(b"", 200, 0, id="nothing"),
        pytest.param(b"<html>please log in</html>", 200, 0, id="a web page"),
        pytest.param(archive_of(without("./saved_model.pb")), 200, 0, id="no model"),
        pytest.param(archive_of(WHOLE), 404, 0, id="not found"),
        pytest.param(archive_of(WHOLE), 503, 0, id="busy"),
    ],
)
def test_of_a_fetch_that_fails_nothing_is_left(
    hub: type[Hub], data: Path, archive: bytes, status: int, withheld: int
) -> None:
    hub.archive, hub.status, hub.withheld = archive, status, withheld
    with pytest.raises(ModelError) as raised:
        find_weights("yamnet", UNCHECKED)
    message = str(raised.value)
    assert "\n" not in message
    del raised
    gc.collect()  # a connection that is left open warns when it is collected
    for word in (str(data), hub.asked[0].partition("?")[0], "--from FILE", MODELS_VARIABLE):
        assert word in message
    # What came before a connection broke is kept, to resume from.
    assert left_in(data) == (
        [f"..yamnet.tar.gz.partial{end}" for end in ("", ".json")] * bool(withheld)
    )


def test_an_archive_cannot_write_outside_of_its_folder(hub: type[Hub], data: Path) -> None:
    hub.archive = archive_of(
        WHOLE | {"../evil": b"1", "/tmp/dreamsound-evil": b"2", "a/../../evil2": b"3"}
    )
    find_weights("yamnet", UNCHECKED)
    assert left_in(data) == ["yamnet"]
    assert left_in(data / "yamnet") == ["assets", "saved_model.pb", "variables"]
    assert not Path("/tmp/dreamsound-evil").exists()


def test_an_archive_without_an_end_is_given_up(
    hub: type[Hub], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MOST_BYTES", 50_000)
    hub.archive = archive_of(WHOLE | {"./variables/variables.data": bytes(60_000), **BARE})
    with pytest.raises(ModelError, match="exceeds"):
        find_weights("yamnet", UNCHECKED)
    assert left_in(data) == []


def by_a_script() -> object:
    from dreamsound_studio.api import load_model

    return load_model("yamnet")


def by_the_worker() -> object:
    from dreamsound_studio.jobs.models import WarmModels

    return WarmModels(0).load(Recipe.make(model="yamnet"))


def by_a_command() -> object:
    from dreamsound_studio.cli.shared.fetching import load_model_of

    return load_model_of(Recipe.make(model="yamnet"), False)


@pytest.mark.parametrize("load", [by_a_script, by_the_worker, by_a_command])
def test_whoever_fetches_checks_before_keeping(
    hub: type[Hub], data: Path, load: Callable[[], object]
) -> None:
    hub.archive = archive_of(WHOLE)
    with pytest.raises(ModelError, match=r"rejected: .*cannot be read as YAMNet"):
        load()
    assert left_in(data) == []


def test_a_watch_without_a_check_is_refused() -> None:
    with pytest.raises(TypeError, match="check"):
        Watch()  # type: ignore[call-arg]


def test_a_server_that_is_not_there_is_reported_at_once(data: Path) -> None:
    with pytest.raises(ModelError, match=r"connection failed .*refused.*DREAMSOUND_MODELS"):
        find_weights("yamnet", UNCHECKED)
    assert left_in(data) == []


def test_a_data_folder_that_cannot_be_written_is_reported(hub: type[Hub], data: Path) -> None:
    hub.archive = archive_of(WHOLE)
    data.parent.write_text("a file in the way")
    with pytest.raises(ModelError, match=rf"cannot be read .*{data.parent}"):
        find_weights("yamnet", UNCHECKED)


@pytest.mark.yamnet
def test_the_model_that_is_fetched_is_the_model_that_was_sent(
    hub: type[Hub], data: Path, saved_model_folder: Path
) -> None:
    from dreamsound_studio.api import load_model
    from dreamsound_studio.models.weights import Weights
    from dreamsound_studio.models.yamnet.network import load_yamnet

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        archive.add(saved_model_folder, ".")
    hub.archive = packed.getvalue()
    fetched = load_model("yamnet")
    assert (data / "yamnet" / "saved_model.pb").is_file()
    original = load_yamnet(Weights("yamnet", saved_model_folder))
    assert fetched.weights_sha256 == original.weights_sha256


# -- auto, and what is remembered -----------------------------------------------------------------


@pytest.fixture
def musicnn_on(hub: type[Hub], data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel with a checkpoint in it, at the address that the catalog knows."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as wheel:
        for file in CHECKPOINT_FILES:
            wheel.writestr(f"musicnn/MTT_musicnn/{file}", b"numbers")
        wheel.writestr("musicnn/__init__.py", b"raise SystemExit")
    hub.archive = packed.getvalue()
    entry = CATALOG["mtt-musicnn"]
    port = CATALOG["yamnet"].handle.split(":")[2].split("/")[0]
    handle = f"http://127.0.0.1:{port}/packages/musicnn-0.1.0-py3-none-any.whl"
    sha256 = hashlib.sha256(hub.archive).hexdigest()
    monkeypatch.setitem(CATALOG, "mtt-musicnn", replace(entry, handle=handle, sha256=sha256))
    monkeypatch.setitem(
        CATALOG, "yamnet", replace(CATALOG["yamnet"], handle="http://127.0.0.1:9/google/yamnet/1")
    )


@pytest.mark.usefixtures("musicnn_on")
def test_auto_falls_back_to_musicnn_and_says_so(hub: type[Hub], data: Path) -> None:
    notes: list[str] = []
    sizes: list[tuple[int, int | None]] = []
    watch = replace(
        UNCHECKED, note=notes.append, progress=lambda done, total: sizes.append((done, total))
    )
    found = find_weights("auto", watch)
    assert (found.name, found.kind, found.path) == ("mtt-musicnn", "musicnn", data / "mtt-musicnn")
    assert left_in(data / "mtt-musicnn") == sorted(CHECKPOINT_FILES)
    assert sizes[-1] == (len(hub.archive), len(hub.archive))
    assert [line.split(" ")[0] for line in notes] == ["downloading", "downloading", "auto:"]
    assert "auto: mtt-musicnn in place of yamnet, which cannot be reached (http" in notes[-1]
    assert "google/yamnet/1" in notes[-1]
    assert "50 tags of music, not 521 sounds; presets of sounds, such as birds, do not" in notes[-1]
    assert "models pull yamnet --from" in notes[-1]
    assert table_named("auto").network == "mtt-musicnn"
    # The next time nobody waits for a server that is known to be out of reach.
    notes.clear()
    assert find_weights("auto", watch) == found
    [line] = notes
    assert line.startswith("auto: mtt-musicnn in place of yamnet: http")
    assert "521" not in line  # what changes has been said
    with pytest.raises(ModelError, match="pull yamnet --from"):
        find_weights("yamnet", watch)
    # A YAMNet that has come goes first again.
    saved_model(data / "yamnet")
    assert find_weights("auto", watch).name == "yamnet"


def test_kaggle_is_asked_where_the_hub_refuses(
    hub: type[Hub], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.archive = archive_of(WHOLE)
    root = CATALOG["yamnet"].handle.partition("/google")[0]
    refused = "http://127.0.0.1:9/google/yamnet/1"
    mirror = f"{root}/api/v1/models/google/yamnet/tensorFlow2/yamnet/1/download"
    entry = replace(CATALOG["yamnet"], handle=refused, mirrors=(mirror,))
    monkeypatch.setitem(CATALOG, "yamnet", entry)
    notes: list[str] = []
    found = find_weights("yamnet", replace(UNCHECKED, note=notes.append))
    assert found.path == data / "yamnet"
    assert hub.asked == ["/api/v1/models/google/yamnet/tensorFlow2/yamnet/1/download"]
    assert notes[0] == f"downloading yamnet from {refused}"
    assert notes[1].startswith(f"{refused}?tf-hub-format=compressed: connection failed")
    assert notes[1].endswith(f"; trying {mirror}")
    # Where neither serves it, both reasons are there.
    shutil.rmtree(data / "yamnet")
    hub.status = 403
    with pytest.raises(ModelError, match=r"refused.*; .*/download: HTTP 403 \(Forbidden\): 127"):
        find_weights("yamnet", UNCHECKED)


def test_the_published_addresses_of_yamnet_are_tried_in_their_order() -> None:
    entry = CATALOG["yamnet"]
    handles = [parse_handle(text) for text in entry.handles]
    kaggle = next(one for one in handles if one is not None and one.kaggle is not None)
    assert entry.handle == "https://tfhub.dev/google/yamnet/1"
    assert entry.mirrors == kaggle.download_urls[1:]


@pytest.mark.usefixtures("musicnn_on")
def test_a_recipe_that_names_yamnet_never_dreams_with_another(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from dreamsound_studio.cli import main

    assert find_weights("auto", UNCHECKED).name == "mtt-musicnn"
    sound, recipe = tmp_path / "noise.wav", tmp_path / "made.json"
    soundfile.write(sound, 0.1 * np.random.default_rng(1).standard_normal(16_000), 16_000)
    made = Recipe.make(layer="layer7", method="add", steps=1).as_dict() | {"model": "yamnet"}
    recipe.write_text(json.dumps(made))
    code = main(["render", str(sound), "--recipe", str(recipe), "--out", str(tmp_path / "out")])
    _, err = capfd.readouterr()
    assert code == 3, err
    assert "Model yamnet not found" in err
    assert "musicnn" not in err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("musicnn_on")
def test_a_wheel_that_is_another_is_not_kept(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = replace(CATALOG["mtt-musicnn"], sha256="0" * 64)
    monkeypatch.setitem(CATALOG, "mtt-musicnn", entry)
    with pytest.raises(ModelError, match="unexpected file"):
        find_weights("mtt-musicnn", UNCHECKED)
    assert left_in(data) == []


def test_pip_is_asked_where_the_address_cannot_be_reached(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pip = tmp_path / "pip.py"
    pip.write_text(
        "import pathlib, sys, zipfile\n"
        "assert sys.argv[1] == 'download' and sys.argv[-1] == 'musicnn==0.1.0', sys.argv\n"
        "folder = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1])\n"
        "with zipfile.ZipFile(folder / 'musicnn-0.1.0-py3-none-any.whl', 'w') as wheel:\n"
        "    for file in ('.index', '.data-00000-of-00001'):\n"
        "        wheel.writestr(f'musicnn/MTT_vgg/{file}', b'numbers')\n"
    )
    monkeypatch.setattr(fetch, "_pip", lambda: [sys.executable, str(pip)])
    handle = "http://127.0.0.1:9/musicnn-0.1.0-py3-none-any.whl"
    entry = replace(CATALOG["mtt-vgg"], handle=handle, sha256=None)
    monkeypatch.setitem(CATALOG, "mtt-vgg", entry)
    found = find_weights("mtt-vgg", UNCHECKED)
    assert left_in(found.place) == sorted(CHECKPOINT_FILES)
    monkeypatch.setitem(CATALOG, "mtt-vgg", replace(entry, sha256="0" * 64))
    shutil.rmtree(found.place)
    with pytest.raises(ModelError, match="pip downloaded a different musicnn"):
        find_weights("mtt-vgg", UNCHECKED)


def test_a_checkpoint_folder_is_known_by_its_name(tmp_path: Path) -> None:
    for name in ("MTT_vgg", "msd-musicnn"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".index").write_bytes(b"")
        found = find_weights(str(tmp_path / name), UNCHECKED)
        assert (found.name, found.kind) == (name.lower().replace("_", "-"), "musicnn")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".index").write_bytes(b"")
    with pytest.raises(
        ModelError, match=r"unknown network. Rename the folder to one of mtt-musicnn"
    ):
        find_weights(str(tmp_path / "mine"), UNCHECKED)


@pytest.mark.usefixtures("bare_machine")
def test_weights_that_have_changed_are_reported_once(tmp_path: Path) -> None:
    assert ledger.changed_weights(tmp_path, "a" * 64) is None
    assert ledger.changed_weights(tmp_path, "a" * 64) is None
    assert ledger.changed_weights(tmp_path, "b" * 64) == "a" * 64
    assert ledger.changed_weights(tmp_path, "b" * 64) is None


def test_a_state_folder_that_cannot_be_written_changes_nothing(bare_machine: Path) -> None:
    state = bare_machine.parent.parent / "user-state"
    state.write_text("a file in the way")
    assert ledger.changed_weights(bare_machine, "a" * 64) is None
    assert ledger.changed_weights(bare_machine, "b" * 64) is None
    assert ledger.lately_unreachable("yamnet") is None
    assert state.read_text() == "a file in the way"


@pytest.mark.yamnet
def test_a_model_whose_weights_have_changed_says_so_when_it_is_loaded(
    saved_model_folder: Path, bare_machine: Path
) -> None:
    from dreamsound_studio.models.load import ModelWarning, load_weights
    from dreamsound_studio.models.weights import Weights

    weights = Weights("yamnet", saved_model_folder)
    assert not (bare_machine.parent.parent / "user-state").exists()
    ledger.changed_weights(saved_model_folder, "a" * 64)
    with pytest.warns(ModelWarning, match=r"changed since their first use \(aaaaaaaaaaaa, now"):
        model = load_weights(weights)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_weights(weights).weights_sha256 == model.weights_sha256
