"""Handles of TF Hub and Kaggle, and the models they stand for."""

from __future__ import annotations

import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.models.store.handles import parse_handle
from dreamsound_studio.models.store.local import looks_like_path, resolved_name

YAMNET = "https://www.kaggle.com/models/google/yamnet"
NAMES = st.text(string.ascii_letters + string.digits + "-_", min_size=1).filter(
    lambda text: text[0] not in "-_"
)


@pytest.mark.parametrize(
    "handle",
    [
        "https://tfhub.dev/google/yamnet/1",
        "https://tfhub.dev/google/yamnet/1/",
        "https://tfhub.dev/google/yamnet",
        "http://tfhub.dev/google/yamnet/1",
        "https://tfhub.dev/google/yamnet/1?tf-hub-format=compressed",
        f"{YAMNET}/tensorFlow2/yamnet/1",
        f"{YAMNET}/TensorFlow2/yamnet/1",
        f"{YAMNET}/tensorFlow2/yamnet",
        f"{YAMNET}/frameworks/tensorFlow2/variations/yamnet/versions/1?tfhub-redirect=true",
        "https://kaggle.com/models/google/yamnet/tensorFlow2/yamnet/1",
        "google/yamnet/tensorFlow2/yamnet/1",
        "google/yamnet/TensorFlow2/yamnet",
    ],
)
def test_handles_of_yamnet_are_yamnet(handle: str) -> None:
    assert resolved_name(handle) == "yamnet"
    assert not looks_like_path(handle)


@pytest.mark.parametrize(
    ("handle", "url"),
    [
        ("https://tfhub.dev/google/vggish/1", "https://tfhub.dev/google/vggish/1"),
        ("https://tfhub.dev/google/yamnet/2", "https://tfhub.dev/google/yamnet/2"),
        ("google/vggish/TensorFlow2/vggish/1", f"{YAMNET[:-6]}vggish/tensorFlow2/vggish/1"),
        ("google/yamnet/tensorFlow2/yamnet/2", f"{YAMNET}/tensorFlow2/yamnet/2"),
        ("google/yamnet/tfLite/tflite/1", f"{YAMNET}/tfLite/tflite/1"),
        ("HTTPS://Example.org/Net.tar.gz?key=a", "https://example.org/Net.tar.gz?key=a"),
    ],
)
def test_other_handles_keep_their_url(handle: str, url: str) -> None:
    assert resolved_name(handle) == url
    assert resolved_name(url) == url


@pytest.mark.parametrize(
    "text", ["auto", "yamnet", "mine.h5", "./a/b/c/d", "a/b/c/d", "a/b/tensorFlow2", "~/a/b"]
)
def test_names_and_paths_are_not_handles(text: str) -> None:
    assert parse_handle(text) is None
    assert resolved_name(text) == text


def test_a_path_that_exists_is_not_a_handle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    handle = "google/yamnet/tensorFlow2/yamnet/1"
    Path(handle).mkdir(parents=True)
    assert resolved_name(handle) == handle
    assert looks_like_path(handle)


@given(NAMES, NAMES, NAMES, st.none() | st.integers(1, 99))
def test_every_spelling_of_a_model_is_the_same_handle(
    owner: str, model: str, variation: str, version: int | None
) -> None:
    end = "" if version is None else f"/{version}"
    handle = parse_handle(f"{owner}/{model}/tensorFlow2/{variation}{end}")
    assert handle is not None
    assert handle.kaggle is not None
    assert len(handle.spellings) == 4
    for spelling in handle.spellings:
        assert parse_handle(spelling) == handle
        assert parse_handle(f"{spelling}?tf-hub-format=compressed") == handle
    assert handle.names(handle)
    other = replace(handle, kaggle=replace(handle.kaggle, version=100))
    assert other.names(handle) is False
    assert handle.names(other) is (version is None)


def test_folders_of_different_handles_differ() -> None:
    texts = ["https://a.org/net.tar.gz", "https://b.org/net.tar.gz", "https://a.org/", YAMNET]
    handles = [parse_handle(text) for text in texts]
    names = [handle.folder_name for handle in handles if handle is not None]
    assert len(set(names)) == len(texts)
    assert all(name.replace("-", "").isalnum() for name in names)
    assert names[0].startswith("net-")
