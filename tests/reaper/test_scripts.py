"""What the scripts do in REAPER, in both languages; the engine is one that only acts as such."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import shutil
import sys
import time
import types
import unicodedata
from pathlib import Path

import pytest

from dreamsound_reaper.facts import read_facts

from .conftest import ENDINGS, SCRIPTS, item_of, saved
from .facts_made import tone
from .imitation import rpp
from .imitation.api import TABLE
from .imitation.model import Item, Project, Source, Take, Track

DREAM = "Dream selected items"
AGAIN_SO = "Dream selected items with last settings"
ALL = sorted(path.stem.removeprefix("DreamSound_") for path in SCRIPTS.glob("DreamSound_*.py"))


@pytest.fixture
def how(install, tmp_path):
    """Tell the engine how to act."""
    runs = Path(install()["runs"])
    runs.mkdir()

    def how(**report):
        (runs / "how.json").write_text(json.dumps(report))
        return runs

    how()
    return how


def until(true, seconds=20.0):
    end_s = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def runs_of(runs: Path) -> list[Path]:
    found = (path for path in runs.iterdir() if path.is_dir())
    return sorted(found, key=lambda path: (path / "facts.json").stat().st_mtime_ns)


def test_the_scripts_are_of_python_3_8_and_of_its_own_library():
    for path in SCRIPTS.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 8))
        names = {
            (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in node.names
            if not (isinstance(node, ast.ImportFrom) and node.level)
        }
        known = {"reaper_python", "dreamsound_bridge", *sys.stdlib_module_names}
        assert names <= known, path
        assert not names & {"threading", "socket", "asyncio", "tkinter", "multiprocessing"}, path


def test_only_one_layer_knows_reapers_functions():
    layer = {"api.py", "making.py", "program.py"}
    known = set()
    for path in SCRIPTS.glob("dreamsound_bridge/*.py"):
        if path.name in layer:
            known |= set(re.findall(r"RPR_(\w+)", path.read_text("utf-8")))
        else:
            assert "RPR_" not in path.read_text("utf-8").replace('"RPR_defer"', "").replace(
                "``RPR_defer``", ""
            ), path
    assert known <= set(TABLE)


def test_new_takes_are_added_and_all_else_is_as_it_was(how, host, reaper, project, action):
    before = saved(project)
    first = project.items()[0]
    old = first.take
    host.run(action(DREAM))
    assert reaper.asked  # there is no window: a dialog asks
    assert len(first.takes) == 1
    reaper.answers.append(["bells", "Bell", "0.1", ""])
    host.run(action(DREAM))
    assert saved(project) == before  # nothing is changed before it is ready
    host.run_until()
    assert reaper.messages == []
    assert [take.name for take in first.takes] == [
        'ki"ck.wav', 'ki"ck.wav - dream', 'ki"ck.wav - gradient', 'ki"ck.wav - hardcut'
    ]  # fmt: skip
    assert first.takes[0] is old
    assert first.active == 1
    new = first.takes[1]
    assert new.numbers["D_STARTOFFS"] == 0.5
    assert new.markers == [[0.0, 0.5, 0.25]]
    assert new.numbers["I_CUSTOMCOLOR"] == 0x1000000 | 1 | 2 << 8 | 3 << 16
    assert json.loads(new.ext["DreamSound"]) == {"render": "dream"}
    assert [item.is_selected for item in project.items()] == [True, False, False]
    assert (project.cursor, project.view) == (1.5, (0.0, 60.0))
    assert [name for _, name, _ in reaper.steps] == ["DreamSound: dream 1"]
    reaper.undo()
    assert saved(project) == before


def test_facts_are_dumped_as_reaper_has_them(how, host, reaper, project, action):
    take = project.items()[0].take
    take.markers, take.envelopes, take.effects = [[0.0, 0.1, 0.5]], 1, 2
    take.numbers["I_CHANMODE"] = 3.0
    project.items()[0].numbers["C_LOCK"] = 1.0
    take.source = Source("SECTION", parent=take.source, offset_s=0.5, part_s=1.0, mode=2)
    host.run(action(AGAIN_SO))
    host.run_until()
    (run,) = runs_of(how())
    facts = json.loads((run / "facts.json").read_text("utf-8"))
    assert facts["project"]["path"] == project.path
    (item,) = facts["items"]
    assert (item["is_locked"], item["track"]["name"]) == (True, "Voice")
    assert item["fade_in_s"] == 0.01
    report = item["take"]
    assert report["stretch_markers"] == [[0.0, 0.1, 0.5]]
    assert (report["envelopes"], report["fx"], report["values"]["I_CHANMODE"]) == (1, 2, 3.0)
    source = report["source"]
    assert source["section"] == {"offset_s": 0.5, "length_s": 1.0, "is_reversed": True}
    assert source["parent"]["file"].endswith('ki"ck.wav')
    assert source["parent"]["channels"] == 2
    # The engine's side understands it.
    assert read_facts(run).items[0].take.source.section.is_reversed


def test_the_dialog_knows_what_was_used_last_and_fields_win(how, host, reaper, project, action):
    reaper.answers = [["bells", "", "0.2", "7"], None]
    host.run(action(DREAM))
    host.run_until()
    host.run(action(DREAM))
    assert reaper.asked[1]["values"] == ["Turn to bells", "", "", "3"]
    facts = json.loads((runs_of(how())[0] / "facts.json").read_text("utf-8"))
    assert facts["settings"]["preset"] == "Turn to bells"
    assert facts["settings"]["recipe"] == {"strength": "0.2", "steps": "7"}
    # They are remembered by the project, and by REAPER for others.
    assert json.loads(project.ext["DreamSound", "settings"])["recipe"] == {"steps": 3}
    reaper.close()
    reaper.open(Project(tracks=[Track(items=[item_of(Path("x.wav"), 0, 1, is_selected=True)])]))
    host.run(action(AGAIN_SO))
    host.run_until()
    facts = json.loads((runs_of(how())[1] / "facts.json").read_text("utf-8"))
    assert facts["settings"] == {"preset": "Turn to bells", "recipe": {"steps": 3}}


@pytest.mark.parametrize(
    ("text", "found", "message"),
    [("Turn to birds", "Turn to birds", ""), ("bö", "Bönes", ""), ("bells", "Turn to bells", ""),
     ("turn", None, "Turn to bells\nTurn to birds"), ("zzz", None, "Bönes")],
)  # fmt: skip
def test_a_preset_is_found_by_a_part_of_its_name(
    how, host, reaper, project, action, text, found, message
):
    reaper.answers = [[text]]
    host.run(action("Dream selected items with preset"))
    host.run_until()
    if found is None:
        assert message in reaper.messages[0]
        assert not runs_of(how())
    else:
        facts = json.loads((runs_of(how())[0] / "facts.json").read_text("utf-8"))
        assert facts["settings"]["preset"] == found


def test_one_action_for_a_favourite(how, host, reaper, project, action):
    text = action("Dream selected items with preset").read_text("utf-8")
    own = action("Dream selected items with preset - Bönes")
    nothing = re.search(r"PRESET = (None|nil)\n", text)[0]
    own.write_text(text.replace(nothing, "PRESET = 'Bönes'\n"), "utf-8")
    host.run(own)
    host.run_until()
    assert not reaper.asked
    facts = json.loads((runs_of(how())[0] / "facts.json").read_text("utf-8"))
    assert facts["settings"]["preset"] == "Bönes"
    assert len(project.items()[0].takes) == 4


def test_toward_the_last_selected_item(how, host, reaper, project, action):
    name = "Dream selected items toward the last selected item"
    host.run(action(name))
    assert "Select the items" in reaper.messages[0]
    project.items()[2].is_selected = True
    host.run(action(name))
    host.run_until()
    facts = json.loads((runs_of(how())[0] / "facts.json").read_text("utf-8"))
    assert facts["target"] == project.items()[2].guid
    assert [len(item.takes) for item in project.items()] == [4, 1, 1]


def test_onto_a_new_track(how, host, reaper, project, action):
    before = saved(project)
    for name in ("to a new track", "glued as one sound"):
        host.run(action(f"Dream selected items {name}"))
        host.run_until()
        assert [track.name for track in project.tracks] == ["Voice", "dreams", "Bells"], (
            reaper.messages
        )
        (item,) = project.tracks[1].items
        assert item.numbers["D_POSITION"] == 2.0
        assert len(item.takes) == 3
        assert item.active == 0
        reaper.undo()
        assert saved(project) == before


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


def test_an_engine_that_has_a_window_has_it_again(install, host, reaper, project, action):
    runs = Path(install(studio=["x"])["runs"])
    runs.mkdir()
    (runs / "how.json").write_text('{"silent": true}')
    reaper.clock_s = 100.0
    host.run(action(DREAM))
    (run,) = runs_of(runs)
    until(lambda: (run / "started").is_file())
    (run / "started").unlink()
    for _ in range(62):
        reaper.clock_s += 1.0
        host.tick()
    until(lambda: (run / "started").is_file())
    assert (run / "started").read_text().endswith("--window")
    host.forget()


def test_a_run_whose_project_never_comes_back_is_reported_and_over(
    how, host, reaper, project, action
):
    """An unsaved project, and then REAPER is closed."""
    project.path = ""
    host.run(action(AGAIN_SO))
    (run,) = runs_of(how())
    until(lambda: (run / "status.json").is_file() and (run / "result.json").is_file())
    host.forget()
    reaper.close()
    reaper.close_tab(project)
    host.run(action("Cancel"))
    host.run_until()
    assert "Renders kept" in reaper.messages[-1]
    assert (run / "applied").exists()


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


def test_cancel_and_progress(how, host, reaper, project, action):
    runs = how(wait="never")
    host.run(action("Cancel"))
    host.run(action("Progress"))
    assert reaper.messages == ["No dreams running."] * 2
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    host.run_until(lambda: (run / "status.json").is_file())
    host.run(action("Progress"))
    assert reaper.messages[-1] == "song.rpp: running, step 1/2"
    before = saved(project)
    host.run(action("Cancel"))
    host.run_until()
    assert len(reaper.messages) == 3
    assert saved(project) == before
    assert (run / "applied").exists()
    host.run(action("Progress"))
    assert reaper.messages[-1] == "No dreams running."


def test_reaper_closes_in_the_middle_and_goes_on_when_it_is_back(
    how, host, reaper, project, action
):
    runs = how(wait="go")
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    host.run_until(lambda: (run / "status.json").is_file())
    content = saved(project)
    reaper.close()
    reaper.close_tab(project)
    host.forget()
    (run / "go").touch()
    again = reaper.open(rpp.load(content, project.path))
    again.record_path = project.record_path
    host.run(action("Progress"))  # any action does
    host.run_until()
    assert len(again.items()[0].takes) == 4
    # Never twice.
    host.run(action("Progress"))
    host.run_until()
    assert len(again.items()[0].takes) == 4


def test_two_scripts_never_apply_one_run_twice(how, host, reaper, project, action):
    runs = how(wait="go")
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    host.run_until(lambda: (run / "status.json").is_file())
    for _ in range(3):
        host.run(action("Progress"))
    (run / "go").touch()
    host.run_until()
    assert len(project.items()[0].takes) == 4
    assert len(reaper.steps) == 1


def test_an_engine_that_is_silent_is_started_again_and_then_reported(
    how, host, reaper, project, action
):
    runs = how(silent=True)
    reaper.clock_s = 100.0
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    has_log = host.language == "python"
    if has_log:
        until(lambda: (run / "bridge.log").stat().st_size)
    for _ in range(400):
        if not host.is_waiting:
            break
        reaper.clock_s += 1.0
        host.tick()
    assert "is not responding" in reaper.messages[0]
    # Lua can start a program, but not read what it prints.
    assert ("bad day" in reaper.messages[0]) == has_log
    assert (run / "applied").exists()


def test_an_engine_that_is_not_there(install, host, reaper, project, action):
    runs = Path(install(engine=["/no/such/program"])["runs"])
    host.run(action(AGAIN_SO))
    assert "could not start" in reaper.messages[0]
    assert "/no/such/program" in reaper.messages[0]
    host.run(action("Progress"))
    assert reaper.messages[1] == "No dreams running."
    assert len(runs_of(runs)) == 1


def test_not_installed(host, reaper, project, action):
    for name in ALL:
        host.run(action(name))
    assert len(reaper.messages) == len(ALL)
    assert all("dreamsound reaper install" in text for text in reaper.messages)


def test_nothing_selected(how, host, reaper, project, action):
    project.items()[0].is_selected = False
    for name in ALL:
        if "elected" in name or "again" in name:
            host.run(action(name))
    assert set(reaper.messages) <= {
        "No items selected. Select the items to dream.",
        "DreamSound Studio is not installed.\n\nRun in a terminal:\n\n"
        "    pip install 'dreamsound-studio[desktop]'\n    dreamsound reaper install",
    }


def test_open_in_studio(install, host, reaper, project, action, tmp_path):
    out = tmp_path / "opened.json"
    code = "import json, sys; open(sys.argv[1], 'w').write(json.dumps(sys.argv[2:]))"
    install(studio=[sys.executable, "-c", code, str(out)])
    project.items()[1].is_selected = project.items()[2].is_selected = True
    host.run(action("Open selected items in DreamSound Studio"))
    until(lambda: out.is_file() and out.read_text())
    files = json.loads(out.read_text())
    assert [Path(file).name for file in files] == ['ki"ck.wav', "bell.wav"]


def test_with_the_desktop_a_window_asks(install, host, reaper, project, action):
    report = install(studio=["x"])
    host.run(action(DREAM))
    host.run_until()
    (run,) = runs_of(Path(report["runs"]))
    assert (run / "started").read_text().endswith("--window")
    assert not reaper.asked


@pytest.mark.parametrize(("system", "flags"), [("nt", 0x08000200), ("posix", None)])
def test_the_engine_is_started_without_a_console_and_outlives_reaper(monkeypatch, system, flags):
    """As Windows would be asked; the environment is not that of REAPER's own Python."""
    started = []
    monkeypatch.setitem(sys.modules, "reaper_python", types.ModuleType("reaper_python"))
    monkeypatch.syspath_prepend(str(SCRIPTS))
    runs = importlib.import_module("dreamsound_bridge.runs")
    popen = lambda words, **more: started.append((words, more))  # noqa: E731
    monkeypatch.setattr(runs, "subprocess", types.SimpleNamespace(DEVNULL=-3, Popen=popen))
    environ = {"PATH": "x", "PYTHONHOME": "y", "DYLD_X": "z", "LD_LIBRARY_PATH": "w"}
    system_os = types.SimpleNamespace(name=system, devnull=os.devnull, environ=environ)
    monkeypatch.setattr(runs, "os", system_os)
    runs.start_program(["a program", 'with "quotes"', "ü"])
    ((words, more),) = started
    assert words == ["a program", 'with "quotes"', "ü"]
    assert more["env"] == {"PATH": "x"}
    assert more.get("creationflags") == flags
    assert more.get("start_new_session") == (None if flags else True)
    assert "shell" not in more
    for name in [name for name in sys.modules if name.startswith("dreamsound_bridge")]:
        del sys.modules[name]


