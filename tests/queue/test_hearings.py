"""A program asks a worker to listen: the same answer as its own, or none, and nothing left."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dreamsound_studio.cli import main
from dreamsound_studio.cli.shared import hearing as by_command
from dreamsound_studio.dream.listen import Hearing
from dreamsound_studio.models.yamnet.network import YamNet
from dreamsound_studio.queue import hearings
from dreamsound_studio.queue.hearings import Answer, Request, ask, take
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker

from .conftest import until, write_sound

REQUEST = Request("/sounds/bird.wav", "0-1", "yamnet", "/models/yamnet")
SCORES = np.random.default_rng(0).random((3, 2)).astype(np.float32)
ANSWER = Answer(Hearing(("a", "ü"), SCORES, 0.48, 0.96, 1.9), "yamnet", "ff", "CPU", ("one",))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearings, "TAKE_S", 0.2)
    monkeypatch.setattr(hearings, "ALIVE_S", 0.05)


def left(folder: Path) -> list[str]:
    place = folder / hearings.FOLDER
    return sorted(one.name for one in place.iterdir()) if place.exists() else []


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[[Callable[[hearings.Asked], object]], None]]:
    """Take the next request in a thread, and do something with it."""
    threads = []

    def begin(do: Callable[[hearings.Asked], object]) -> None:
        def run() -> None:
            taken: list[hearings.Asked] = []
            until(lambda: taken.extend(filter(None, [take(tmp_path)])) or taken, "a request")
            do(taken[0])

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join()


Begin = Callable[[Callable[[hearings.Asked], object]], None]


def test_an_answer_comes_back_whole(tmp_path: Path, worker: Begin) -> None:
    requests = []

    def answer(asked: hearings.Asked) -> None:
        requests.append(asked.request)
        asked.answer(ANSWER)

    worker(answer)
    found = ask(tmp_path, REQUEST, lambda: True)
    assert found is not None
    assert requests == [REQUEST]
    assert vars(found) | {"hearing": None} == vars(ANSWER) | {"hearing": None}
    np.testing.assert_array_equal(found.hearing.scores, SCORES)
    names = ("class_names", "hop_s", "patch_s", "length_s")
    for name in names:
        assert getattr(found.hearing, name) == getattr(ANSWER.hearing, name)
    assert left(tmp_path) == []


def test_nobody_is_asked_without_a_worker(tmp_path: Path) -> None:
    assert ask(tmp_path, REQUEST, lambda: False) is None
    assert not (tmp_path / hearings.FOLDER).exists()


def test_a_request_that_no_worker_takes_is_taken_back(tmp_path: Path) -> None:
    assert ask(tmp_path, REQUEST, lambda: True) is None
    assert left(tmp_path) == []


def test_a_worker_may_decline_or_die(tmp_path: Path, worker: Begin) -> None:
    worker(lambda asked: asked.decline())
    assert ask(tmp_path, REQUEST, lambda: True) is None
    alive = threading.Event()
    alive.set()
    worker(lambda _: alive.clear())
    assert ask(tmp_path, REQUEST, alive.is_set) is None
    assert left(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\0" * 300])
def test_a_damaged_answer_is_none(tmp_path: Path, worker: Begin, content: bytes) -> None:
    def damage(_: hearings.Asked) -> None:
        name = left(tmp_path)[0]
        (tmp_path / hearings.FOLDER / name).with_suffix(hearings.ANSWER).write_bytes(content)

    worker(damage)
    assert ask(tmp_path, REQUEST, lambda: True) is None
    assert left(tmp_path) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"path": 1}', "\ud800"])
def test_a_damaged_request_is_nobody_s(tmp_path: Path, content: str) -> None:
    folder = tmp_path / hearings.FOLDER
    folder.mkdir()
    (folder / "1.json").write_bytes(content.encode(errors="surrogatepass"))
    assert take(tmp_path) is None
    assert left(tmp_path) == []


def test_one_worker_of_many_takes_a_request(tmp_path: Path) -> None:
    folder = tmp_path / hearings.FOLDER
    folder.mkdir()
    (folder / "1.json").write_text(json.dumps(vars(REQUEST)))
    taken: list[hearings.Asked | None] = []
    threads = [threading.Thread(target=lambda: taken.append(take(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in taken if one is not None]) == 1


def test_only_stale_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / hearings.FOLDER
    folder.mkdir()
    (folder / "1.taken").write_text("{}")
    hearings.remove_stale(tmp_path)
    assert left(tmp_path) == ["1.taken"]
    later = time.time() + 2 * hearings.STALE_S
    monkeypatch.setattr(time, "time", lambda: later)
    hearings.remove_stale(tmp_path)
    assert left(tmp_path) == []


# -- a real worker, and the command -----------------------------------------------------------


@pytest.fixture
def at_work(
    store: Store, yamnet: YamNet, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Start a worker in a thread; it leaves at the end."""
    monkeypatch.setattr(hearings, "TAKE_S", 30.0)
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)
    workers: list[tuple[Worker, threading.Thread]] = []

    def start() -> None:
        worker = Worker(store, WorkerOptions(idle_s=60))
        workers.append((worker, threading.Thread(target=worker.run)))
        workers[-1][1].start()
        until(store.workers, "a worker")

    yield start
    for worker, thread in workers:
        worker.leave()
        thread.join()


def heard(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code = main(["listen", *map(str, words), "--json"])
    return code, capsys.readouterr().out


@pytest.mark.yamnet
def test_a_worker_hears_what_the_command_hears(
    at_work: Callable[[], None],
    tmp_path: Path,
    store: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = write_sound(tmp_path / "bird.wav", 2.5)
    wanted = [heard(capsys, sound), heard(capsys, sound, "--span", "0.5-2", "--class", "Bird")]
    at_work()
    monkeypatch.setattr(by_command, "load_model_of", lambda *_: pytest.fail("listened here"))
    found = [heard(capsys, sound), heard(capsys, sound, "--span", "0.5-2", "--class", "Bird")]
    assert found == wanted
    assert wanted[0][0] == 0
    assert left(store.folder) == []


@pytest.mark.yamnet
def test_what_a_worker_cannot_hear_the_command_meets(
    at_work: Callable[[], None],
    tmp_path: Path,
    store: Store,
    capsys: pytest.CaptureFixture[str],
) -> None:
    at_work()
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    assert main(["listen", str(broken)]) == 2
    assert "broken.wav" in capsys.readouterr().err
    assert left(store.folder) == []


@pytest.mark.yamnet
def test_a_worker_with_other_weights_declines(
    at_work: Callable[[], None],
    tmp_path: Path,
    store: Store,
    saved_model_folder: Path,
) -> None:
    at_work()
    request = Request(str(write_sound(tmp_path / "bird.wav")), None, "yamnet", "/elsewhere")
    assert ask(store.folder, request, lambda: True) is None
    here = Request(request.path, None, str(saved_model_folder), str(saved_model_folder))
    assert ask(store.folder, here, lambda: True) is not None
