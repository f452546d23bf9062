"""Samples: a scratch file holds the same values as memory, at the cost of disk alone."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.audio.sample_memory import SampleMemory
from dreamsound_studio.audio.samples import BLOCK_SAMPLES, Samples, peak_of
from dreamsound_studio.control import Control
from dreamsound_studio.errors import MemoryLimitError, RenderCancelled

Floats = npt.NDArray[np.float32]


def nowhere() -> SampleMemory:
    """Return a budget without room: what asks it goes to disk."""
    return SampleMemory(most_bytes=0, short_bytes=0)


def noise(channels: int, length: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal((channels, length)).astype(np.float32)


def both(channels: int, length: int) -> tuple[Samples, Samples]:
    in_memory, on_disk = Samples(channels, length), Samples(channels, length, nowhere())
    assert (in_memory.on_disk, on_disk.on_disk) == (False, True)
    return in_memory, on_disk


@settings(deadline=None)
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
        blocks = [block.copy() for _, block in samples.blocks(300)]
        assert starts == [0, 300, 600, 900]
        np.testing.assert_array_equal(np.concatenate(blocks, axis=1), values)


def test_a_copy_is_of_its_own_and_asks_the_same_budget() -> None:
    for samples in both(2, 100):
        values = noise(2, 100)
        samples.write(0, values)
        other = samples.copy()
        assert other.on_disk == samples.on_disk
        other.clear()
        np.testing.assert_array_equal(samples.array(), values)


def test_a_block_read_from_a_scratch_file_is_not_the_file() -> None:
    samples = Samples(1, 10, nowhere())
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


def descriptor_of(samples: Samples) -> int:
    return samples._scratch._file.fileno()


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_a_closed_scratch_file_gives_its_room_back() -> None:
    samples = Samples(1, 2**20, nowhere())
    descriptor = descriptor_of(samples)
    # The room was taken at once, not only promised.
    assert os.fstat(descriptor).st_blocks * 512 >= 2**22
    samples.close()
    assert not is_open(descriptor)


def test_a_scratch_file_that_nobody_closes_goes_with_its_samples() -> None:
    samples = Samples(1, 2**20, nowhere())
    descriptor = descriptor_of(samples)
    del samples
    gc.collect()
    assert not is_open(descriptor)


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
    assert not is_open(descriptors[0])


@pytest.mark.skipif(not hasattr(os, "pwritev"), reason="the system has no pwritev")
@pytest.mark.parametrize("change", ["write", "add", "clear"])
def test_a_disk_that_fills_up_later_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    samples = Samples(2, 10**6, nowhere())
    ones = np.ones((2, 10), np.float32)
    changes = {"clear": samples.clear, "write": lambda: samples.write(0, ones)}

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwritev", full)
    with pytest.raises(MemoryLimitError, match=r"0\.0 GB.*disk full.*TMPDIR"):
        changes.get(change, lambda: samples.add(0, ones))()


@pytest.mark.skipif(sys.platform != "linux", reason="files have other limits elsewhere")
def test_a_write_past_what_the_system_gives_a_file_leaves_the_process_alive() -> None:
    code = """
import os, resource, signal
import numpy as np
from dreamsound_studio.audio.sample_memory import SampleMemory
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.errors import MemoryLimitError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
samples = Samples(1, 10**6, SampleMemory(0, 0))
os.ftruncate(samples._scratch._file.fileno(), 1000)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    samples.write(400, np.ones((1, 10**5), np.float32))
except MemoryLimitError as error:
    assert "disk full" in str(error), error
else:
    raise SystemExit("nothing was reported")
assert samples.read(400, 500).all()  # what fitted is there
try:
    samples.read(0, 10**6)
except MemoryLimitError as error:
    assert "ends early" in str(error), error
else:
    raise SystemExit("nothing was reported")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_scratch_folder_that_is_not_there_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/no/such/folder")
    with pytest.raises(MemoryLimitError, match=r"/no/such/folder.*No such file"):
        Samples(1, 10, nowhere())


WALK = """
import resource
import numpy as np
from dreamsound_studio.audio.sample_memory import SampleMemory
from dreamsound_studio.audio.samples import Samples

def high_water_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

ones = np.ones((2, 2**16), np.float32)
samples = Samples(2, 37_500_000, SampleMemory(0, 0))
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


@pytest.fixture(params=["as the system can", "by one position"])
def _each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "by one position":  # as on Windows
        monkeypatch.delattr(os, "preadv", raising=False)
        monkeypatch.delattr(os, "pwritev", raising=False)


@pytest.mark.usefixtures("_each_way")
@pytest.mark.parametrize("is_on_disk", [False, True])
def test_threads_read_and_add_at_the_same_time(is_on_disk: bool) -> None:
    length, rounds, threads = 3 * BLOCK_SAMPLES, 20, 4
    read, added = (Samples(2, length, nowhere() if is_on_disk else None) for _ in range(2))
    values = noise(2, length)
    read.write(0, values)

    def work(number: int) -> int:
        wrong = 0
        for turn in range(rounds):
            start = (number * 977 + turn * 7919) % (length // 2)
            block = read.read(start, start + BLOCK_SAMPLES)
            wrong += not np.array_equal(block, values[:, start : start + BLOCK_SAMPLES])
            wrong += any(
                not np.array_equal(block, values[:, first : first + block.shape[1]])
                for first, block in read.blocks(40_000)
            )
            # The parts that the threads add overlap.
            added.add(number * 100, np.ones((2, length - 1000), np.float32))
        return wrong

    with ThreadPoolExecutor(threads) as pool:
        assert sum(pool.map(work, range(threads))) == 0
    expected = np.zeros((2, length), np.float32)
    for number in range(threads):
        expected[:, number * 100 :][:, : length - 1000] += rounds
    np.testing.assert_array_equal(added.array(), expected)


@pytest.mark.usefixtures("_each_way")
def test_what_the_system_reads_and_writes_in_pieces_is_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("preadv", "pwritev"):
        if hasattr(os, name):
            plain = getattr(os, name)
            monkeypatch.setattr(
                os, name, lambda file, parts, at, plain=plain: plain(file, [parts[0][:1000]], at)
            )
    samples, values = Samples(2, 10_000, nowhere()), noise(2, 10_000)
    samples.write(0, values)
    samples.add(0, values)
    np.testing.assert_array_equal(samples.array(), 2 * values)


@pytest.mark.parametrize("is_on_disk", [False, True])
def test_a_pass_stops_at_the_next_block_when_cancelled(is_on_disk: bool) -> None:
    samples, control = Samples(1, 1000, nowhere() if is_on_disk else None), Control()
    blocks = samples.blocks(100)
    with control.in_charge():
        assert [next(blocks)[0] for _ in range(3)] == [0, 100, 200]
        control.cancel()
        with pytest.raises(RenderCancelled):
            next(blocks)
