"""The user's folders: read at each use, and the same for every part of the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from dreamsound_desktop.analysis import disk_cache
from dreamsound_desktop.state import preferences
from dreamsound_studio import paths
from dreamsound_studio.library.library import LIBRARY_VARIABLE, library_path
from dreamsound_studio.models.store.local import user_models_folder
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, default_path
from dreamsound_studio.recipe.presets import user_presets_folder


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for kind in ("data", "cache", "state"):
        place = str(tmp_path / kind)
        monkeypatch.setattr(platformdirs, f"user_{kind}_dir", lambda *_, _at=place, **__: _at)
    for variable in (LIBRARY_VARIABLE, QUEUE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def test_everything_lies_in_the_users_folders(user: Path) -> None:
    assert paths.state_folder() == user / "state"
    assert user_presets_folder() == user / "data" / "presets"
    assert user_models_folder() == user / "data" / "models"
    assert library_path() == user / "data" / "library.sqlite"
    assert default_path() == user / "data" / "queue" / "queue.sqlite"
    assert paths.runs_folder() == user / "data" / "reaper" / "runs"
    assert preferences.app_folder() == user / "data" / "studio"
    assert disk_cache.view_cache_folder() == user / "cache" / "views"


@pytest.mark.skipif(sys.platform != "linux", reason="other variables elsewhere")
def test_the_folders_keep_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("data", "cache", "state"):
        monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", str(tmp_path / kind))
    found = [paths.data_folder(), paths.cache_folder(), paths.state_folder()]
    assert found == [tmp_path / kind / "dreamsound" for kind in ("data", "cache", "state")]


def test_the_lowest_layer_imports_nothing_above_it() -> None:
    modules = ("durable", "files", "locks", "paths", "sqlite", "_version")
    code = (
        "import sys\n"
        f"for name in {modules}: __import__(f'dreamsound_studio.{{name}}')\n"
        "print(*(name for name in sys.modules if name.startswith('dreamsound_studio.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # The package itself imports `dream`, an empty folder, to let it be called.
    allowed = {f"dreamsound_studio.{name}" for name in (*modules, "errors", "control", "dream")}
    assert set(run.stdout.split()) <= allowed
