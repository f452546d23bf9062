"""Workers, the farm and a command put files into one folder: none gets another's number."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dreamsound_studio.files import sha256_of
from dreamsound_studio.jobs.models import WarmModels
from dreamsound_studio.jobs.report import RenderFact
from dreamsound_studio.queue.store.records import NewJob
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.job_run import JobRun
from dreamsound_studio.queue.worker.ready import ReadyJob
from dreamsound_studio.queue.worker.surroundings import Surroundings
from dreamsound_studio.render.places import SIDECAR, put_in_free_places, renumbered

#: Of four processes each: 150 times two meet.
RACES = 25
PATIENCE_S = 300.0
NAMES = ("dream", f"dream{SIDECAR}", "hardcut")


def places_in(folder: Path) -> dict[str, Path]:
    files = ("bird_dream.wav", "bird_dream.wav.json", "bird_hardcut.wav")
    return {name: folder / file for name, file in zip(NAMES, files, strict=True)}


def partial_of(folder: Path, who: str, race: int) -> dict[str, Path]:
    """Write the files of a job: equal ones, as two jobs of one recipe make them."""
    partial = {name: folder / f".{who}-{race}-{name}" for name in NAMES}
    for path in partial.values():
        path.write_text("sound")
    return partial


def put_directly(folder: Path, who: str, race: int) -> dict[str, Path]:
    """Put files in place as a command does."""
    found: list[dict[str, Path]] = []
    partial = partial_of(folder, who, race)
    put_in_free_places(partial, places_in(folder), 1, lambda places, _: found.append(places))
    return found[-1]


def put_by_worker(folder: Path, who: str, race: int) -> dict[str, Path]:
    """Put files in place as a worker finishes what another had made ready, and as the farm does."""
    partial = partial_of(folder, who, race)
    places = places_in(folder)
    facts = {
        name: RenderFact(str(path), str(places[name]), sha256_of(path))
        for name, path in partial.items()
    }
    renders = {"dream": str(places["dream"]), "hardcut": str(places["hardcut"])}
    ready = ReadyJob(facts, False, {"renders": renders, "warnings": []}, None, 1)
    with Store(folder.parent / who / "queue.sqlite") as store:
        store.add([NewJob(input="a.wav", request='{"input": "a.wav", "out": "."}')])
        name = f"{who}-{race}"
        store.register_worker(name, folder.parent / who / "lock")
        job = store.claim(name)
        assert job is not None
        run = JobRun(Surroundings(store, name, WarmModels(1)), job)
        result = run.finish_ready(ready)
        assert result is not None
        store.done(job.id, name, result)
    return {name: Path(path) for name, path in result["renders"].items()}


#: The farm's renders are finished by its worker, once they are fetched.
WAYS: dict[str, Callable[[Path, str, int], dict[str, Path]]] = {
    "command": put_directly,
    "worker": put_by_worker,
    "other": put_by_worker,
    "farm": put_by_worker,
}


def race_all(folder: Path, who: str, start: Any, found: Any) -> None:
    """Take part in every race."""
    for race in range(RACES):
        try:
            start.wait(timeout=PATIENCE_S)
            found.put((race, WAYS[who](folder / str(race), who, race)))
        except Exception as error:  # noqa: BLE001 - shown where places are expected
            found.put((race, repr(error)))


@pytest.mark.slow
def test_no_two_processes_get_the_same_number(tmp_path: Path) -> None:
    for race in range(RACES):
        (tmp_path / str(race)).mkdir()
    context = multiprocessing.get_context("spawn")
    start, found = context.Barrier(len(WAYS)), context.Queue()
    racers = [context.Process(target=race_all, args=(tmp_path, who, start, found)) for who in WAYS]
    for racer in racers:
        racer.start()
    results = [found.get(timeout=PATIENCE_S) for _ in range(RACES * len(WAYS))]
    for racer in racers:
        racer.join()
    got: dict[int, list[Path]] = {race: [] for race in range(RACES)}
    for race, places in results:
        assert isinstance(places, dict), places
        got[race] += [places["dream"], places["hardcut"]]
    for race, paths in got.items():
        folder = tmp_path / str(race)
        every = [renumbered(places_in(folder), 1, number) for number in range(1, len(WAYS) + 1)]
        assert sorted(paths) == sorted(one[name] for one in every for name in ("dream", "hardcut"))
        there = {path for path in folder.iterdir() if path.is_file()}
        assert there == {path for one in every for path in one.values()}
