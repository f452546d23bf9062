"""A recipe is validated once, and an objective parsed once, on the way from items to jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamsound_reaper import shared_job
from dreamsound_reaper.parts import Parts, parts_of
from dreamsound_reaper.run import jobs as run_jobs
from dreamsound_reaper.run.folder import PREPARED
from dreamsound_reaper.run.run import Run
from dreamsound_reaper.take_note import TakeNote
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.recipe import recipe as recipe_module
from dreamsound_studio.recipe.presets import factory_presets, preset_from

from ..counts import Counts
from .facts_made import facts, item, tone

OBJECTIVE = "class:Flute - 0.5*class:Piano"  # of every model
RECIPE = {"objective": OBJECTIVE, "steps": "7"}


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """As in a process of its own."""
    shared_job._recipe_of.cache_clear()
    yield
    shared_job._recipe_of.cache_clear()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(run_jobs, "ensure_worker", lambda _: False)
    with Store(tmp_path / "queue.sqlite") as store:
        yield store


def queued(folder: Path, store: Store, *items: dict[str, Any], **settings: Any) -> list[str]:
    """Bring items into the queue; return the requests there."""
    folder.mkdir(exist_ok=True)
    given = facts(*items, out=str(folder / "out"), **settings)
    run = Run(folder, store)
    run._submitted(run._prepared(given))
    return [job.request for job in store.jobs("queued")]


def test_counting_counts(counts: Counts) -> None:
    recipe_module.Recipe.make(objective=OBJECTIVE)
    recipe_module.Recipe.make(objective=OBJECTIVE)
    assert counts == Counts(validations=2, parses=1)


def test_items_become_queued_jobs_with_one_validation_and_one_parse(
    counts: Counts, store: Store, tmp_path: Path
) -> None:
    items = [item(tone(tmp_path / f"{name}.wav", 1.0)) for name in "abc"]
    requests = queued(tmp_path / "run", store, *items, recipe=RECIPE)
    assert counts == Counts(validations=1, parses=1)
    assert [json.loads(text)["recipe"] for text in requests] == [
        {"objective": OBJECTIVE, "steps": 7}
    ] * 3


def test_also_if_files_are_seen_from_the_project_and_there_is_a_target(
    counts: Counts, store: Store, tmp_path: Path
) -> None:
    bell = item(tone(tmp_path / "bell.wav", 1.0), name="bell")
    one = item(tone(tmp_path / "a.wav", 1.0))
    recipe = {"objective": 'class:Flute + guide:"b.wav"', "steps": 7}
    path = str(tmp_path / "song.rpp")
    (text,) = queued(
        tmp_path / "run", store, one, bell, recipe=recipe, path=path, target=bell["guid"]
    )
    assert counts == Counts(validations=1, parses=1)
    assert json.loads(text)["recipe"] == {
        "objective": f'class:Flute + guide:"{tmp_path / "b.wav"}"',
        "steps": 7,
        "target": str(tmp_path / "bell.wav"),
        "method": "target",
    }


def test_sculpt_takes_the_texture_of_a_target(store: Store, tmp_path: Path) -> None:
    bell = item(tone(tmp_path / "bell.wav", 1.0), name="bell")
    one = item(tone(tmp_path / "a.wav", 1.0))
    for aim, method in (({}, "sculpt"), ({"class": "Flute"}, "target")):
        recipe = {"method": "sculpt", "steps": 7, **aim}
        run = tmp_path / method
        *_, text = queued(run, store, one, bell, recipe=recipe, target=bell["guid"])
        made = json.loads(text)["recipe"]
        assert (made["method"], made["target"]) == (method, str(tmp_path / "bell.wav"))


def test_a_preset_under_fields_is_one_more_validation(
    counts: Counts, store: Store, tmp_path: Path
) -> None:
    """The fields are valid by themselves; on top of a preset, they may contradict its own."""
    one = item(tone(tmp_path / "a.wav", 1.0))
    preset = factory_presets()[0].name
    queued(tmp_path / "run", store, one, recipe=RECIPE, preset=preset)
    assert counts == Counts(validations=2, parses=1)


def test_a_preset_as_it_is_needs_no_validation(
    counts: Counts, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = next(one for one in factory_presets() if one.recipe.objective is None)
    own = preset.model_copy(
        update={"name": "Own", "recipe": recipe_module.Recipe.make(objective=OBJECTIVE)}
    )
    monkeypatch.setattr("dreamsound_studio.recipe.presets.factory_presets", lambda: (own,))
    before = counts.validations
    queued(tmp_path / "run", store, item(tone(tmp_path / "a.wav", 1.0)), preset="Own")
    assert (before, counts) == (1, Counts(validations=1, parses=1))


def test_takes_with_the_same_recipe_are_continued_with_one_validation(
    counts: Counts, store: Store, tmp_path: Path
) -> None:
    source = tone(tmp_path / "a.wav", 1.0)
    ext = TakeNote(input=str(source), base="a", recipe={"objective": OBJECTIVE}).as_text()
    items = [item(source, name=name, ext=ext) for name in "ab"]
    assert len(queued(tmp_path / "run", store, *items, action="again")) == 2
    assert counts == Counts(validations=1, parses=1)


def test_a_restarted_run_validates_the_recipe_of_its_jobs_once(
    counts: Counts, tmp_path: Path
) -> None:
    items = [item(tone(tmp_path / f"{name}.wav", 1.0)) for name in "abc"]
    text = parts_of(facts(*items, recipe=RECIPE), tmp_path).to_json()
    shared_job._recipe_of.cache_clear()
    counts.forget()
    assert Parts.from_json(text).to_json() == text
    assert counts == Counts(validations=1, parses=1)


def test_a_worker_validates_the_recipe_of_a_job_once(
    counts: Counts, store: Store, tmp_path: Path
) -> None:
    one = item(tone(tmp_path / "a.wav", 1.0))
    (text,) = queued(tmp_path / "run", store, one, recipe=RECIPE)
    counts.forget()
    spec = JobRequest.make(json.loads(text)).settled(tmp_path)
    assert spec.recipe.objective == OBJECTIVE
    assert counts == Counts(validations=1, parses=1)


def test_an_invalid_recipe_is_for_the_window_to_report(store: Store, tmp_path: Path) -> None:
    """Without a window the run ends; with one, the user can choose another recipe there."""
    given = facts(item(tone(tmp_path / "a.wav", 1.0)), recipe={"steps": "0"})
    run = Run(tmp_path, store, with_window=True)
    first = run._prepared(given)
    document = json.loads((tmp_path / "items/001/job.json").read_text())
    assert document["recipe"] == {"steps": 0}
    assert (tmp_path / PREPARED).is_file()
    assert Run(tmp_path, store, with_window=True)._prepared(given) == first


def test_a_take_whose_recipe_is_invalid_is_skipped(tmp_path: Path) -> None:
    source = tone(tmp_path / "a.wav", 1.0)
    note = TakeNote(input=str(source), recipe={"stepz": 3})
    made = parts_of(facts(item(source, ext=note.as_text()), action="again"), tmp_path)
    assert not made.parts
    assert "cannot be continued: the recipe: stepz" in made.remarks[0][1]


def test_a_preset_is_validated_once(counts: Counts) -> None:
    document = {"name": "Own", "recipe": {"objective": OBJECTIVE}}
    assert preset_from(document, "a file").recipe.objective == OBJECTIVE
    assert counts == Counts(validations=1, parses=1)
