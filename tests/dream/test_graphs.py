"""Graphs are traced once, kept within a budget of memory, and gone when they are dropped."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep
from typing import Any

import numpy as np
import pytest

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.kept_graphs import Graph, drop_graphs, graphs_bytes
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import ChannelObjective, ClassObjective, Sum
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.yamnet.network import YamNet

LENGTH = 16_000


def climb(model: Model, channel: int, sample_rate_hz: int = 16_000) -> None:
    """Take the gradient of a channel, which has a graph of its own."""
    sound = Samples.of(np.random.default_rng(0).standard_normal((1, LENGTH)).astype(np.float32))
    objective = ChannelObjective("layer2/pointwise_conv/relu", channel)
    ear = Ear(model, objective, sample_rate_hz, hop_frames=48)
    ear.gradient(Mono(sound), ear.grid(LENGTH, None), (0,), Samples(1, LENGTH))


@pytest.fixture
def alone(yamnet: YamNet) -> YamNet:
    """YAMNet without the graphs of other tests."""
    yamnet.graphs.clear()
    gc.collect()
    return yamnet


def channels(model: Model) -> list[int]:
    """Return the channels that have graphs, beside those of resampling."""
    return [key[0].channel for key in model.graphs if isinstance(key, tuple)]


def alive() -> int:
    """Return the number of graphs in this process."""
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    return sum(isinstance(one, FuncGraph) for one in gc.get_objects())


@pytest.mark.yamnet
@pytest.mark.parametrize("sample_rate_hz", [16_000, 44_100])
def test_a_dropped_graph_is_gone(alone: YamNet, sample_rate_hz: int) -> None:
    before = alive()
    climb(alone, 0, sample_rate_hz)
    assert alive() > before
    drop_graphs(alone, 0)
    assert channels(alone) == []
    assert graphs_bytes(alone) == 0
    assert alive() == before


@pytest.mark.yamnet
def test_the_graphs_not_used_for_longest_make_room(
    alone: YamNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    climb(alone, 0)
    one = graphs_bytes(alone)
    assert one > 0
    monkeypatch.setattr(alone, "most_graph_bytes", round(2.5 * one), raising=False)
    for channel in (1, 0, 2):
        climb(alone, channel)
    # The graph of the last is counted when the next one is asked for.
    climb(alone, 2)
    assert channels(alone) == [0, 2]
    assert graphs_bytes(alone) <= alone.most_graph_bytes


@pytest.mark.yamnet
def test_the_graph_in_use_stays_however_large(
    alone: YamNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "most_graph_bytes", 0, raising=False)
    for channel in (0, 1, 1):
        climb(alone, channel)
    assert channels(alone) == [1]


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


@pytest.mark.yamnet
def test_objectives_that_differ_only_in_weights_share_a_graph(alone: YamNet) -> None:
    layer = "layer2/pointwise_conv/relu"
    terms = (ClassObjective(), ChannelObjective(layer, 3))
    sound = Mono(
        Samples.of(np.random.default_rng(0).standard_normal((1, LENGTH)).astype(np.float32) / 10)
    )

    def heard(*weights: float) -> tuple[float, FloatArray]:
        objective = Sum(tuple(zip(weights, terms, strict=True)))
        ear = Ear(alone, objective, 16_000, hop_frames=48)
        slope = Samples(1, LENGTH)
        value = ear.gradient(sound, ear.grid(LENGTH, None), (7,), slope).loss
        return value, slope.read(0, LENGTH)[0]

    one, first = heard(1.0, 0.0)
    other, second = heard(0.0, 1.0)
    both, sum_of_both = heard(2.0, -0.5)
    assert len([key for key in alone.graphs if isinstance(key, tuple)]) == 1
    assert both == pytest.approx(2 * one - 0.5 * other, rel=1e-4)
    wished = 2 * first - 0.5 * second
    assert np.abs(sum_of_both - wished).max() < 1e-3 * np.abs(wished).max()
    alone_slope = Samples(1, LENGTH)
    ear = Ear(alone, terms[0], 16_000, hop_frames=48)
    assert ear.gradient(sound, ear.grid(LENGTH, None), (7,), alone_slope).loss == one
    assert np.abs(alone_slope.read(0, LENGTH)[0] - first).max() < 1e-5 * np.abs(first).max()
