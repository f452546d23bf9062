"""Items dreamed in place: REAPER's scripts, the real engine, a real worker, the real network."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import dreamsound_studio as dreamsound
from dreamsound_reaper.take_note import TakeNote
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store
from dreamsound_studio.render.note import read_note

from ..conftest import local_weights
from .conftest import Host, item_of, saved
from .facts_made import tone
from .imitation import rpp
from .imitation.listening import lag_of, played
from .imitation.model import Item, Project, Source, Take, Track
from .imitation.reaper import Reaper

pytestmark = [pytest.mark.yamnet, pytest.mark.slow]
AGAIN_SO = "Dream selected items with last settings"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The real engine, with a queue of its own: its worker is started by the first run."""
    local_weights()
    path = tmp_path_factory.mktemp("queue") / "queue.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(QUEUE_VARIABLE, str(path))
        yield [sys.executable, "-m", "dreamsound_studio"]
        with Store(path) as store:
            for row in store.workers():
                with suppress(ProcessLookupError):
                    os.kill(row.pid, signal.SIGTERM)


@pytest.fixture
def settings(engine: list[str], install: Callable[..., Any], reaper: Reaper) -> Callable[..., None]:
    """Install the scripts for the real engine, and let REAPER remember settings."""
    install(engine=engine)

    def settings(recipe: dict[str, Any] | None = None, **more: Any) -> None:
        report = {"recipe": {"class": "Bell", "steps": 1} | (recipe or {}), **more}
        reaper.memory["DreamSound", "settings"] = json.dumps(report)

    settings()
    return settings


def noisy(path: Path, seconds: float, rate: int = 16_000, channels: int = 2) -> Path:
    """Noise that has a place for each moment: where it lies is known to the sample."""
    noise = np.random.default_rng(5).standard_normal((round(seconds * rate), channels))
    soundfile.write(path, 0.1 * noise, rate, "PCM_24")
    return path


def plain(path: Path) -> Item:
    return item_of(path, 0.5, 0.6)


def between_samples(path: Path) -> Item:
    return item_of(path, 0.30003, 0.6)


def stretched(path: Path) -> Item:
    item = item_of(path, 0.2, 0.6)
    item.take.numbers |= {"D_PLAYRATE": 1.37, "D_PITCH": 2.0, "D_VOL": 0.5, "D_PAN": -0.5}
    return item


def looped(path: Path) -> Item:
    return item_of(path, 1.6, 1.4)


def section(path: Path, mode: int) -> Item:
    item = item_of(path, 0.1, 0.5)
    item.take.source = Source("SECTION", "", item.take.source, 0.25, 1.0, mode)
    return item


def left(path: Path) -> Item:
    item = item_of(path, 0.5, 0.6)
    item.take.numbers["I_CHANMODE"] = 3.0
    return item


def swapped(path: Path) -> Item:
    item = item_of(path, 0.5, 0.6)
    item.take.numbers["I_CHANMODE"] = 1.0
    return item


ITEMS = {
    "plain": plain,
    "between samples": between_samples,
    "stretched": stretched,
    "looped": looped,
    "section": lambda path: section(path, 0),
    "reversed section": lambda path: section(path, 2),
    "reversed": lambda path: section(path, 3),
    "left": left,
    "swapped": swapped,
}


def test_the_new_takes_lie_where_the_old_one_plays(
    settings, host: Host, reaper: Reaper, action, tmp_path
):
    """Each kind of item, as the saved project plays it: the peak of correlation is at 0."""
    settings({"strength": 0.02})
    items = [make(noisy(tmp_path / f"{name}.wav", 2.0)) for name, make in ITEMS.items()]
    for item in items:
        item.is_selected = True
    project = Project(str(tmp_path / "p.rpp"), "Audio", tracks=[Track("One", items=items)])
    reaper.open(project).record_path = str(tmp_path / "Audio")
    before = saved(project)
    host.run(action(AGAIN_SO))
    host.run_until(seconds=120)
    assert reaper.messages == []
    loaded = rpp.load(saved(project), project.path)
    for name, item in zip(ITEMS, loaded.items(), strict=True):
        assert len(item.takes) == 4, name
        assert item.active == 1, name
        old, dream, gradient, _ = item.takes
        assert dream.name.endswith("- dream Bell"), name
        heard, rate = played(item, old)
        new, new_rate = played(item, dream)
        assert (rate, len(heard)) == (new_rate, len(new)), name
        assert lag_of(heard, new) == 0, name
        # It is the sound and a little more, not the sound somewhere else.
        assert np.corrcoef(heard.mean(1), new.mean(1))[0, 1] > 0.98, name
        kept = ("D_PLAYRATE", "D_PITCH", "D_VOL", "D_PAN")
        assert [dream.numbers[key] for key in kept] == [old.numbers[key] for key in kept], name
        assert gradient.numbers["D_STARTOFFS"] == dream.numbers["D_STARTOFFS"], name
        assert np.max(np.abs(played(item, gradient)[0])) > 0.001, name
        note = TakeNote.of_text(dream.ext["DreamSound"])
        assert note.input == str(tmp_path / f"{name}.wav")
        cut = None if note.cut is None else note.cut.as_dict()
        assert read_note(Path(dream.source.file))["source"].get("cut") == cut, name
    reaper.undo()
    assert saved(project) == before
    assert all(Path(take.source.root().file).is_file() for one in items for take in one.takes)


