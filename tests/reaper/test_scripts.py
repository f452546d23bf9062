"""What the actions do in REAPER, in both languages; the engine is one that only acts as such."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

import pytest

from dreamsound_reaper.facts import read_facts

from .conftest import AGAIN_SO, ALL, DREAM, SCRIPTS, item_of, runs_of, saved, until
from .facts_made import tone
from .imitation.api import TABLE
from .imitation.model import Item, Project, Source, Track


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
    reaper.answers.append(["bells", "Bell", "add", "", "0.1"])
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
    take.take_markers = [(0.25, "hit é", 0), (0.5, "", 0x1FF0000)]
    project.items()[0].numbers["B_ALLTAKESPLAY"] = 1.0
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
    assert item["plays_all_takes"] is True
    report = item["take"]
    assert report["take_markers"] == [[0.25, "hit é", 0], [0.5, "", 0x1FF0000]]
    assert project.items()[0].takes[1].take_markers == take.take_markers
    assert report["stretch_markers"] == [[0.0, 0.1, 0.5]]
    assert (report["envelopes"], report["fx"], report["values"]["I_CHANMODE"]) == (1, 2, 3.0)
    source = report["source"]
    assert source["section"] == {"offset_s": 0.5, "length_s": 1.0, "is_reversed": True}
    assert source["parent"]["file"].endswith('ki"ck.wav')
    assert source["parent"]["channels"] == 2
    # The engine's side understands it.
    assert read_facts(run).items[0].take.source.section.is_reversed


def test_the_dialog_knows_what_was_used_last_and_fields_win(how, host, reaper, project, action):
    reaper.answers = [["bells", "", "", "7", "0.2"], None]
    host.run(action(DREAM))
    host.run_until()
    host.run(action(DREAM))
    assert reaper.asked[1]["values"] == ["Turn to bells", "", "", "3", ""]
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


def test_doctor(how, host, reaper, project, action):
    host.run(action("Doctor"))
    host.run_until()
    (report,) = reaper.messages
    assert "ok    REAPER 7.08/linux-x86_64\n" in report
    assert report.endswith(f"ok    all is well\n--resource-path {reaper.resource}")


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
