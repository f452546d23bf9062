"""The block size of a machine: measured once, remembered, kept from harm, and in every recipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.control import Control
from dreamsound_studio.dream import block_sizes
from dreamsound_studio.dream import ear as ears
from dreamsound_studio.dream.block_sizes import FILE, LOCK, calibrate, in_blocks, remembered
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import ClassObjective
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.errors import RenderCancelled
from dreamsound_studio.locks import FileLock
from dreamsound_studio.processor import DEFAULT_BLOCK
from dreamsound_studio.recipe.recipe import Recipe

MIB = 2**20


def network(**more: Any) -> Any:
    values = {"name": "net", "weights_sha256": "a" * 64, "patch_bytes": 6 * MIB}
    return SimpleNamespace(**values | more)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where numbers are remembered, on a machine with four cores and no GPU."""
    place = tmp_path / "state"
    monkeypatch.setattr(block_sizes, "state_folder", lambda: place)
    monkeypatch.setattr(block_sizes, "has_gpu", lambda: False)
    monkeypatch.setattr(block_sizes, "device_name", lambda: "CPU")
    monkeypatch.setattr(block_sizes, "block_threads", lambda: 4)
    monkeypatch.setattr(
        block_sizes, "import_tensorflow", lambda: SimpleNamespace(__version__="2.0")
    )
    return place