@pytest.fixture
def one(reaper: Reaper, tmp_path: Path) -> Project:
    """An item that is selected, and another that is not."""
    first = item_of(tone(tmp_path / "a.wav", 1.5, 700), 0.0, 1.0, is_selected=True)
    second = item_of(tone(tmp_path / "b.wav", 1.0, 1_500), 0.0, 0.9)
    second.numbers["D_POSITION"] = 2.0
    project = Project(str(tmp_path / "p.rpp"), str(tmp_path / "Audio"))
    project.tracks = [Track("One", items=[first, second])]
    return reaper.open(project)


def test_by_a_preset(settings, host, reaper, action, one):
    path = action("Dream selected items with preset").parent / "bridge.json"
    bridge = json.loads(path.read_text())
    bridge["presets"] = [str(Path(dreamsound.__file__).parent / "recipe" / "factory")]
    path.write_text(json.dumps(bridge))
    reaper.answers = [["soft focus"]]
    host.run(action("Dream selected items with preset"))
    host.run_until(seconds=120)
    assert reaper.messages == []
    (old, dream, *_) = one.items()[0].takes
    assert TakeNote.of_text(dream.ext["DreamSound"]).preset == "Soft focus"
    assert old.name == "a.wav"


def test_toward_onto_a_track_glued_and_again(settings, host, reaper, action, one, tmp_path):
    first, second = one.items()
    second.is_selected = True
    settings(renders=["dream"])
    host.run(action("Dream selected items toward the last selected item"))
    host.run_until(seconds=120)
    assert reaper.messages == []
    assert len(second.takes) == 1
    note = TakeNote.of_text(first.takes[1].ext["DreamSound"])
    assert note.recipe["method"] == "target"
    second.is_selected = False

    host.run(action("Dream again from the active take"))
    host.run_until(seconds=120)
    assert reaper.messages == []
    again = first.takes[first.active]
    assert again.name.endswith("(2)")
    assert again.numbers["D_STARTOFFS"] == first.takes[1].numbers["D_STARTOFFS"]
    assert read_note(Path(again.source.file))["others"]["start"]["name"] == Path(
        first.takes[1].source.file
    ).name  # fmt: skip

    second.is_selected = True
    settings(renders=["dream"])
    host.run(action("Dream selected items to a new track"))
    host.run_until(seconds=120)
    assert [track.name for track in one.tracks] == ["One", "One - dreams"]
    assert [item.numbers["D_POSITION"] for item in one.tracks[1].items] == [0.0, 2.0]

    settings(renders=["dream"])
    first.active = 0
    host.run(action("Dream selected items glued as one sound"))
    host.run_until(seconds=120)
    assert reaper.messages == []
    (glued,) = one.tracks[1].items
    assert glued.numbers["D_LENGTH"] == pytest.approx(2.9)
    sound, _ = soundfile.read(glued.take.source.file)
    assert len(sound) == round(2.9 * 16_000)


def test_what_makes_no_sense_is_reported_by_a_message(settings, host, reaper, action, one):
    before = saved(one)
    settings({"class": "Bellll"})
    host.run(action(AGAIN_SO))
    host.run_until(seconds=120)
    assert "Bellll" in reaper.messages[0]
    assert saved(one) == before
    one.items()[0].take.source.file += ".gone"
    settings()
    host.run(action(AGAIN_SO))
    host.run_until(seconds=120)
    assert "plays the missing file" in reaper.messages[1]


def test_cancelled_while_it_runs(settings, host, reaper, action, one):
    settings({"steps": 10_000})
    before = saved(one)
    host.run(action(AGAIN_SO))
    runs = Path(json.loads((action("x").parent / "bridge.json").read_text())["runs"])

    def is_running() -> bool:
        host.tick()
        status = [json.loads(path.read_text()) for path in runs.glob("*/status.json")]
        return any("step" in one["text"] for one in status)

    host.run_until(is_running, seconds=120)
    host.run(action("Cancel"))
    host.run_until(seconds=30)
    assert reaper.messages == []
    assert saved(one) == before
    assert not list(Path(one.record_path).rglob("*.wav"))


def test_forty_items(settings, host, reaper, action, tmp_path):
    if host.language == "lua":
        pytest.skip("one language shows it: the engine is the same")
    path = tone(tmp_path / "a.wav", 1.0)
    items = [item_of(path, 0.01 * place, 0.5, is_selected=True) for place in range(40)]
    items[7].takes = [Take(Source("MIDI"), "notes")]
    project = Project(str(tmp_path / "p.rpp"), str(tmp_path / "Audio"))
    project.tracks = [Track("One", items=items)]
    reaper.open(project)
    settings(renders=["dream"])
    host.run(action(AGAIN_SO))
    host.run_until(seconds=240)
    assert [len(item.takes) for item in items] == [1 if place == 7 else 2 for place in range(40)]
    assert len(reaper.steps) == 1
    assert reaper.messages == ["notes: skipped because it is MIDI"]
    files = [item.takes[1].source.file for item in items if len(item.takes) == 2]
    assert len(set(files)) == 39
