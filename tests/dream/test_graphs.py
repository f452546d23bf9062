"""Graphs of a model: kept within a budget of memory, and gone when they are dropped."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.graphs import drop_graphs, graphs_bytes
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import ChannelObjective
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.yamnet.network import YamNet

pytestmark = pytest.mark.yamnet

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


def alive() -> int:
    """Return the number of graphs in this process."""
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    return sum(isinstance(one, FuncGraph) for one in gc.get_objects())


@pytest.mark.parametrize("sample_rate_hz", [16_000, 44_100])
def test_a_dropped_graph_is_gone(alone: YamNet, sample_rate_hz: int) -> None:
    before = alive()
    climb(alone, 0, sample_rate_hz)
    assert alive() > before
    drop_graphs(alone, 0)
    assert alone.graphs == {}
    assert alive() == before


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
    assert [key[0].channel for key in alone.graphs] == [0, 2]
    assert graphs_bytes(alone) <= alone.most_graph_bytes


def test_the_graph_in_use_stays_however_large(
    alone: YamNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "most_graph_bytes", 0, raising=False)
    for channel in (0, 1, 1):
        climb(alone, channel)
    assert [key[0].channel for key in alone.graphs] == [1]
