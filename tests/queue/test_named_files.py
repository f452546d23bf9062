"""Every kind of file that a dream names, by every way that a dream is made."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile

import dreamsound_studio as dreamsound
import dreamsound_studio.queue.farm.task as farm_task
from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.cli import main
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.store.local import MODELS_VARIABLE
from dreamsound_studio.queue.farm.cluster import Farm, FarmOptions
from dreamsound_studio.queue.farm.worker import FarmWorker
from dreamsound_studio.queue.new_job import new_job
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.job_run import JobRun
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.note import read_note

from .conftest import Work, write_sound

pytestmark = pytest.mark.yamnet

TAKEN = "already exists as a source or a render of the same name, and is never replaced"


@dataclass(frozen=True)
class Case:
    """A dream of `x.wav`, and the files in the folder `given` that it names."""

    files: dict[str, str]
    recipe: dict[str, Any]
    start: str | None = None

    def words(self) -> list[str]:
        """The options of ``dreamsound render``."""
        fields = {"steps": 1, "seed": 3, **self.recipe}
        words = [f"--{name.replace('_', '-')}={value}" for name, value in fields.items()]
        return [*words, *([] if self.start is None else ["--from-render", self.start])]

    def sounds(self) -> set[str]:
        """The files that a render could replace: it is never a MIDI file."""
        names = {name for name in self.files.values() if not name.endswith(".mid")}
        return names or pytest.skip("no render has the name of these files")

    def request(self, out: str) -> dict[str, Any]:
        """The job of the same."""
        return {
            "input": "x.wav",
            "out": out,
            "recipe": {"steps": 1, "seed": 3, **self.recipe},
            "options": {"renders": ["dream"]},
            "from_render": self.start,
        }


BIRD = {"class": "Bird"}
CASES = {
    "target": Case({"target": "t.wav"}, BIRD | {"method": "target", "target": "given/t.wav"}),
    "morph": Case(
        {"target": "t.wav", "target_b": "u.wav"},
        BIRD | {"method": "target", "target": "given/t.wav", "target_b": "given/u.wav"},
    ),
    "guide": Case({"guide 1": "t.wav"}, {"objective": 'guide:"given/t.wav"'}),
    "texture": Case({"texture 1": "t.wav"}, {"objective": 'texture:"given/t.wav":layer3'}),
    "direction": Case(
        {"direction to 1": "t.wav", "direction from 1": "u.wav"},
        {"objective": 'direction:"given/t.wav"-"given/u.wav"'},
    ),
    "sum": Case(
        {"guide 1": "t.wav", "direction to 1": "t.wav", "direction from 1": "u.wav"},
        {"objective": '0.5*guide:"given/t.wav" + direction:"given/t.wav"-"given/u.wav"'},
    ),
    "bed": Case(
        {"bed_file": "t.wav"},
        BIRD | {"method": "sculpt", "gain_grid": "12x50ms", "bed_file": "given/t.wav"},
    ),
    "texture of a target": Case(
        {"target": "t.wav"},
        {"method": "sculpt", "gain_grid": "12x50ms", "target": "given/t.wav"},
    ),
    "start": Case({"start": "t.wav"}, BIRD, start="given/t.wav"),
    "melody": Case(
        {"melody 1": "t.mid"}, {"model": "basic-pitch", "objective": 'melody:"given/t.mid"'}
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def models(
    yamnet: Model, basic_pitch_folder: Path, basic_pitch: Model, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Model]:
    """The models of the cases by name, loaded once."""
    found = {"yamnet": yamnet, "basic-pitch": basic_pitch}
    folders = [str(basic_pitch_folder.parent), os.environ.get(MODELS_VARIABLE, "")]
    monkeypatch.setenv(MODELS_VARIABLE, os.pathsep.join(folders))
    monkeypatch.setattr(
        "dreamsound_studio.models.load.load_weights", lambda weights: found[weights.name]
    )
    return found


@pytest.fixture
def asker(
    tmp_path: Path, models: object, queue_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of whoever asks: paths are relative to it."""
    del queue_path, models
    folder = tmp_path / "asker"
    (folder / "given").mkdir(parents=True)
    write_sound(folder / "x.wav", 1.0)
    for seed, name in ((5, "t.wav"), (9, "u.wav"), (60, "t.mid")):
        write_given(folder / "given" / name, seed)
    monkeypatch.chdir(folder)
    return folder


