"""A worker without a job gets ready for the first one, and stops when that comes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.control import Control
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.errors import RenderCancelled
from dreamsound_studio.jobs.models import Loaded
from dreamsound_studio.models.yamnet.network import YamNet
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker import warm_up
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.warm_up import RATES_HZ, RECIPES, WarmUp, dream_noise
from dreamsound_studio.queue.worker.worker import Worker
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import Add, until

Dreams = list[tuple[str, int]]
#: What stands for a measurement of the block size.
MEASURED = ("measured", 0)


@pytest.fixture
def dreams(monkeypatch: pytest.MonkeyPatch) -> Dreams:
    """What a warm-up dreams, which is nothing here."""
    found: Dreams = []

    def dream(recipe: Recipe, rate_hz: int, _model: Any, control: Control) -> None:
        control.check_cancelled()
        found.append((recipe.method, rate_hz))

    def measure(_model: Any, control: Control) -> None:
        control.check_cancelled()
        found.append(MEASURED)

    monkeypatch.setattr(warm_up, "calibrate", measure)
    monkeypatch.setattr(warm_up, "dream_noise", dream)
    monkeypatch.setattr(warm_up, "local_weights", lambda name: name)
    return found


def loaded(_: Recipe) -> Loaded:
    return Loaded(None, "CPU", [])  # type: ignore[arg-type]


@pytest.mark.yamnet
def test_a_dream_of_the_defaults_traces_no_more_graphs(
    yamnet: YamNet, bird: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yamnet, "graphs", {})
    for recipe in RECIPES:
        dream_noise(recipe, 48_000, yamnet, Control())
    traced = set(yamnet.graphs)
    assert traced
    for recipe in (Recipe.make(steps=2), Recipe.make(method="add", class_="Bell", steps=2)):
        dreamer = Dreamer(read_clip(bird), recipe, yamnet)
        for _ in dreamer.steps():
            pass
        dreamer.result().close()
    more = [key for key in set(yamnet.graphs) - traced if isinstance(key, tuple)]
    assert not more, "a graph of the network for a sound of another rate"


@pytest.mark.yamnet
def test_it_stops_at_the_next_block(yamnet: YamNet) -> None:
    control = Control()
    control.cancel()
    with pytest.raises(RenderCancelled):
        dream_noise(RECIPES[0], 48_000, yamnet, control)


def test_every_usual_graph_is_traced_once_and_then_the_machine_is_measured(dreams: Dreams) -> None:
    ready = WarmUp(loaded, pytest.fail)
    ready.begin()
    ready.begin()
    ready.join()
    traced = [(recipe.method, rate) for rate in RATES_HZ for recipe in RECIPES]
    assert dreams == [*traced, MEASURED]


def test_one_that_was_stopped_does_not_begin(dreams: Dreams) -> None:
    ready = WarmUp(loaded, pytest.fail)
    ready.stop()
    ready.begin()
    ready.join()
    assert dreams == []


def test_nothing_is_downloaded(dreams: Dreams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_up, "local_weights", lambda _: None)
    ready = WarmUp(lambda _: pytest.fail("loaded"), pytest.fail)
    ready.begin()
    ready.join()
    assert dreams == []


def test_a_failure_is_one_line_of_the_log(dreams: Dreams) -> None:
    said: list[str] = []

    def fails(_: Recipe) -> Loaded:
        raise MemoryError("no room")

    ready = WarmUp(fails, said.append)
    ready.begin()
    ready.join()
    assert said == ["not ready in advance: no room"]
    assert dreams == []


@pytest.mark.parametrize("warms_up", [True, False])
def test_a_worker_gets_ready_until_a_job_comes(
    store: Store, add: Add, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warms_up: bool
) -> None:
    begun, controls = threading.Event(), []

    def dream(_recipe: Recipe, _rate_hz: int, _model: Any, control: Control) -> None:
        controls.append(control)
        begun.set()
        until(lambda: control.cancelled, "the warm-up is stopped")
        control.check_cancelled()

    monkeypatch.setattr(warm_up, "dream_noise", dream)
    monkeypatch.setattr(warm_up, "local_weights", lambda name: name)
    worker = Worker(store, WorkerOptions(idle_s=60, warms_up=warms_up))
    monkeypatch.setattr(worker._warm_up, "_load", loaded)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        if warms_up:
            assert begun.wait(60)
        number = add(tmp_path / "missing.wav")
        until(lambda: store.job(number).is_over, "the job fails")
    finally:
        worker.leave()
        thread.join()
    assert [control.cancelled for control in controls] == [True] * warms_up
