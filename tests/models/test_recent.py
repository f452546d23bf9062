"""Models of a script that stay loaded for its next call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dreamsound_studio.models import recent
from dreamsound_studio.models.recent import MOST_MODELS, RecentModels
from dreamsound_studio.models.weights import Weights


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> RecentModels:
    """Of models that stand for networks."""
    monkeypatch.setattr(recent, "load_weights", lambda _: object())
    return RecentModels()


def weights(folder: Path, name: str) -> Weights:
    path = folder / f"{name}.h5"
    path.write_bytes(name.encode())
    return Weights(name, path)


def test_the_models_used_last_stay_loaded(models: RecentModels, tmp_path: Path) -> None:
    places = [weights(tmp_path, str(n)) for n in range(MOST_MODELS + 1)]
    first, second = (models.load(one) for one in places[:2])
    for one in places[2:]:
        assert models.load(places[0]) is first
        models.load(one)
    assert models.load(places[0]) is first
    assert models.load(places[1]) is not second


def test_a_model_whose_files_have_changed_is_loaded_again(
    models: RecentModels, tmp_path: Path
) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"one")
    place = Weights("saved", folder, "savedmodel")
    first = models.load(place)
    assert models.load(place) is first
    os.utime(folder / "saved_model.pb", ns=(0, 0))
    second = models.load(place)
    assert second is not first
    (folder / "variables").write_bytes(b"two")
    assert models.load(place) is not second


def test_a_plug_in_is_loaded_each_time(models: RecentModels) -> None:
    plugin = Weights("loudness", None, "plugin")
    assert models.load(plugin) is not models.load(plugin)
