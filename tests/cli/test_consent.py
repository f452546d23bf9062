"""What a job folder, a recipe, a preset or a render from elsewhere may use, and who allows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dreamsound_studio.errors import ConsentError
from dreamsound_studio.jobs import consent
from dreamsound_studio.jobs.redo import find_file
from dreamsound_studio.queue.inbox import submit
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker
from dreamsound_studio.render.note import FileNote, file_sha256

from .conftest import Command


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A queue of the test's own."""
    path = tmp_path / "queue" / "queue.sqlite"
    monkeypatch.setenv(QUEUE_VARIABLE, str(path))
    with Store(path) as store:
        yield store


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "secret.wav"
    path.parent.mkdir()
    soundfile.write(path, np.zeros(8000), 8000)
    return path


def job_folder(tmp_path: Path, **fields: object) -> Path:
    folder = tmp_path / "stranger"
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / "in.wav", np.zeros(8000), 8000)
    document = {"input": "in.wav", "out": "out"} | fields
    (folder / "job.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "{secret}"},
        {"from_render": "{secret}"},
        {"recipe": {"target": "../home/secret.wav"}},
        {"recipe": {"bed_file": "{secret}"}},
        {"recipe": {"objective": 'guide:"{secret}":layer7'}},
        {"recipe": {"model": "{secret}"}},
        {"judge": "{secret}"},
        {"out": "{home}"},
        {"out": "../home"},
    ],
)
def test_submit_names_what_a_job_uses_outside_its_folder(
    command: Command, store: Store, tmp_path: Path, secret: Path, fields: dict[str, object]
) -> None:
    text = json.dumps(fields).replace("{secret}", str(secret)).replace("{home}", str(secret.parent))
    folder = job_folder(tmp_path, **json.loads(text))
    refused = command("submit", "--no-start", folder)
    assert refused.code == 2
    (line,) = refused.err.splitlines()
    assert str(secret if "out" not in fields else secret.parent) in line
    assert f'outside its folder. If you want that, run dreamsound allow "{secret.parent}"' in line
    assert store.jobs() == []
    assert command("submit", "--no-start", folder, "--allow", secret.parent).code == 0
    assert command("allow", "--json").out.strip() == json.dumps([str(secret.parent)], indent=1)
    assert command("allow", "--remove", secret.parent).code == 0
    assert command("submit", "--no-start", folder).code == 2


def test_a_link_in_a_job_folder_leads_nowhere_else(
    command: Command, store: Store, tmp_path: Path, secret: Path
) -> None:
    del store
    folder = job_folder(tmp_path, input="link.wav", out="linked")
    (folder / "link.wav").symlink_to(secret)
    assert str(secret) in command("submit", "--no-start", folder).err
    (folder / "link.wav").unlink()
    (folder / "in.wav").rename(folder / "link.wav")
    (folder / "linked").symlink_to(secret.parent, target_is_directory=True)
    assert "writes to" in command("submit", "--no-start", folder).err


def test_a_folder_of_renders_to_come_can_be_allowed(
    command: Command, tmp_path: Path, secret: Path
) -> None:
    coming = tmp_path / "renders"
    assert command("allow", coming).out.split() == [str(coming)]
    assert command("allow", secret).code == 2
    assert command("allow").out.split() == [str(coming)]


def test_a_question_cannot_be_faked_by_a_path(tmp_path: Path) -> None:
    strays = consent.outside(tmp_path, ["/a\x1b[2K\r\nnothing\u202e/b.wav"])
    assert str(strays) == r"reads /a\x1b[2K\r\nnothing\u202e/b.wav"


def test_the_worker_looks_again_also_at_what_a_preset_names(
    store: Store, tmp_path: Path, secret: Path
) -> None:
    folder = job_folder(tmp_path)
    preset = folder / "a.dreamsound.json"
    recipe = {"method": "target", "target": str(secret)}
    preset.write_text(json.dumps({"name": "a", "recipe": recipe}))
    job_folder(tmp_path, preset=str(preset))
    number = submit(folder, store).id
    Worker(store, WorkerOptions(until_empty=True), lambda _: None).run()
    job = store.job(number)
    assert (job.state, job.code) == ("failed", ConsentError.__name__)
    assert str(secret) in (job.error or "")


def test_trust_in_a_job_folder_is_ignored_with_a_line(
    command: Command, store: Store, tmp_path: Path
) -> None:
    folder = job_folder(tmp_path, trust=True)
    done = command("submit", "--no-start", folder)
    assert done.code == 0
    assert '"trust" is ignored; to trust its model, pass --trust' in done.err
    assert len(store.jobs()) == 1


def test_a_run_from_elsewhere_is_not_carried_out(
    command: Command, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "facts.json").write_text("{}")
    done = command("submit", tmp_path)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "a run of REAPER's that is not in" in done.err
    assert store.jobs() == []


@pytest.mark.parametrize("kind", ["recipe", "preset"])
def test_a_recipe_from_elsewhere_reads_only_beside_itself(
    command: Command, tmp_path: Path, secret: Path, kind: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    recipe = {"method": "target", "target": str(secret)}
    path = elsewhere / "a.dreamsound.json"
    path.write_text(json.dumps(recipe if kind == "recipe" else {"name": "a", "recipe": recipe}))
    words = ("render", secret, "--dry-run", "--out", tmp_path / "out", f"--{kind}", path)
    refused = command(*words)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert f"{path} reads {secret}, outside its folder." in refused.err
    # What the user names needs no question.
    assert command(*words, "--target", secret).code == 0
    consent.allow([secret.parent])
    assert command(*words).code == 0


def test_a_recipe_reads_what_lies_beside_it(command: Command, tmp_path: Path, secret: Path) -> None:
    del tmp_path
    path = secret.with_name("r.json")
    path.write_text(json.dumps({"method": "target", "target": str(secret)}))
    assert command("render", secret, "--dry-run", "--recipe", path).code == 0


def test_redo_reads_outside_only_what_the_render_was_made_of(tmp_path: Path, secret: Path) -> None:
    render = tmp_path / "renders" / "a.wav"
    render.parent.mkdir()
    render.touch()
    other = FileNote(name="secret.wav", sha256="0" * 64)
    with pytest.raises(Exception, match="Cannot find the target"):
        find_file(other, "target", [render.parent], render, said=secret)
    noted = FileNote(name="secret.wav", sha256=file_sha256(secret))
    assert find_file(noted, "target", [render.parent], render, said=secret) == secret
    # A name that is a path finds nothing either.
    whole = FileNote(name=str(secret), sha256="0" * 64)
    with pytest.raises(Exception, match="Cannot find the source"):
        find_file(whole, "source", [render.parent], render)
