"""What tests share: YAMNet's weights, the model built of them, and the shared sounds."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.entries import CATALOG
from dreamsound_studio.models.store.fetch import fetch_wheel
from dreamsound_studio.models.store.local import MODELS_VARIABLE, is_weights, search_folders
from dreamsound_studio.models.store.unpack import unpack_wheel
from dreamsound_studio.models.store.watch import Watch

from .counts import Counts, counting

if TYPE_CHECKING:
    from dreamsound_studio.models.basic_pitch.network import BasicPitch
    from dreamsound_studio.models.yamnet.network import YamNet

# Before anything imports TensorFlow, here or in a process that a test starts.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Nor does a test's dream belong into anybody's library.
os.environ["DREAMSOUND_LIBRARY"] = "off"
# What is remembered of models by a test run is nobody's business.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="dreamsound-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)
# A model in the cache of another program does not change what a test finds.
for _variable in ("TFHUB_CACHE_DIR", "KAGGLEHUB_CACHE"):
    os.environ[_variable] = str(Path(os.environ["XDG_STATE_HOME"]) / _variable.lower())


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where everything has to be there (with CI set)."""
    message = f"{what}: name the folder of models in {MODELS_VARIABLE}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def local_weights(wants_folder: bool | None = None) -> Path:
    """Return YAMNet's weights on this machine, a folder or an .h5 file; never fetch them."""
    for folder in search_folders():
        for name in CATALOG["yamnet"].files:
            path = folder / name
            if is_weights(path) and wants_folder in (None, path.is_dir()):
                return path
    form = {None: "YAMNet", True: "YAMNet as a SavedModel", False: "yamnet.h5"}[wants_folder]
    missing(f"{form} is not on this machine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked ``yamnet`` where YAMNet is missing, whatever fixtures it takes."""
    if item.get_closest_marker("yamnet") is not None:
        local_weights()


@pytest.fixture(scope="session")
def yamnet() -> YamNet:
    """YAMNet, loaded once: the graphs traced by one test are there for the next."""
    local_weights()
    from dreamsound_studio.api import load_model
    from dreamsound_studio.models.yamnet.network import YamNet

    model = load_model("yamnet")
    assert isinstance(model, YamNet)
    return model


@pytest.fixture
def counts() -> Iterator[Counts]:
    """Counts of validations and parses in this test."""
    with counting() as found:
        yield found


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let memory run out with more patches at a time than some number.

    By default always; or only once so many gradients have been taken in larger blocks.
    """
    from dreamsound_studio.dream import step_gradient
    from dreamsound_studio.dream.ear import Ear

    gradients, hear, every = step_gradient.gradients, Ear.hear, Ear._of_every_patch

    def limit(most: int, after: int = 0, kind: Callable[[], Exception] = MemoryError) -> None:
        taken = [0]

        def check(ear: Ear) -> None:
            if ear.block_patches > most and taken[0] >= after:
                raise kind()

        def limited_gradients(passes: Any, *arguments: Any) -> Any:
            for one in passes:
                check(one.ear)
            taken[0] += 1
            return gradients(passes, *arguments)

        def limited_hear(ear: Ear, *arguments: Any, **more: Any) -> Any:
            check(ear)
            return hear(ear, *arguments, **more)

        def limited_every(ear: Ear, *arguments: Any, **more: Any) -> Any:
            check(ear)
            return every(ear, *arguments, **more)

        monkeypatch.setattr(step_gradient, "gradients", limited_gradients)
        monkeypatch.setattr(Ear, "hear", limited_hear)
        monkeypatch.setattr(Ear, "_of_every_patch", limited_every)

    return limit


@pytest.fixture(scope="session")
def saved_model_folder() -> Path:
    """The published SavedModel, an oracle for scores and gradients."""
    return local_weights(wants_folder=True)


@pytest.fixture(scope="session")
def yamnet_h5() -> Path:
    """The published weights as one file."""
    return local_weights(wants_folder=False)


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """The folder ``audio`` beside the folder of models: whistle, cat, drums, bouzouki."""
    for folder in search_folders():
        audio = folder.parent / "audio"
        if (audio / "whistle.wav").is_file():
            return audio
    missing("the shared sounds are not beside the folder of models")


@pytest.fixture(scope="session")
def musicnn_wheel(request: pytest.FixtureRequest) -> Path:
    """The wheel of musicnn from PyPI, kept in pytest's cache."""
    entry = CATALOG["mtt-musicnn"]
    folder = request.config.cache.mkdir("musicnn")
    try:
        return fetch_wheel(entry.handle, entry.sha256, folder, Watch(check=lambda _weights: None))
    except ModelError as error:
        pytest.skip(f"musicnn is unavailable: {error}")


@pytest.fixture(scope="session")
def musicnn_package(musicnn_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the package with its four checkpoints and graphs, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(musicnn_wheel) as archive:
        archive.extractall(folder)
    return folder / "musicnn"


@pytest.fixture(scope="session")
def basic_pitch_wheel(request: pytest.FixtureRequest) -> Path:
    """The wheel of basic-pitch from PyPI, kept in pytest's cache."""
    entry = CATALOG["basic-pitch"]
    folder = request.config.cache.mkdir("basic-pitch")
    try:
        return fetch_wheel(entry.handle, entry.sha256, folder, Watch(check=lambda _weights: None))
    except ModelError as error:
        pytest.skip(f"basic-pitch is unavailable: {error}")


@pytest.fixture(scope="session")
def basic_pitch_folder(basic_pitch_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of its weights, unpacked."""
    part = CATALOG["basic-pitch"].wheel_part
    assert part is not None
    folder = tmp_path_factory.mktemp("models") / "basic-pitch"
    unpack_wheel(basic_pitch_wheel, part, folder)
    return folder


@pytest.fixture(scope="session")
def basic_pitch(basic_pitch_folder: Path) -> BasicPitch:
    """basic-pitch, loaded once."""
    from dreamsound_studio.models.basic_pitch.network import load_basic_pitch
    from dreamsound_studio.models.weights import Weights

    return load_basic_pitch(Weights("basic-pitch", basic_pitch_folder, "basic-pitch"))


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of models on a machine that has none, and can reach no network."""
    import platformdirs

    import dreamsound_studio.models.store.fetch as fetch

    monkeypatch.delenv(MODELS_VARIABLE, raising=False)
    for kind in ("data", "cache", "state"):
        place = str(tmp_path / f"user-{kind}")
        monkeypatch.setattr(platformdirs, f"user_{kind}_dir", lambda *_, _at=place, **__: _at)
    for variable in ("TFHUB_CACHE_DIR", "KAGGLEHUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fetch, "_pip", lambda: None)
    for name, entry in CATALOG.items():
        here = replace(entry, handle=f"http://127.0.0.1:9/{name}/1", mirrors=())
        monkeypatch.setitem(CATALOG, name, here)
    return tmp_path / "user-data" / "models"
