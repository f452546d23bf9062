"""Samples: a scratch file holds the same values as memory, at the cost of disk alone."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.audio.samples import BLOCK_SAMPLES, Samples, peak_of
from dreamsound_studio.errors import MemoryLimitError

Floats = npt.NDArray[np.float32]
ON_DISK = 0  # bytes that may stay in memory


def noise(channels: int, length: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal((channels, length)).astype(np.float32)


def both(channels: int, length: int) -> tuple[Samples, Samples]:
    in_memory, on_disk = Samples(channels, length), Samples(channels, length, ON_DISK)
    assert (in_memory.on_disk, on_disk.on_disk) == (False, True)
    return in_memory, on_disk


@given(
    channels=st.integers(1, 3),
    length=st.integers(1, 40),
    actions=st.lists(
        st.tuples(
            st.sampled_from(["write", "write one channel", "add", "clear"]),
            st.integers(-20, 50),
            st.integers(0, 30),
        ),
        max_size=6,
    ),
    reads=st.lists(st.tuples(st.integers(-20, 60), st.integers(0, 60)), max_size=4),
)
def test_a_scratch_file_holds_what_an_array_would(
    channels: int,
    length: int,
    actions: list[tuple[str, int, int]],
    reads: list[tuple[int, int]],
) -> None:
    # The oracle: a longer array, of which the sound is the middle.
    edge = 130
    wide = np.zeros((channels, length + 2 * edge), np.float32)
    pair = both(channels, length)
    for seed, (action, start, count) in enumerate(actions):
        block = noise(1 if action == "write one channel" else channels, count, seed)
        place = wide[:, edge + start : edge + start + count]
        if action == "clear":
            wide[:] = 0
        elif action == "add":
            place += block
        else:
            place[:] = block
        wide[:, :edge] = wide[:, edge + length :] = 0
        for samples in pair:
            if action == "clear":
                samples.clear()
            else:
                (samples.add if action == "add" else samples.write)(start, block)
    for samples in pair:
        np.testing.assert_array_equal(samples.array(), wide[:, edge : edge + length])
        for start, count in reads:
            np.testing.assert_array_equal(
                samples.read(start, start + count), wide[:, edge + start : edge + start + count]
            )
        samples.close()


def test_blocks_cover_every_sample_once_in_order() -> None:
    values = noise(2, 1000)
    for samples in both(2, 1000):
        samples.write(0, values)
        starts = [start for start, _ in samples.blocks(300)]
        blocks = [block for _, block in samples.blocks(300)]
        assert starts == [0, 300, 600, 900]
        np.testing.assert_array_equal(np.concatenate(blocks, axis=1), values)


def test_a_copy_is_of_its_own_and_in_the_same_kind_of_place() -> None:
    for samples in both(2, 100):
        samples.write(0, noise(2, 100))
        other = samples.copy()
        assert other.on_disk == samples.on_disk
        before = samples.array().copy()
        other.clear()
        np.testing.assert_array_equal(samples.array(), before)


def test_a_block_read_from_a_scratch_file_is_not_the_file() -> None:
    samples = Samples(1, 10, ON_DISK)
    samples.read(0, 10)[:] = 1
    assert not samples.array().any()


def test_truncated_samples_end_where_they_should() -> None:
    values = noise(2, 50)
    for samples in both(2, 50):
        samples.write(0, values)
        samples.truncate(20)
        assert samples.length == 20
        np.testing.assert_array_equal(samples.array(), values[:, :20])
        np.testing.assert_array_equal(samples.read(15, 25)[:, 5:], 0)


def test_wrapping_an_array_copies_nothing() -> None:
    values = noise(2, 30)
    Samples.of(values).write(0, np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(values[:, :3], 1)


def test_the_peak_is_that_of_the_loudest_channel_and_block() -> None:
    samples = Samples(2, BLOCK_SAMPLES + 10)
    assert peak_of(samples) == 0
    samples.write(BLOCK_SAMPLES + 5, np.array([[0.25], [-0.5]], np.float32))
    assert peak_of(samples) == 0.5
    assert peak_of(Samples(1, 0)) == 0


def test_a_closed_scratch_file_gives_its_room_back() -> None:
    samples = Samples(1, 2**20, ON_DISK)
    descriptor = samples._file.fileno()  # type: ignore[union-attr]
    # The room was taken at once, not only promised.
    assert os.fstat(descriptor).st_blocks * 512 >= 2**22
    samples.close()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(descriptor)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system has no posix_fallocate")
def test_a_full_scratch_disk_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors = []

    def full(descriptor: int, *_: object) -> None:
        descriptors.append(descriptor)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(MemoryLimitError, match=r"disk full.*TMPDIR") as raised:
        Samples(2, 10**9)
    assert "8.0 GB" in str(raised.value)
    # The room that there was is given back, though the error is still held.
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(descriptors[0])


def test_a_scratch_folder_that_is_not_there_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/no/such/folder")
    with pytest.raises(MemoryLimitError, match=r"/no/such/folder.*No such file"):
        Samples(1, 10, ON_DISK)


WALK = """
import resource
import numpy as np
from dreamsound_studio.audio.samples import Samples

def high_water_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

ones = np.ones((2, 2**16), np.float32)
samples = Samples(2, 37_500_000)
assert samples.on_disk
before = high_water_mb()
for start in range(0, samples.length, 2**16):
    samples.write(start, ones)
total = sum(float(block.sum()) for _, block in samples.blocks())
samples.clear()
assert total == 75_000_000, total
print(high_water_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in other units elsewhere")
def test_walking_over_300_mb_on_disk_takes_next_to_no_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WALK], capture_output=True, text=True, check=True, timeout=120
    )
    assert float(done.stdout) < 20
