"""Graphs are traced and optimised once, for sounds of every rate and in any number of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep
from typing import Any

import numpy as np
import pytest

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.graphs import Graph
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import ClassObjective
from dreamsound_studio.models.yamnet.network import YamNet


@pytest.mark.yamnet
def test_sounds_of_other_rates_trace_no_network(
    yamnet: YamNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced: list[int] = []
    activations = yamnet.activations

    def counted(*inputs: Any) -> Any:
        traced.append(1)
        return activations(*inputs)

    monkeypatch.setattr(yamnet, "activations", counted)
    monkeypatch.setattr(yamnet, "graphs", {})
    for rate_hz in (48_000, 44_100, 16_000):
        ear = Ear(yamnet, ClassObjective(), rate_hz, hop_frames=48)
        noise = 0.1 * np.random.default_rng(0).standard_normal((1, rate_hz))
        sound, into = Mono(Samples.of(noise.astype(np.float32))), Samples(1, rate_hz)
        grid = ear.grid(rate_hz, None)
        ear.gradient(sound, grid, (35,), into)
        ear.hear(sound, grid, (35,))
        assert float(np.abs(into.read(0, rate_hz)).max()) > 0
    assert len(traced) == 2, "one graph back to the samples, one forward"


def test_the_first_call_runs_alone_and_later_ones_do_not() -> None:
    others = Barrier(3, timeout=30)
    running: list[int] = []

    def work(number: int) -> int:
        running.append(number)
        if running[0] == number:
            sleep(0.05)
            assert running == [number], "another call began before the first had ended"
        else:
            others.wait()  # for calls at the same time
        return number

    graph = Graph(work)
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(graph, range(4))) == [0, 1, 2, 3]


def test_a_first_call_that_fails_is_followed_by_another() -> None:
    calls: list[int] = []

    def fails_once() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError
        return len(calls)

    graph = Graph(fails_once)
    with pytest.raises(MemoryError):
        graph()
    assert graph() == 2