def test_doctor(how, host, reaper, project, action):
    host.run(action("Doctor"))
    host.run_until()
    assert reaper.messages == [f"ok    all is well\n--resource-path {reaper.resource}"]


def test_forty_items_at_once(how, host, reaper, tmp_path, action):
    path = tone(tmp_path / "a.wav", 1.0)
    items = [item_of(path, 0.0, 1.0, is_selected=True) for _ in range(40)]
    project = reaper.open(Project(str(tmp_path / "p.rpp"), tracks=[Track(items=items)]))
    before = saved(project)
    host.run(action(AGAIN_SO))
    host.run_until()
    assert all(len(item.takes) == 4 for item in items)
    assert len(reaper.steps) == 1
    assert reaper.calls["CountMediaItems"] == 0  # they are where they were
    reaper.undo()
    assert saved(project) == before


def test_a_very_long_and_strange_path(how, host, reaper, tmp_path, action):
    folder = tmp_path / ("ü" * 100) / "a 'b' `c` $(d) ;&"
    folder.mkdir(parents=True)
    path = tone(folder / f"{'x' * 120}.wav", 1.0)
    item = item_of(path, 0.0, 1.0, is_selected=True)
    reaper.open(Project(str(folder / "p.rpp"), tracks=[Track(items=[item])]))
    host.run(action(AGAIN_SO))
    host.run_until()
    assert len(item.takes) == 4


def test_an_empty_lane_is_not_a_take(how, host, reaper, project, action):
    project.tracks[0].items.append(Item([None, None], is_selected=True))
    host.run(action(AGAIN_SO))
    host.run_until()
    facts = json.loads((runs_of(how())[0] / "facts.json").read_text("utf-8"))
    assert [item["take"] is None for item in facts["items"]] == [False, True]


def test_an_upgrade_is_used_at_once(how, host, reaper, project, scripts, action):
    """Python in REAPER keeps modules; a script that is run again takes the new ones."""
    host.run(action("Progress"))
    folder = {"python": "dreamsound_bridge", "lua": "dreamsound_bridge_lua"}[host.language]
    actions = scripts / folder / f"actions{ENDINGS[host.language]}"
    text = actions.read_text("utf-8").replace("No dreams running.", "Nothing, newly.")
    actions.write_text(text, "utf-8")
    shutil.rmtree(scripts / "dreamsound_bridge/__pycache__", ignore_errors=True)
    host.run(action("Progress"))
    assert reaper.messages == ["No dreams running.", "Nothing, newly."]
