"""The files of a worker's jobs: inputs that change, renders that exist, disks, moving."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dreamsound_studio.jobs.models import WarmModels
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.job_run import JobRun
from dreamsound_studio.queue.worker.surroundings import Surroundings

from .conftest import Add, Work, renders_of, write_sound

pytestmark = pytest.mark.yamnet


def test_an_input_that_changed_is_taken_as_it_is_or_refused(
    store: Store, add: Add, work: Work, bird: Path
) -> None:
    taken, refused = add(out="taken"), add(out="refused", if_changed="fail")
    touched = add(write_sound(bird.with_name("touched.wav")), "touched", if_changed="fail")
    write_sound(bird, 0.7, seed=9)
    os.utime(bird.with_name("touched.wav"))
    work()
    job = store.job(taken)
    assert job.state == "done"
    assert job.result["samples"] == 11_200
    assert any("changed since" in line for line in job.result["warnings"])
    assert store.job(refused).state == "failed"
    assert "changed since" in (store.job(refused).error or "")
    assert store.job(touched).state == "done"


def test_renders_that_are_there_are_not_replaced(
    store: Store, add: Add, work: Work, tmp_path: Path
) -> None:
    first, second = add(), add()
    skipped = add(options={"clash": "skip"})
    numbered = add(options={"clash": "number"})
    work()
    assert store.job(first).state == "done"
    assert "exists" in (store.job(second).error or "")
    assert store.job(skipped).result["skipped"]
    assert store.job(numbered).result["renders"]["dream"].endswith("bird_dream_2.wav")


def test_a_full_disk_fails_the_job_and_leaves_no_partial_file(
    store: Store, add: Add, work: Work, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True
    )
    if made.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        number = add(write_sound(tmp_path / "long.wav", 4.0), str(disk))
        work()
        job = store.job(number)
        assert job.state == "failed"
        assert "\n" not in (job.error or "")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_worker_that_died_while_putting_in_place_is_finished_by_the_next(
    store: Store, add: Add, work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dreamsound_studio.render.write as render

    undisturbed, number = add(out="a"), add(out="b")
    third = add(out="c")
    work()
    expected = renders_of(store.job(undisturbed))
    for again in (number, third):
        with store.transaction("IMMEDIATE"):  # as if they had never run
            store.rows("DELETE FROM jobs WHERE id = ?", again)
    shutil.rmtree(tmp_path / "b")
    shutil.rmtree(tmp_path / "c")
    number, third = add(out="b"), add(out="c")
    put, dead = render.put_in_place, []

    class Died(BaseException):
        """Stands for a kill: nothing of the program's own is done any more."""

    def die(partial: dict[str, Path], places: dict[str, Path], overwrite: bool) -> None:
        kept = {name: path.with_name(f"kept-{name}") for name, path in partial.items()}
        for name, path in partial.items():
            shutil.copy(path, kept[name])
        first = next(iter(partial))
        put({first: partial[first]}, places, overwrite)
        dead.append((partial, kept))
        raise Died

    monkeypatch.setattr(render, "put_in_place", die)
    for one in (number, third):
        store.register_worker(f"dying{one}", store.folder / "dying.lock")
        job = store.claim(f"dying{one}")
        assert job is not None
        around = Surroundings(store, f"dying{one}", WarmModels(10**9))
        with pytest.raises(Died):
            JobRun(around, job).run()
    monkeypatch.setattr(render, "put_in_place", put)
    # Cleaning up is what a killed process would not have done.
    for partial, kept in dead:
        for name, path in partial.items():
            shutil.move(kept[name], path)
    # Of the third, what was written is lost: it has to be made again.
    for path in dead[1][0].values():
        path.unlink()
    said = work()
    assert sum("lost its worker" in line for line in said) == 2
    assert store.job(number).state == "done"
    assert renders_of(store.job(number)) == expected
    assert len(list((tmp_path / "b").iterdir())) == 3  # no partial file is left
    # Nothing is taken away from where renders go, whoever made it.
    assert "exists" in (store.job(third).error or "")
    assert [path.read_bytes() for path in (tmp_path / "c").iterdir()] == [expected["dream"]]


def test_a_folder_that_cannot_be_written_to_is_found_before_the_dream(
    store: Store, add: Add, work: Work, tmp_path: Path
) -> None:
    """Not after its last step."""
    (tmp_path / "file").write_text("in the way")
    number = add(out="file/out", steps=10_000)
    work()
    job = store.job(number)
    assert job.state == "failed"
    assert "Cannot write to the folder" in (job.error or "")
    assert not job.progress.get("step")
