"""What tests share: YAMNet's weights, the model built of them, and the shared sounds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

# Before anything imports TensorFlow, here or in a process that a test starts.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from dreamsound.models.catalog import CATALOG, MODELS_VARIABLE, is_weights, search_folders

if TYPE_CHECKING:
    from dreamsound.models.yamnet import YamNet


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


@pytest.fixture(scope="session")
def yamnet() -> YamNet:
    """YAMNet, loaded once: the graphs traced by one test are there for the next."""
    local_weights()
    from dreamsound.models.load import load_model
    from dreamsound.models.yamnet import YamNet

    model = load_model("yamnet")
    assert isinstance(model, YamNet)
    return model


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
