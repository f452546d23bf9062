"""Nothing happens in REAPER at a bad moment, in both languages; the imitation watches for it."""

from __future__ import annotations

import json
import sys

import pytest

from .conftest import AGAIN_SO, DREAM, runs_of, saved, until
from .imitation.model import Project, Track

RECORDS, PLAYS = 5, 1


def ticks(host, count=120):
    for _ in range(count):
        host.tick()


def finished(how, host, action, **more):
    """Start a dream, and return its run when it is ready to be inserted."""
    runs = how(wait="go", **more)
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    (run / "go").touch()
    until(lambda: (run / "result.json").is_file())
    return run


@pytest.mark.parametrize("where", ["this project", "another tab"])
def test_takes_wait_for_the_end_of_a_recording(how, host, reaper, project, action, where):
    recording = project
    if where == "another tab":
        recording = reaper.open(Project(tracks=[Track("other")]))
        reaper.active = project
    before = saved(project)
    recording.play_state = RECORDS
    run = finished(how, host, action, renders=["dream"], summary=["bell.wav: effects not copied"])
    host.run_until(lambda: host.tick() or reaper.calls["GetPlayStateEx"] > 1)
    assert saved(project) == before
    assert reaper.messages == []
    assert not (run / "applied").exists()  # the next REAPER can still do it
    recording.play_state = 0
    host.run_until()
    assert len(project.items()[0].takes) == 2
    assert reaper.messages == ["bell.wav: effects not copied"]


def test_takes_wait_for_the_end_of_playing_if_the_user_says_so(how, host, reaper, project, action):
    project.play_state = PLAYS
    runs = finished(how, host, action, renders=["dream"]).parent
    host.run_until()
    assert len(project.items()[0].takes) == 2
    host.run(action("Insert only while stopped"))
    assert ("DreamSound", "only while stopped") in reaper.kept
    host.run(action(AGAIN_SO))
    run = runs_of(runs)[-1]
    (run / "go").touch()
    until(lambda: (run / "result.json").is_file())
    seen = reaper.calls["GetPlayStateEx"]
    host.run_until(lambda: host.tick() or reaper.calls["GetPlayStateEx"] > seen)
    assert len(project.items()[0].takes) == 2
    project.play_state = 0
    host.run_until()
    assert len(project.items()[0].takes) == 3
    host.run(action("Insert only while stopped"))
    assert "while playing, too" in reaper.console[-1]


def test_a_message_waits_for_the_end_of_a_recording(how, host, reaper, project, action):
    how()
    project.play_state = RECORDS
    project.items()[0].is_selected = False
    host.run(action(DREAM))
    ticks(host, 20)
    assert reaper.messages == []
    project.play_state = 0
    host.run_until()
    assert reaper.messages == ["No items selected. Select the items to dream."]


@pytest.mark.parametrize("name", [DREAM, "Dream selected items with preset"])
def test_no_dialog_opens_during_a_recording(how, host, reaper, project, action, name):
    runs = how()
    project.play_state = RECORDS
    host.run(action(name))
    host.run_until()
    assert (reaper.asked, reaper.messages, runs_of(runs)) == ([], [], [])
    assert "run the action again" in reaper.console[0]
    project.play_state = 0
    reaper.answers = [["Turn to bells", "", "", "", ""]]
    host.run(action(name))
    assert len(reaper.asked) == 1
    host.run_until()


def test_the_doctor_reports_problems_first(how, host, reaper, project, action):
    lines = ["ok    REAPER: here", "note  Python: off", "      -> use Lua", "ok    queue: empty"]
    lines += ["FAIL  model: gone", "      -> pull it", "      -> or link it"]
    runs = how(doctor=lines)
    host.run(action("Doctor"))
    host.run_until()
    (text,) = reaper.messages
    shown = text.split("\n")
    assert shown[:3] == lines[4:]
    assert shown.index("note  Python: off") + 1 == shown.index("      -> use Lua")
    log = runs / "messages.log"
    whole = log.read_text("utf-8") if log.is_file() else text
    marks = [line[:4] for line in whole.strip().split("\n") if not line.startswith(" ")]
    assert marks == sorted(marks)  # FAIL, note, ok
    assert set(lines) <= set(whole.split("\n"))


def test_a_message_has_eight_lines_and_the_log_has_the_rest(how, host, reaper, project, action):
    summary = [f"item {number}: skipped because it is MIDI" for number in range(30)]
    run = finished(how, host, action, summary=summary)
    host.run_until()
    (text,) = reaper.messages
    assert text.split("\n")[:7] == summary[:7]
    assert text.split("\n")[7].startswith("23 more lines in ")
    assert (run / "messages.log").read_text("utf-8").split("\n")[:30] == summary