def write_given(path: Path, seed: int) -> None:
    """Write a sound, or a melody of one note, which differs from that of another seed."""
    if path.suffix == ".wav":
        write_sound(path, 1.0, seed)
        return
    track = mido.MidiTrack([mido.Message("note_on", note=seed, velocity=90)])
    track.append(mido.Message("note_off", note=seed, time=960))
    file = mido.MidiFile()
    file.tracks.append(track)
    file.save(path)


def rendered(case: Case) -> Path:
    """Dream by the command line, in the asker's folder."""
    words = ["render", "x.wav", "--out", "rendered", "--renders", "dream", *case.words()]
    assert main(words) == 0
    return Path("rendered").absolute() / "x_dream.wav"


def queued(store: Store, case: Case, asker: Path, out: str) -> int:
    request = JobRequest.make(case.request(out)).settled(asker)
    return store.add([new_job(request, "cli")])[0]


def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder from which the asker's relative paths lead nowhere."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def dream_of(job: Job) -> Path:
    assert job.state == "done", job.error
    return Path(job.result["renders"]["dream"])


def samples(path: Path) -> np.ndarray[Any, Any]:
    return soundfile.read(path, dtype="int32")[0]


def hashes(path: Path) -> dict[str, Any]:
    others: dict[str, Any] = read_note(path)["others"]
    return others