@pytest.fixture
def pace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Let blocks of each size take given seconds; return the sizes in the order of measurement."""

    def set_pace(**seconds: float) -> list[int]:
        measured: list[int] = []

        def taken(size: int, _sound: Any) -> float:
            measured.append(size)
            # Other programs slow one round down, whatever its size.
            slow = 5 if len(measured) in (5, 6, 7) else 1
            return slow * seconds[f"of_{size}"]

        monkeypatch.setattr(block_sizes, "_ear", lambda _, size: size)
        monkeypatch.setattr(block_sizes, "_noise", lambda _: None)
        monkeypatch.setattr(block_sizes, "_pass_seconds", taken)
        monkeypatch.setattr(block_sizes, "SECONDS", 0.0)
        monkeypatch.setattr(block_sizes, "LEAST_SHARE", 0.0)
        return measured

    return set_pace


def test_the_fastest_is_remembered_and_measured_once(folder: Path, pace: Any) -> None:
    measured = pace(of_16=0.2, of_32=0.2, of_64=0.1)
    model = network()
    assert remembered(model) is None
    assert in_blocks(Recipe(), model).block_patches == DEFAULT_BLOCK
    assert calibrate(model, Control()) == 64
    # All sizes in turn: whatever else runs then slows all of them down.
    assert measured[:6] == [16, 32, 64, 16, 32, 64]
    rounds = len(measured)
    assert calibrate(model, Control()) == remembered(model) == 64
    assert len(measured) == rounds
    assert in_blocks(Recipe(), model).block_patches == 64
    assert in_blocks(Recipe.make(block_patches=8), model).block_patches == 8
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_the_default_stays_unless_another_is_clearly_faster(pace: Any) -> None:
    pace(of_16=0.0985, of_32=0.1, of_64=0.2)
    assert calibrate(network(), Control()) == 32


def test_a_busy_machine_is_not_measured(
    folder: Path, pace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace(of_16=0.1, of_32=0.2, of_64=0.2)
    # Of 1 s of its four threads the measurement gets 2 s.
    monkeypatch.setattr(block_sizes, "LEAST_SHARE", 0.7)
    clock, worked = iter([0.0, 0.5, 1.0]), iter([0.0, 2.0])
    times = SimpleNamespace(perf_counter=lambda: next(clock), process_time=lambda: next(worked))
    monkeypatch.setattr(block_sizes, "time", times)
    assert calibrate(network(), Control()) is None
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("processor_name", lambda: "another"),
        ("available_cores", lambda: 99),
        ("import_tensorflow", lambda: SimpleNamespace(__version__="3.0")),
        ("device_name", lambda: "GPU"),
    ],
)
def test_another_machine_is_measured_again(
    pace: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    pace(of_16=0.1, of_32=0.2, of_64=0.2)
    calibrate(network(), Control())
    assert remembered(network(weights_sha256="b" * 64)) is None
    monkeypatch.setattr(block_sizes, name, value)
    assert remembered(network()) is None


def test_two_models_are_remembered_together(pace: Any) -> None:
    first, second = network(), network(name="other")
    pace(of_16=0.1, of_32=0.2, of_64=0.2)
    calibrate(first, Control())
    pace(of_16=0.2, of_32=0.2, of_64=0.1)
    calibrate(second, Control())
    assert (remembered(first), remembered(second)) == (16, 64)


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", "{KEY: 0}", '{KEY: "64"}', "{KEY: true}", "\xff"]
)
def test_a_broken_file_is_ignored_and_replaced(folder: Path, pace: Any, broken: str) -> None:
    pace(of_16=0.1, of_32=0.2, of_64=0.2)
    key = json.dumps(block_sizes._key(network()))
    folder.mkdir()
    (folder / FILE).write_bytes(broken.replace("KEY", key).encode("latin-1"))
    assert remembered(network()) is None
    assert calibrate(network(), Control()) == remembered(network()) == 16


def test_two_processes_do_not_measure_at_the_same_time(folder: Path, pace: Any) -> None:
    measured = pace(of_16=0.1, of_32=0.2, of_64=0.2)
    folder.mkdir()
    lock = FileLock(folder / LOCK)
    assert lock.acquire()
    assert calibrate(network(), Control()) is None
    assert measured == []
    lock.release()
    assert calibrate(network(), Control()) == 16


def test_one_that_is_stopped_remembers_nothing(folder: Path, pace: Any) -> None:
    pace(of_16=0.1, of_32=0.2, of_64=0.2)
    control = Control()
    control.cancel()
    with pytest.raises(RenderCancelled):
        calibrate(network(), control)
    assert list(folder.iterdir()) == []


def test_sizes_that_do_not_fit_into_memory_are_left_out(
    pace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = pace(of_16=0.3, of_32=0.2, of_64=0.1)
    # Four threads of 32 patches of 6 MiB are 768 MiB, half of which may be taken.
    monkeypatch.setattr(block_sizes, "free_bytes", lambda: 1500 * MIB)
    assert calibrate(network(), Control()) == 32
    assert set(measured) == {16, 32}


def test_a_gpu_takes_larger_blocks(pace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_sizes, "has_gpu", lambda: True)
    assert in_blocks(Recipe(), network()).block_patches == 256
    measured = pace(of_64=0.4, of_128=0.3, of_256=0.2, of_512=0.1)
    assert calibrate(network(), Control()) == 512
    assert set(measured) == {64, 128, 256, 512}


@pytest.mark.yamnet
def test_a_render_has_the_number_it_ran_by(
    yamnet: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SECONDS", 0.0), ("LEAST_SHARE", 0.0), ("LEAST_ROUNDS", 1)):
        monkeypatch.setattr(block_sizes, name, value)
    found = calibrate(yamnet, Control())
    assert found in block_sizes.SIZES
    folder_file = folder / FILE
    folder_file.write_text(json.dumps({block_sizes._key(yamnet): 6}))
    noise = (0.1 * np.random.default_rng(0).standard_normal((1, 100_000))).astype(np.float32)
    clip = Clip.from_array(noise, 16_000)
    recipe = Recipe.make(method="add", steps=2, class_="Bird")
    patient = PatientDreamer(clip, recipe, yamnet)
    list(patient.steps())
    made = patient.result()
    assert made.recipe.block_patches == 6
    # On a machine that remembers another number, the recipe's own counts.
    folder_file.write_text(json.dumps({block_sizes._key(yamnet): 16}))
    again = Dreamer(clip, Recipe.make(**made.recipe.as_dict()), yamnet)
    list(again.steps())
    np.testing.assert_array_equal(again.result().samples.array(), made.samples.array())


@pytest.mark.yamnet
def test_threads_are_as_many_as_memory_holds_and_the_sum_stays(
    yamnet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "block_threads", lambda: 64)
    ear = Ear(yamnet, ClassObjective("logit"), 16_000, hop_frames=48, block_patches=8)
    sound = (0.1 * np.random.default_rng(0).standard_normal((1, 200_000))).astype(np.float32)

    def gradient(free: int) -> tuple[int, Any]:
        monkeypatch.setattr(ears, "free_bytes", lambda: free)
        into = Samples(1, sound.shape[1])
        ear.gradient(Mono(Samples.of(sound)), ear.grid(sound.shape[1], None), (0,), into)
        return ear.threads, into.array().copy()

    block = 4 * yamnet.patch_bytes
    many, few, none = gradient(2**50), gradient(5 * block), gradient(0)
    assert (many[0], few[0], none[0]) == (8, 2, 1)
    np.testing.assert_array_equal(many[1], few[1])
    np.testing.assert_array_equal(many[1], none[1])
