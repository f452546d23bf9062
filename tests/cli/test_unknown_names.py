"""Names that no network has, on a machine without any model: refused before anything is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import dreamsound_studio as dreamsound
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker

from .conftest import Command

pytestmark = pytest.mark.usefixtures("bare_machine")

#: Model, option, a name that it does not have, and what the error says.
UNKNOWN = [
    ("auto", "class", "Brid", "no class 'Brid' in YAMNet or mtt-musicnn. Did you mean Bird |"),
    ("auto", "class", "guitarr", "Did you mean Guitar |"),
    ("auto", "class", "chorall", "Did you mean choral"),
    ("auto", "class", "9999", "YAMNet has classes 0 to 520; class 9999: mtt-musicnn has classes"),
    ("auto", "layer", "layer15", "no layer 'layer15' in YAMNet or mtt-musicnn. Did you mean layer"),
    ("auto", "layer", "cnn9", "Did you mean cnn"),
    ("auto", "objective", "channel:layer7:9999", "layer7/pointwise_conv/relu ends at 511 there"),
    (
        "auto",
        "objective",
        "channel:cnn1:64",
        "channel:cnn1:64: 64 is too large; cnn1 ends at 63 there",
    ),
    ("auto", "objective", "channel:cnn8:1", "no layer 'cnn8' in YAMNet or mtt-musicnn. Did you"),
    ("auto", "objective", "class:Bird+class:Brid", "no class 'Brid' in YAMNet or mtt-musicnn"),
    ("auto", "objective", "class:Bird+layer:cnn1", "no model has all of these names: YAMNet has "),
    ("yamnet", "class", "Brid", "YAMNet has no class 'Brid'. Did you mean Bird |"),
    ("yamnet", "class", "choral", "YAMNet has no class 'choral'"),
    ("yamnet", "layer", "layer15", "YAMNet has no layer 'layer15'. Did you mean layer"),
    ("yamnet", "objective", "channel:cnn1:1", "YAMNet has no layer 'cnn1'"),
    ("yamnet", "objective", "channel:layer7:512", "layer7/pointwise_conv/relu ends at 511"),
    ("mtt-musicnn", "class", "guitarr", "mtt-musicnn has no class 'guitarr'. Did you mean guitar"),
    ("mtt-musicnn", "class", "Bird", "YAMNet has it: install it with dreamsound models pull"),
    ("mtt-musicnn", "layer", "cnn9", "mtt-musicnn has no layer 'cnn9'. Did you mean cnn"),
    ("mtt-musicnn", "objective", "channel:cnn1:64", "cnn1 ends at 63 there"),
    ("msd-vgg", "layer", "pool6", "msd-vgg has no layer 'pool6'. Did you mean pool"),
]
COMMANDS = {
    "render": "render {bird}",
    "render --queue": "render {bird} --queue",
    "batch": "batch {bird}",
    "vary": "vary {bird} --grid seed=1,2",
    "queue add": "queue add {bird} --no-start",
}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A queue of the test's own."""
    path = tmp_path / "queue" / "queue.sqlite"
    monkeypatch.setenv(QUEUE_VARIABLE, str(path))
    with Store(path) as store:
        yield store


@pytest.mark.parametrize(("model", "option", "name", "words"), UNKNOWN)
@pytest.mark.parametrize("line", COMMANDS.values(), ids=COMMANDS)
def test_commands_refuse_them_before_anything_is_fetched_or_made(
    command: Command,
    store: Store,
    bird: Path,
    tmp_path: Path,
    line: str,
    model: str,
    option: str,
    name: str,
    words: str,
) -> None:
    given = (f"--{option}", name, "--model", model, "--out", tmp_path / "out")
    outcome = command(*line.format(bird=bird).split(), *given)
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1), outcome
    assert words in outcome.err
    assert not (tmp_path / "out").exists()
    assert store.counts()["queued"] == 0


def test_a_grid_is_checked_value_by_value(command: Command, bird: Path, tmp_path: Path) -> None:
    outcome = command("vary", bird, "--grid", "class=Bird,Brid", "--out", tmp_path / "out")
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1), outcome
    assert "Did you mean Bird |" in outcome.err


@pytest.mark.parametrize(
    ("model", "option", "name", "words"), [one for one in UNKNOWN if one[1] != "objective"]
)
def test_listen_and_units_refuse_them_too(
    command: Command, bird: Path, model: str, option: str, name: str, words: str
) -> None:
    which = "listen" if option == "class" else "units"
    outcome = command(which, bird, f"--{option}", name, "--model", model)
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1), outcome
    assert words in outcome.err


@pytest.mark.parametrize(("model", "option", "name", "words"), UNKNOWN)
def test_the_worker_fails_a_submitted_job_without_fetching(
    command: Command,
    store: Store,
    bird: Path,
    tmp_path: Path,
    model: str,
    option: str,
    name: str,
    words: str,
) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    recipe = {"model": model, option: name}
    job = {"input": str(bird), "out": "out", "recipe": recipe}
    (folder / "job.json").write_text(json.dumps(job))
    assert command("submit", folder, "--no-start", "--allow", tmp_path).code == 0
    said: list[str] = []
    Worker(store, WorkerOptions(until_empty=True), said.append).run()
    status = json.loads((folder / "status.json").read_text())
    assert (status["state"], status["code"]) == ("failed", "RecipeError")
    assert words in status["error"]
    assert not [line for line in said if "fetching" in line]
    assert not (folder / "out").exists()


@pytest.mark.parametrize(("model", "option", "name", "words"), UNKNOWN)
def test_a_face_and_a_script_get_the_error_at_once(
    bird: Path, tmp_path: Path, model: str, option: str, name: str, words: str
) -> None:
    recipe = {"model": model, option: name}
    request = JobRequest.make({"input": str(bird), "out": "out", "recipe": recipe})
    with pytest.raises(RecipeError) as refused:
        request.settled(tmp_path)
    assert words in str(refused.value)
    field = "class_" if option == "class" else option
    # Not even the sound is read: it does not exist.
    with pytest.raises(RecipeError) as refused:
        dreamsound.dream(
            tmp_path / "none.wav", dreamsound.Recipe.make(model=model, **{field: name})
        )
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("model", "option", "name"),
    [
        ("auto", "class", "Bird"),
        ("auto", "class", "choral"),
        ("auto", "class", "520"),
        ("auto", "class", "follow"),
        ("auto", "layer", "layer7"),
        ("auto", "layer", "cnn1"),
        ("auto", "objective", "channel:layer7:511"),
        ("auto", "objective", "channel:cnn1:63 - 0.5*class:choral"),
        ("yamnet", "class", "bird"),
        ("mtt-musicnn", "objective", "channel:cnn1:63"),
        ("msd-vgg", "layer", "pool5"),
    ],
)
def test_what_one_of_the_models_has_is_accepted(
    command: Command, store: Store, bird: Path, tmp_path: Path, model: str, option: str, name: str
) -> None:
    given = (f"--{option}", name, "--model", model, "--out", tmp_path / "out", "--no-start")
    assert command("queue", "add", bird, *given).code == 0
    assert store.counts()["queued"] == 1


def test_an_unknown_table_is_not_asked(tmp_path: Path) -> None:
    recipe = dreamsound.Recipe.make(model=str(tmp_path), class_="Brid")
    assert known_tables(recipe.model) == ()
    check_names(recipe, *known_tables(recipe.model))