def test_a_worker_elsewhere_dreams_what_render_does(
    case: Case,
    asker: Path,
    store: Store,
    work: Work,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = rendered(case)
    number = queued(store, case, asker, "queued")
    elsewhere(tmp_path, monkeypatch)
    request = JobRequest.make(json.loads(store.job(number).request))
    named = {str(asker / "given" / name) for name in case.files.values()}
    assert set(request.settled(asker).files()) == {str(asker / "x.wav")} | named
    work()
    there = dream_of(store.job(number))
    assert np.array_equal(samples(there), samples(here))
    assert hashes(there) == hashes(here)
    assert {name: file["name"] for name, file in hashes(here).items()} == case.files
    assert all(file["sha256"] for file in hashes(here).values())


def test_a_file_that_is_read_is_never_replaced(
    case: Case, asker: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in case.sounds():
        place = asker / "given" / name
        before = place.read_bytes()
        words = ["x.wav", "--out", "given", "--renders", "dream", "--overwrite"]
        assert main(["render", *words, "--name", place.stem, *case.words()]) == 2
        assert f"{name}: {TAKEN}" in capfd.readouterr().err
        assert place.read_bytes() == before


def test_batch_and_python_replace_none_of_them_either(
    case: Case, asker: Path, models: dict[str, Model], capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = Recipe.make(**case.recipe, steps=1)
    start = None if case.start is None else read_clip(case.start)
    model = models[case.recipe.get("model", "yamnet")]
    dream = dreamsound.dream("x.wav", recipe, start=start, model=model)
    for name in case.sounds():
        place = asker / "given" / name
        before = place.read_bytes()
        options = dreamsound.RenderOptions.make(renders=("dream",), overwrite=True, name=place.stem)
        with pytest.raises(AudioFileError, match=f"{name}: {TAKEN}"):
            dreamsound.write_renders(dream, asker / "given", options)
        if case.start is None:
            words = ["x.wav", "--out", "given", "--renders", "dream", "--clash", "overwrite"]
            assert main(["batch", *words, "--name", place.stem, *case.words()]) == 2
            assert f"{name}: {TAKEN}" in capfd.readouterr().out
        assert place.read_bytes() == before


def test_a_checkpoint_of_other_files_is_not_taken(case: Case, asker: Path) -> None:
    """Each file is part of what decides a dream."""
    request = JobRequest.make(case.request("out")).settled(asker)
    run = JobRun.__new__(JobRun)
    run.spec = request
    before = run._key()
    for name in set(case.files.values()):
        write_given(asker / "given" / name, seed=33)
        now = run._key()
        assert now != before
        before = now


def test_redo_finds_files_that_moved_and_tells_those_that_changed(
    case: Case,
    asker: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    render = rendered(case)
    for path in (asker / "given").iterdir():
        shutil.move(path, asker / path.name)
    elsewhere(tmp_path, monkeypatch)
    capfd.readouterr()
    assert main(["redo", str(render)]) == 0, capfd.readouterr()
    assert "made again, the same bytes" in capfd.readouterr().out
    for what, name in case.files.items():
        kept = (asker / name).read_bytes()
        write_given(asker / name, seed=33)
        assert main(["redo", str(render)]) == 1
        assert f"the {what}" in capfd.readouterr().out
        (asker / name).unlink()
        assert main(["redo", str(render)]) == 2
        # A file with several roles is reported in one of them.
        lacking = rf"Cannot find the .+ {re.escape(name)}\. Put it beside the source\."
        assert re.search(lacking, capfd.readouterr().err)
        (asker / name).write_bytes(kept)


def test_redo_reads_renders_that_note_fewer_files(
    asker: Path,
    yamnet: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As renders were written before directions were noted: found by name, the same bytes."""
    recipe = Recipe.make(**CASES["direction"].recipe, steps=1)
    dream = dreamsound.dream("x.wav", recipe, model=yamnet)
    dream.others.clear()
    options = dreamsound.RenderOptions.make(renders=("dream",))
    render = dreamsound.write_renders(dream, asker / "old", options).paths["dream"]
    assert hashes(render) == {}
    for path in (asker / "given").iterdir():
        shutil.move(path, asker / path.name)
    elsewhere(tmp_path, monkeypatch)
    assert main(["redo", str(render)]) == 0
    assert "made again, the same bytes" in capfd.readouterr().out


@pytest.fixture(scope="module")
def farm() -> Iterator[Farm]:
    """A scheduler and a machine in this process, seen from the queue."""
    distributed = pytest.importorskip("distributed", reason="the extra `farm` is not installed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
    ) as cluster:
        farm = Farm(FarmOptions(cluster.scheduler_address))
        yield farm
        farm.close()


def test_a_machine_that_sees_none_of_them_makes_the_same_bytes(
    case: Case,
    asker: Path,
    store: Store,
    work: Work,
    farm: Farm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = queued(store, case, asker, str(tmp_path / "alone"))
    work()
    number = queued(store, case, asker, str(tmp_path / "farmed"))
    elsewhere(tmp_path, monkeypatch)
    hidden = tmp_path / "hidden"
    places_of = farm_task._places

    def blind(files: dict[str, str], contents: dict[str, Any], scratch: Path) -> dict[str, Path]:
        """Look for the files while the asker's folder is away; it stays so for the dream."""
        asker.rename(hidden)
        try:
            return places_of(files, contents, scratch)
        except farm_task.NeedsFilesError:
            hidden.rename(asker)
            raise

    monkeypatch.setattr(farm_task, "_places", blind)
    monkeypatch.setattr(farm_task, "_MODELS", [])
    FarmWorker(store, farm, WorkerOptions(until_empty=True)).run()
    assert hidden.is_dir()
    made = dream_of(store.job(number))
    assert made.read_bytes() == dream_of(store.job(alone)).read_bytes()
    assert {name: file["name"] for name, file in hashes(made).items()} == case.files
