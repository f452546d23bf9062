"""``dreamsound queue``, ``submit`` and ``worker``: what they say, do and refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dreamsound_studio.audio.times import clock
from dreamsound_studio.cli.queue.show import line_of
from dreamsound_studio.cli.queue.watch import queue_table
from dreamsound_studio.models.yamnet.network import YamNet
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store
from dreamsound_studio.queue.worker.eta import Eta
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker

from .conftest import Command, chirp, write_sound


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    path = tmp_path / "queue" / "queue.sqlite"
    monkeypatch.setenv(QUEUE_VARIABLE, str(path))
    return Store(path)


def run(store: Store) -> None:
    Worker(store, WorkerOptions(until_empty=True)).run()


@pytest.fixture
def loaded(yamnet: YamNet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model that is loaded already."""
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)


@pytest.fixture
def three(command: Command, store: Store, bird: Path, tmp_path: Path) -> Store:
    """Three jobs that wait."""
    for name in ("b", "c"):
        write_sound(tmp_path / f"{name}.wav", chirp())
    inputs = (bird, tmp_path / "b.wav", tmp_path / "c.wav")
    done = command("queue", "add", *inputs, "--out", tmp_path / "out", "--steps", 1, "--no-start")
    assert done.code == 0, done.err
    return store


def waiting(store: Store) -> list[str]:
    return [job.name for job in store.jobs("queued")]


@pytest.mark.yamnet
@pytest.mark.usefixtures("loaded")
def test_a_queued_sound_becomes_what_render_makes_of_it(
    command: Command, store: Store, bird: Path, tmp_path: Path
) -> None:
    options = ("--preset", "Slow bloom", "--steps", 2, "--renders", "dream", "--bits", 16)
    options += ("--name", "{preset}_{n}_{stem}")
    sent = command("render", bird, "--out", tmp_path / "q", *options, "--queue", "--json")
    assert sent.code == 0, sent.err
    (job,) = json.loads(sent.out)["jobs"]
    assert store.job(job["id"]).preset == "Slow bloom"
    # Whether a worker was started is not what is tested here: this one takes the job.
    run(store)
    store.wait([job["id"]], timeout_s=60)
    direct = command("render", bird, "--out", tmp_path / "r", *options, "--json")
    assert direct.code == 0, direct.err
    (place,) = direct.inputs[0]["renders"].values()
    (queued,) = store.job(job["id"]).result["renders"].values()
    assert Path(queued).name == Path(place).name == "Slow bloom_001_bird.wav"
    assert Path(queued).read_bytes() == Path(place).read_bytes()


@pytest.fixture(autouse=True)
def no_worker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """Nothing is started behind a test's back; those that start one have processes of their own."""
    asked: list[Store] = []

    def ensure(store: Store) -> bool:
        asked.append(store)
        return True

    for module in ("add", "act"):
        monkeypatch.setattr(f"dreamsound_studio.cli.queue.{module}.ensure_worker", ensure)
    return asked


