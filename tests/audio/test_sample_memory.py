"""The budget of memory for samples: what it holds, gives back and refuses."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dreamsound_studio.audio import sample_memory
from dreamsound_studio.audio.sample_memory import SampleMemory
from dreamsound_studio.audio.samples import Samples

#: Bytes of a sound of one channel.
SOUND, LENGTH = 4000, 1000
PLENTY = 10**9


def budget(most_bytes: int = 3 * SOUND, free: int = PLENTY) -> SampleMemory:
    return SampleMemory(most_bytes, short_bytes=0, free=lambda: free)


def test_what_the_budget_has_no_room_for_goes_to_disk() -> None:
    memory = budget()
    sounds = [Samples(1, LENGTH, memory) for _ in range(5)]
    assert [sound.on_disk for sound in sounds] == [False, False, False, True, True]
    assert memory.held_bytes == 3 * SOUND
    values = np.arange(LENGTH, dtype=np.float32)[None]
    for sound in sounds:
        sound.write(0, values)
        np.testing.assert_array_equal(sound.array(), values)


def test_a_closed_sound_leaves_its_room_at_once() -> None:
    memory = budget(SOUND)
    first = Samples(1, LENGTH, memory)
    assert Samples(1, LENGTH, memory).on_disk
    first.close()
    assert memory.held_bytes == 0
    assert not Samples(1, LENGTH, memory).on_disk


def test_a_sound_that_nobody_closes_leaves_its_room_when_collected() -> None:
    memory = budget()
    sound = Samples(1, LENGTH, memory)
    circle = [sound]
    circle.append(circle)  # type: ignore[arg-type]
    del sound, circle
    gc.collect()
    assert memory.held_bytes == 0


def test_the_room_counts_while_a_part_of_the_array_is_in_use() -> None:
    memory = budget()
    sound = Samples(1, LENGTH, memory)
    sound.truncate(10)
    part = sound.read(2, 5)
    sound.close()
    assert memory.held_bytes == SOUND
    del part
    assert memory.held_bytes == 0


def test_an_error_leaves_no_room_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = budget()

    def failing() -> None:
        sound = Samples(1, LENGTH, memory)
        raise ValueError(sound.length)

    with pytest.raises(ValueError, match="1000"):
        failing()
    gc.collect()
    assert memory.held_bytes == 0

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "zeros", full)
    assert memory.zeros(1, LENGTH) is None
    assert memory.held_bytes == 0
    with pytest.raises(MemoryError):
        SampleMemory().zeros(1, LENGTH)


def test_short_sounds_are_in_memory_even_so_and_count() -> None:
    memory = SampleMemory(SOUND, short_bytes=SOUND, free=lambda: 0)
    sounds = [Samples(1, LENGTH, memory) for _ in range(3)]
    assert not any(sound.on_disk for sound in sounds)
    assert memory.held_bytes == 3 * SOUND
    assert Samples(1, LENGTH + 1, memory).on_disk


def test_most_of_what_is_free_stays_free() -> None:
    memory = budget(PLENTY, free=8 * SOUND)
    sounds = [Samples(1, LENGTH, memory) for _ in range(4)]
    assert [sound.on_disk for sound in sounds] == [False, False, True, True]


def test_a_copy_goes_where_there_is_room() -> None:
    memory = budget(SOUND)
    first = Samples(1, LENGTH, memory)
    second = first.copy()
    assert second.on_disk
    first.close()
    assert not second.copy().on_disk


def test_threads_never_get_more_than_there_is() -> None:
    memory = budget(10 * SOUND)

    def claim(_: int) -> int:
        arrays = [memory.zeros(1, LENGTH) for _ in range(3)]
        held = memory.held_bytes
        del arrays
        return held

    with ThreadPoolExecutor(8) as pool:
        assert max(pool.map(claim, range(400))) <= 10 * SOUND
    gc.collect()
    assert memory.held_bytes == 0


def test_one_budget_is_the_process_s(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = budget()
    monkeypatch.setattr(sample_memory, "PROCESS", memory)
    sound = Samples(1, LENGTH)
    assert memory.held_bytes == SOUND
    sound.close()
