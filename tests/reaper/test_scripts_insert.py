"""How the scripts add takes to a project that has changed meanwhile, in both languages."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from .conftest import AGAIN_SO, runs_of, saved
from .imitation.model import Project, Take, Track


def test_a_track_waits_until_its_project_is_in_front(how, host, reaper, project, action):
    host.run(action("Dream selected items to a new track"))
    other = reaper.open(Project(tracks=[Track("other")]))
    (run,) = runs_of(how())
    host.run_until(lambda: (run / "result.json").is_file())
    for _ in range(100):
        host.tick()
    assert [track.name for track in other.tracks] == ["other"]
    assert len(project.tracks) == 2
    reaper.active = project
    host.run_until()
    assert len(project.tracks) == 3


def test_into_a_project_that_is_not_in_front(how, host, reaper, project, action):
    before = None
    host.run(action(AGAIN_SO))
    other = reaper.open(Project(tracks=[Track("other")]))
    before = saved(other)
    host.run_until()
    assert len(project.items()[0].takes) == 4
    assert saved(other) == before
    assert reaper.steps[0][0] is project


def test_a_source_that_is_not_taken_leaves_no_empty_take_in_another_tab(
    how, host, reaper, project, action
):
    before = saved(project)
    host.run(action(AGAIN_SO))
    reaper.open(Project(tracks=[Track("other")]))
    reaper.failing["SetMediaItemTake_Source"] = 3
    host.run_until()
    assert "its project is not active" in reaper.messages[0]
    assert saved(project) == before
    assert not reaper.steps  # nothing was done: there is nothing to be undone


def test_items_that_have_one_guid_are_distinguished_by_their_takes(
    how, host, reaper, project, action, tmp_path
):
    first, second = project.items()[0], project.items()[2]
    second.guid, second.is_selected = first.guid, True
    host.run(action(AGAIN_SO))
    host.run_until()
    assert [take.name for take in first.takes][1] == 'ki"ck.wav - dream'
    assert [take.name for take in second.takes][1] == "bell.wav - dream"


def test_names_that_a_system_writes_its_own_way_are_the_same(how, host, reaper, project, action):
    plain = reaper.GetMediaSourceFileName
    reaper.GetMediaSourceFileName = lambda source, buf: (
        unicodedata.normalize("NFD", plain(source, buf)[0]).replace("/", "\\"),
    )
    host.run(action(AGAIN_SO))
    host.run_until()
    assert reaper.calls["InsertMedia"] == 0
    assert len(project.items()[0].takes) == 4


@pytest.mark.parametrize("change", ["item", "take", "rate", "project"])
def test_what_has_vanished_is_reported_and_its_renders_are_kept(
    how, host, reaper, project, action, change
):
    runs = how(wait="go")
    project.items()[2].is_selected = True
    host.run(action(AGAIN_SO))
    first = project.items()[0]
    if change == "item":
        project.tracks[0].items.remove(first)
        first.is_alive = False
    elif change == "take":
        first.takes[0] = Take()
    elif change == "rate":
        first.take.numbers["D_PLAYRATE"] = 2.0
    else:
        reaper.close_tab(project)
    (run,) = runs_of(runs)
    (run / "go").touch()
    host.run_until()
    report = reaper.messages[-1]
    assert "renders kept" in report.lower()
    assert "renders of it" in report
    assert all(path.is_file() for path in (run / "renders of it").iterdir())
    if change != "project":
        assert len(project.items()[-1].takes) == 4  # the other is done
        assert len(reaper.steps) == 1


def test_an_item_that_was_trimmed_meanwhile_is_met_where_it_is(how, host, reaper, project, action):
    runs = how(wait="go")
    host.run(action(AGAIN_SO))
    item = project.items()[0]
    item.take.numbers["D_STARTOFFS"] += 0.1
    item.numbers["D_POSITION"] += 0.1
    (runs_of(runs)[0] / "go").touch()
    host.run_until()
    assert item.takes[1].numbers["D_STARTOFFS"] == pytest.approx(0.6)


def test_a_file_that_is_not_taken_goes_by_the_menu(how, host, reaper, project, action):
    before = saved(project)
    reaper.failing["SetMediaItemTake_Source"] = 1
    host.run(action(AGAIN_SO))
    host.run_until()
    first = project.items()[0]
    assert reaper.calls["InsertMedia"] == 1
    assert [take.name.rpartition(" ")[2] for take in first.takes[1:]] == [
        "dream", "gradient", "hardcut"
    ]  # fmt: skip
    assert first.active == 1
    assert (project.cursor, project.view) == (1.5, (0.0, 60.0))
    assert [item.is_selected for item in project.items()] == [True, False, False]
    reaper.undo()
    assert saved(project) == before


def test_a_render_that_reaper_cannot_read_does_not_stop_the_others(
    how, host, reaper, project, action
):
    runs = how(wait="go")
    project.items()[2].is_selected = True
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    (run / "go").touch()
    host.run_until(lambda: (run / "result.json").is_file() or host.tick())
    # Too late? then the takes are there, and there is nothing to test.
    plan = json.loads((run / "result.json").read_text())
    if (run / "applied").exists():
        pytest.skip("the plan was applied before its file could be broken")
    Path(plan["items"][0]["takes"][1]["file"]).write_bytes(b"")
    for take in plan["items"][1]["takes"]:
        Path(take["file"]).unlink()
    host.run_until()
    assert [len(item.takes) for item in project.items()] == [3, 1, 1]
    assert "cannot read" in reaper.messages[0]


def test_nothing_is_undone_where_nothing_was_done(how, host, reaper, project, action):
    how(state="failed", summary=["No model is available."])
    before = saved(project)
    host.run(action(AGAIN_SO))
    host.run_until()
    assert reaper.messages == ["No model is available."]
    assert not reaper.steps
    assert saved(project) == before