def test_a_worker_is_started_unless_asked_not_to(
    command: Command, store: Store, bird: Path, tmp_path: Path, no_worker: list[Store]
) -> None:
    added = ("queue", "add", bird, "--out", tmp_path / "out")
    assert command(*added, "--no-start").code == 0
    assert no_worker == []
    report = json.loads(command(*added, "--json").out)
    assert report["worker_started"]
    assert len(no_worker) == 1
    store.pause()
    assert "paused" in command(*added).err


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("missing.wav",), 2, "missing.wav"),
        (("bird.wav", "--steps", "0"), 2, "steps"),
        (("bird.wav", "--class", "Brid"), 2, "Bird"),
        (("bird.wav", "--preset", "Bonez"), 2, "Bones"),
        (("bird.wav", "--renders", "song"), 2, "song"),
        (("bird.wav", "--span", "3:1"), 2, "span"),
        (("bird.wav", "other/bird.wav"), 2, "--clash number"),
        (("bird.wav", "--method", "target", "--target", "no.wav"), 2, "no.wav"),
        (("bird.wav", "--objective", 'guide:"no.wav"'), 2, "no.wav"),
        (("bird.wav", "--objective", 'direction:"bird.wav"-"no.wav"'), 2, "no.wav"),
        (("bird.wav", "--level", "raw"), 2, "32f"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_added(
    command: Command,
    store: Store,
    bird: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    why: str,
) -> None:
    (tmp_path / "other").mkdir()
    write_sound(tmp_path / "other" / "bird.wav", chirp())
    monkeypatch.chdir(tmp_path)
    done = command("queue", "add", *arguments, "--out", "out")
    assert done.code == code
    assert why in done.messages[-1]
    assert store.counts()["queued"] == 0
    assert not (tmp_path / "out").exists()


def test_paths_mean_the_same_from_everywhere(
    command: Command, store: Store, bird: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sound(tmp_path / "guide.wav", chirp())
    monkeypatch.chdir(tmp_path)
    given = ("--objective", 'guide:"guide.wav"', "--no-start")
    assert command("queue", "add", bird.name, "--out", "out", *given).code == 0
    request = json.loads(store.job(1).request)
    assert (request["input"], request["out"]) == (str(bird), str(tmp_path / "out"))
    assert request["recipe"]["objective"] == f'guide:"{tmp_path / "guide.wav"}"'


def test_list_and_show_tell_what_waits(command: Command, three: Store) -> None:
    listed = command("queue", "list")
    assert [line.split()[1:3] for line in listed.out.splitlines()] == [
        ["queued", "bird.wav"],
        ["queued", "b.wav"],
        ["queued", "c.wav"],
    ]
    assert "3 queued" in listed.err
    queue = json.loads(command("queue", "list", "--json", "--limit", 2).out)
    assert queue["counts"]["queued"] == 3
    assert [job["name"] for job in queue["jobs"]] == ["bird.wav", "b.wav"]
    assert queue["jobs"][0]["request"]["recipe"]["steps"] == 1
    shown_ = command("queue", "show", 1)
    assert "bird.wav" in shown_.out
    assert json.loads(command("queue", "show", 1, "--json").out)["id"] == 1
    assert command("queue", "show", 77).code == 2
    assert "No job 77" in command("queue", "show", 77).err
    assert three.counts()["queued"] == 3


def test_jobs_are_moved_paused_cancelled_retried_removed_and_cleared(
    command: Command, three: Store
) -> None:
    assert command("queue", "move", 3, "--top").code == 0
    assert command("queue", "move", 1, "--before", 2).code == 0
    assert waiting(three) == ["c.wav", "bird.wav", "b.wav"]
    assert command("queue", "move", 2, "--priority", 4).code == 0
    assert waiting(three) == ["b.wav", "c.wav", "bird.wav"]
    assert command("queue", "move", 2).code == 2
    paused = command("queue", "pause")
    assert (paused.code, "the queue is paused" in paused.err) == (0, True)
    assert three.paused
    assert command("queue", "pause", "-q").err == ""
    assert "paused" in command("queue", "list").err
    resumed = command("queue", "resume")
    assert (resumed.code, "the queue is resumed" in resumed.err) == (0, True)
    assert not three.paused
    assert command("queue", "cancel", 1).code == 0
    assert three.job(1).state == "cancelled"
    both = command("queue", "cancel", 1, 2)
    assert both.code == 4
    assert "Job 1 cannot" in both.err
    assert command("queue", "finish", 3).code == 1
    assert command("queue", "retry", 1).code == 0
    assert three.job(1).state == "queued"
    assert command("queue", "cancel").code == 2
    assert command("queue", "cancel", "--all").code == 0
    assert command("queue", "remove", 3).code == 0
    assert "1 cleared" not in command("queue", "clear", "--state", "failed").err
    assert "removed 2 jobs" in command("queue", "clear").err
    assert three.jobs() == []


def test_retry_takes_the_input_as_it_is_now(command: Command, three: Store, tmp_path: Path) -> None:
    before = json.loads(three.job(2).request)["seen"]
    command("queue", "cancel", 2)
    write_sound(tmp_path / "b.wav", chirp(1.0))
    command("queue", "retry", 2)
    after = json.loads(three.job(2).request)["seen"]
    assert before["size"] < after["size"] == (tmp_path / "b.wav").stat().st_size


def test_a_job_folder_that_is_tried_again_is_as_if_new(
    command: Command, store: Store, bird: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({"input": str(bird), "out": "."}))
    assert command("submit", "--no-start", folder, "--allow", tmp_path).code == 0
    (folder / "cancel").touch()
    assert command("queue", "cancel", 1).code == 0
    assert json.loads((folder / "result.json").read_text())["state"] == "cancelled"
    assert command("queue", "retry", 1).code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["job.json", "status.json"]
    assert json.loads((folder / "status.json").read_text())["state"] == "queued"
    assert store.job(1).state == "queued"


@pytest.mark.yamnet
@pytest.mark.usefixtures("loaded")
def test_watch_wait_and_report_give_the_outcome(
    command: Command, three: Store, tmp_path: Path
) -> None:
    (tmp_path / "c.wav").unlink()
    run(three)
    watched = command("queue", "watch")
    assert watched.code == 0
    waited = command("queue", "wait", 1, 3)
    assert waited.code == 4
    assert "c.wav" in waited.err
    assert command("queue", "wait", 1).code == 0
    reported = command("queue", "report", "--out", tmp_path / "report")
    assert reported.code == 0
    assert "2 done, 1 failed, of 3" in reported.out
    page = (tmp_path / "report" / "queue_report.html").read_text()
    assert "bird_dream.wav" in page
    assert "c.wav" in page
    rows = json.loads((tmp_path / "report" / "queue_report.json").read_text())["inputs"]
    assert [row["state"] for row in rows] == ["done", "done", "failed"]


@pytest.mark.parametrize("how", [("queue", "add"), ("render", "--queue")])
def test_a_sound_that_cannot_be_read_does_not_keep_the_others_out(
    command: Command, store: Store, bird: Path, tmp_path: Path, how: tuple[str, ...]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    none = tmp_path / "none.wav"
    own = ("--no-start",) if how[0] == "queue" else ()
    given = (*how, bad, bird, none, "--out", tmp_path / "out", "--json", *own)
    store.pause()
    added = command(*given)
    assert added.code == 4
    report = json.loads(added.out)
    assert [one["input"] for one in report["jobs"]] == [str(bird)]
    failed = [(one["input"], one["exit_code"]) for one in report["failed"]]
    assert failed == [(str(bad), 2), (str(none), 2)]
    lines = [line for line in added.err.splitlines() if "paused" not in line]
    assert lines == [f"dreamsound: {one['error']}" for one in report["failed"]]
    assert [job.input for job in store.jobs()] == [str(bird)]
    # The number in a name is that of the sound among all, as in batch.
    assert json.loads(store.job(1).request)["number"] == 2


def test_if_no_sound_can_be_read_nothing_is_added_or_started(
    command: Command, store: Store, tmp_path: Path
) -> None:
    given = (tmp_path / "a.wav", tmp_path / "b.wav", "--out", tmp_path / "out")
    done = command("queue", "add", *given)
    assert (done.code, len(done.err.splitlines())) == (2, 2)
    assert store.counts()["queued"] == 0
    assert not list(store.path.parent.glob("worker.log"))


def test_a_dry_run_lists_what_would_be_added_and_what_not(
    command: Command, store: Store, bird: Path, tmp_path: Path
) -> None:
    given = (bird, tmp_path / "none.wav", "--out", tmp_path / "out", "--dry-run")
    done = command("queue", "add", *given)
    assert (done.code, done.out) == (4, f"would add {bird}, to write to {tmp_path / 'out'}\n")
    assert "none.wav: No such file" in done.err
    assert store.counts()["queued"] == 0


def test_watching_an_empty_queue_says_so(command: Command, store: Store) -> None:
    del store
    watched = command("queue", "watch")
    assert (watched.code, watched.out, watched.err) == (0, "", "The queue is empty.\n")


def test_waiting_for_too_long_is_reported(command: Command, three: Store) -> None:
    del three
    done = command("queue", "wait", "--timeout", 0.1)
    assert done.code == 1
    assert "unfinished after 0.1 s" in done.err


def test_the_table_says_how_long_all_of_it_will_take(three: Store, tmp_path: Path) -> None:
    from rich.console import Console

    (tmp_path / "lock").touch()
    three.register_worker("w", tmp_path / "lock")
    first = three.claim("w")
    assert first is not None
    three.done(
        first.id,
        "w",
        {"seconds": 10.0, "initial": {"score": 0.1}} | {"final": {"class": "Bird", "score": 0.9}},
    )
    second = three.claim("w")
    assert second is not None
    progress = {"step": 3, "steps": 10, "loss": 1.25, "class": "Bird", "score": 0.5}
    three.report_progress(second.id, "w", progress | {"eta_s": 7.0, "elapsed_s": 3.0})
    console = Console(width=100, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(queue_table(three, Eta(), 30))
    text = console.export_text()
    console.file.close()
    lines = text.splitlines()
    assert "running" in lines[1]
    assert all(cell in lines[1] for cell in ("b.wav", "3/10", "1.25", "Bird", "0.500", "0:07"))
    # What waits is as long as what took 10 s, and 7 s are left of what runs.
    assert "all done in 0:17" in lines[-2]
    assert "1 done" in lines[-2]
    assert "0:07" in line_of(three.job(second.id))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (59, "0:59"), (185, "3:05"), (7800, "2:10:00")]
)
def test_times_are_shown_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_schema_of_job_json_is_printed(command: Command) -> None:
    schema = json.loads(command("submit", ".", "--schema").out)
    assert {"input", "out"} == set(schema["required"])
    assert "preset" in schema["properties"]


@pytest.mark.parametrize("words", [("queue", "list"), ("queue", "--help"), ("submit", "--help")])
def test_the_queue_s_commands_start_without_numbers(words: tuple[str, ...], tmp_path: Path) -> None:
    script = (
        "import sys; from dreamsound_studio.cli import main; "
        f"main({list(words)!r}); slow = ('numpy', 'tensorflow', 'scipy'); "
        "print('imported:', [name for name in slow if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {QUEUE_VARIABLE: str(tmp_path / "q.sqlite")},
    )
    assert done.stdout.splitlines()[-1] == "imported: []", done.stdout


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
@pytest.mark.usefixtures("loaded")
def test_a_name_that_is_not_utf8_goes_through_the_queue(
    command: Command, store: Store, tmp_path: Path
) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    write_sound(tmp_path / "a.wav", chirp(0.5))
    (tmp_path / "a.wav").rename(name)
    out = tmp_path / os.fsdecode(b"out\xe8")
    given = ("--method", "add", "--class", "Cat", "--steps", 1, "--renders", "dream")
    assert command("queue", "add", name, "--out", out, "--no-start", *given).code == 0
    run(store)
    (job,) = store.jobs()
    assert (job.state, job.input) == ("done", name)
    assert (out / "caf-_dream.wav").exists()
    assert json.loads(command("queue", "list", "--json").out)["jobs"][0]["input"] == name