def test_a_new_track_without_takes_leaves_nothing_not_even_an_undo_point(
    how, host, reaper, project, action
):
    project.tracks[0].depth, project.tracks[1].depth = -1, 0
    before = saved(project)
    host.run(action("Dream selected items to a new track"))
    (run,) = runs_of(how())
    until(lambda: (run / "result.json").is_file())
    for path in (run / "renders of it").iterdir():
        path.write_bytes(b"")
    host.run_until()
    assert saved(project) == before
    assert not reaper.steps
    assert "cannot read" in reaper.messages[0]


def test_a_new_track_stays_in_its_folder_and_has_no_default_effects(
    how, host, reaper, project, action
):
    project.tracks.insert(0, Track("Bus", depth=1))
    project.tracks[1].depth = -1
    before = saved(project)
    host.run(action("Dream selected items to a new track"))
    host.run_until()
    assert [(track.name, track.depth) for track in project.tracks] == [
        ("Bus", 1), ("Voice", 0), ("dreams", -1), ("Bells", 0)
    ]  # fmt: skip
    assert project.tracks[2].effects == 0
    reaper.undo()
    assert saved(project) == before


def test_an_action_joins_the_run_that_dreams_the_same(how, host, reaper, project, action):
    runs = how(wait="go", renders=["dream"])
    host.run(action(AGAIN_SO))
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    assert "under way" in reaper.console[0]
    # Another dream is another run.
    project.items()[2].is_selected = True
    host.run(action(AGAIN_SO))
    assert len(runs_of(runs)) == 2
    for one in runs_of(runs):
        (one / "go").touch()
    host.run_until()
    assert [len(item.takes) for item in project.items()] == [3, 1, 2]
    assert (run / "applied").exists()


def test_the_studio_is_started_visible(install, host, reaper, project, action, tmp_path):
    out = tmp_path / "opened.json"
    code = "import json, sys; open(sys.argv[1], 'w').write(json.dumps(sys.argv[2:]))"
    install(studio=[sys.executable, "-c", code, str(out)])
    host.run(action("Open selected items in DreamSound Studio"))
    until(lambda: out.is_file() and out.read_text())
    assert reaper.shown == ([True] if host.language == "lua" else [])


@pytest.mark.parametrize("way", ["first selected item", "item under the mouse", "target"])
def test_the_target_is_what_the_user_means(how, host, reaper, project, action, way):
    """Wherever it is on screen, selected or not, and it is not dreamed itself."""
    name = f"Dream selected items toward the {way}"
    first, _, third = project.items()
    meant = first if way == "first selected item" else third
    others = [third] if meant is first else [first]
    if way == "first selected item":
        third.is_selected = True
    host.run(action(name))
    if way != "first selected item":
        host.run_until()
        assert "target" in reaper.messages[0].lower() or "mouse" in reaper.messages[0]
        reaper.messages.clear()
    if way == "target":
        first.is_selected, third.is_selected = False, True
        host.run(action("Use selected item as target"))
        assert "“bell.wav” on track “Bells”" in reaper.messages.pop()
        assert project.ext["DreamSound", "target"] == third.guid
        host.run(action(name))
        assert "Only the target is selected" in reaper.messages.pop()
        first.is_selected, third.is_selected = True, False
        reaper.answers = [["", "", "", "", ""]]
    if way != "first selected item":
        reaper.pointed_at = third
        host.run(action(name))
    host.run_until()
    assert reaper.messages == []
    (run,) = runs_of(how())
    facts = json.loads((run / "facts.json").read_text("utf-8"))
    assert facts["target"] == meant.guid
    assert {item["guid"] for item in facts["items"]} == {meant.guid, others[0].guid}
    assert len(others[0].takes) == 4
    assert len(meant.takes) == 1
    if way == "target":
        assert reaper.asked[-1]["title"] == "DreamSound: toward “bell.wav” on track “Bells”"
        third.is_alive = False
        project.tracks[1].items.remove(third)
        host.run(action(name))
        assert "no longer in this project" in reaper.messages[0]


def test_the_target_is_one_item(how, host, reaper, project, action):
    how()
    project.items()[2].is_selected = True
    host.run(action("Use selected item as target"))
    assert reaper.messages == ["Select one item as the target, not 2."]
    assert not project.ext
