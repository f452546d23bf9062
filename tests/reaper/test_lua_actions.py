"""The actions of the bridge in Lua, end to end: from the selected items to new takes."""

import json
import math
from pathlib import Path

import pytest

from dreamsound_reaper.facts import read_facts

from .test_lua_host import SCRIPTS, needs_lua, play

pytestmark = needs_lua
DREAM = "DreamSound_Dream selected items"
#: Takes of the first item, as they are reported.
TELL_TAKES = """
report.takes = host.json.array()
for place, take in ipairs(one.takes) do
  report.takes[place] = {name = take.name, ext = take.ext, values = take.values,
    order = host.json.array(take.order), slopes = host.json.array(), file = take.source.file}
  for number, marker in ipairs(take.markers) do report.takes[place].slopes[number] = marker[3] end
end
report.current = one.current
"""


def test_the_selected_items_are_dreamed_in_place(tmp_path):
    report = play(
        tmp_path,
        """
        one.takes[1].values.D_STARTOFFS = 0.125
        one.takes[1].values.D_PLAYRATE = 1.25
        before = host.saved(project)
        last_settings()
        report.begun = host.saved(project) == before and #host.steps == 0
        host.go(5)
        report.undone = host.steps[1].before == before
        report.selected, report.cursor = one.selected and other.selected, project.cursor
        report.is_first_kept = one.takes[1].name == "take" and #one.takes[1].order == 0
        report.counts = host.json.array{#one.takes, #other.takes}
        report.remembered = host.memory["DreamSound settings"]
        report.in_project = project.ext.DreamSoundsettings
        report.searches = host.calls.CountMediaItems or 0
        report.peaks = one.takes[2].source.done and one.takes[4].source.done
        """
        + TELL_TAKES,
        how={"summary": ["item 3: MIDI, skipped"]},
    )
    assert report["begun"] is True
    assert report["steps"] == ["DreamSound: dream of 2 items"]
    assert report["undone"] is True
    assert (report["selected"], report["cursor"], report["is_first_kept"]) == (True, 1.5, True)
    assert report["counts"] == [4, 4]
    assert report["messages"] == ["item 3: MIDI, skipped"]
    assert report["waiting"] == 0
    assert report["peaks"] is True
    assert report["searches"] == 0
    new = report["takes"][1]
    assert [take["name"] for take in report["takes"]] == [
        "take",
        "take ♪ dream",
        "take ♪ gradient",
        "take ♪ hardcut",
    ]
    assert report["current"] == 2
    assert new["values"]["D_PLAYRATE"] == 1.5
    assert new["values"]["D_STARTOFFS"] == 0.25
    assert new["values"]["I_CUSTOMCOLOR"] == 0x1000000 | 1 | 2 << 8 | 3 << 16
    assert new["order"] == ["D_PLAYRATE", "D_STARTOFFS", "B_PPITCH", "D_VOL", "I_CUSTOMCOLOR"]
    assert new["slopes"] == [0.0, 0.1]
    assert json.loads(new["ext"]) == {"render": "dream"}
    assert report["takes"][2]["values"]["I_CUSTOMCOLOR"] == 0.0
    used = {"preset": "Größe", "recipe": {"steps": 3}}
    assert report["remembered"] == report["in_project"] == json.dumps(used, sort_keys=True)
    (run,) = report.runs
    assert (run / "applied").is_file()
    assert not (run / "run.json").exists()
    assert not list(run.glob("*.partial"))


def test_the_facts_are_what_reaper_says(tmp_path):
    report = play(tmp_path, "last_settings()", how={"is_mute": True})
    facts = report.read("facts.json")
    assert facts["host"] == {"language": "lua", "reaper": "7.08/linux-x86_64", "bridge": "0.1.0"}
    assert (facts["action"], facts["target"], facts["settings"]) == ("dream", None, {})
    assert facts["project"] == {
        "path": str(tmp_path / "a song.rpp"),
        "record_path": str(tmp_path / "Media"),
        "sample_rate_hz": 48000,
    }
    one, other = facts["items"]
    assert (one["fade_in_s"], one["fade_out_s"]) == (0.01, 0.25)
    assert (one["is_loop"], one["is_locked"], one["is_muted"]) == (True, False, False)
    assert one["track"]["name"] == "drums"
    assert other["track"]["number"] == 2
    assert one["take"]["stretch_markers"] == [[0.0, 0.1, 0.5]]
    assert one["take"]["source"]["file"] == '/x/drum\'s "loop".wav'
    section = other["take"]["source"]
    assert section["section"] == {"offset_s": 0.5, "length_s": 1.0, "is_reversed": True}
    assert (section["file"], section["parent"]["file"]) == ("", "/x/bass ö.wav")
    assert section["parent"]["parent"] is None
    noted = report.read("run.json")
    assert noted["path"] == str(tmp_path / "a song.rpp")
    assert noted["project"].startswith("userdata: ")


def test_the_engine_understands_the_facts(tmp_path):
    report = play(
        tmp_path,
        """
        host.take(other, host.source("/x/active.wav"))
        other.current = 2
        last_settings()
        """,
        how={"is_mute": True},
    )
    one, other = read_facts(report.runs[0]).items
    assert one.take.stretch_markers[0][:2] == (0.0, 0.1)
    assert (other.take.source.file, other.take.source.section) == ("/x/active.wav", None)
    assert other.track.name == "bass"


def test_an_item_is_locked_by_the_first_bit_alone(tmp_path):
    report = play(
        tmp_path,
        """
        one.values.C_LOCK, other.values.C_LOCK, other.values.B_MUTE = 3.0, 2.0, 1.0
        last_settings()
        """,
        how={"is_mute": True},
    )
    items = report.read("facts.json")["items"]
    assert [item["is_locked"] for item in items] == [True, False]
    assert [item["is_muted"] for item in items] == [False, True]


def test_what_a_project_remembers_wins(tmp_path):
    report = play(
        tmp_path,
        """
        host.memory["DreamSound settings"] = '{"preset": "anywhere"}'
        project.ext.DreamSoundsettings = '{"preset": "here"}'
        last_settings()
        project.ext.DreamSoundsettings = 'broken'
        last_settings()
        """,
        how={"is_mute": True},
    )
    used = {report.read("facts.json", run)["settings"]["preset"] for run in range(2)}
    assert used == {"here", "anywhere"}


def test_an_empty_item_and_an_empty_lane_are_reported_as_such(tmp_path):
    report = play(
        tmp_path,
        """
        one.takes = {}
        other.takes[1].source = nil
        last_settings()
        """,
        how={"is_mute": True},
    )
    empty, without_source = report.read("facts.json")["items"]
    assert empty["take"] is None
    assert without_source["take"]["source"] is None
    assert without_source["take"]["stretch_markers"] == []


def test_forty_items_come_in_one_step_and_quickly(tmp_path):
    report = play(
        tmp_path,
        """
        for number = 3, 40 do host.item(drums, host.source("/x/" .. number .. ".wav")) end
        local began = os.clock()
        host.engine_runs = false
        last_settings()
        report.action_s = os.clock() - began
        host.engine_runs = true
        began = os.clock()
        host.go(1)
        report.ticks_s = os.clock() - began
        host.api.ExecProcess(host.line, -2)
        before = host.saved(project)
        began = os.clock()
        host.go(0.5)
        report.insert_s = os.clock() - began
        host.go(60)
        report.undone = host.steps[1].before == before
        report.count = 0
        for _, item in ipairs(host.items(project)) do report.count = report.count + #item.takes end
        """,
    )
    assert report["count"] == 160
    assert len(report["steps"]) == 1
    assert report["undone"] is True
    assert report["messages"] == []
    # REAPER's own functions are quick in this host: what is measured is the bridge.
    assert report["action_s"] < 0.05
    assert report["ticks_s"] / 30 < 0.002
    assert report["insert_s"] < 0.1


def test_a_dialog_asks_where_there_is_no_window(tmp_path):
    (tmp_path / "presets").mkdir()
    for name in ("Größe", "Glass choir", "Glass rain"):
        (tmp_path / "presets" / f"{name}.dreamsound.json").write_text("{}", "utf-8")
    report = play(
        tmp_path,
        f"""
        host.memory["DreamSound settings"] =
          '{{"preset": "Größe", "recipe": {{"class": "Bell", "steps": 4, "seed": 9}}, "out": null}}'
        host.act("{DREAM}")
        report.asked = host.json.array(host.asked)
        host.answers = {{"Größe|Speech|||  0.1 "}}
        host.act("{DREAM}")
        host.answers = {{"choir|||5|"}}
        host.act("{DREAM}")
        host.answers = {{" ||||0.2"}}
        host.act("{DREAM}")
        host.answers = {{"glass||||"}}
        host.act("{DREAM}")
        """,
        how={"is_mute": True},
    )
    assert report["asked"][2] == (
        "Preset (optional),Class to dream of,Method (sculpt),Steps (200; add: 10),"
        "Strength (only with add),extrawidth=220,separator=|"
    )
    assert report["asked"][3] == "Größe|Bell||4|"
    by_clock = {json.dumps(report.read("facts.json", run)["settings"]) for run in range(3)}
    assert by_clock == {
        json.dumps(chosen, sort_keys=True)
        for chosen in (
            {
                "preset": "Größe",
                "recipe": {"class": "Speech", "strength": "0.1", "seed": 9},
                "out": None,
            },
            {"preset": "Glass choir", "recipe": {"steps": "5"}, "out": None},
            {"preset": None, "recipe": {"strength": "0.2"}, "out": None},
        )
    }
    assert report["messages"] == [
        "“glass” does not match exactly one preset. Choose from:\n\nGlass choir\nGlass rain"
    ]


def test_a_window_asks_where_there_is_one(tmp_path):
    report = play(
        tmp_path,
        f'host.act("{DREAM}")',
        bridge={"studio": ["/bin/true"]},
        how={"is_mute": True},
    )
    run = report.runs[0]
    assert report["commands"][0][2:] == ["submit", str(run), "--runs", str(run.parent), "--window"]


def test_nothing_happens_without_selected_items(tmp_path):
    report = play(
        tmp_path,
        f"""
        one.selected, other.selected = false, false
        for _, name in ipairs({{"", " with last settings", " with preset", " to a new track",
            " glued as one sound", " toward the last selected item"}}) do
          host.act("{DREAM}" .. name)
        end
        host.act("DreamSound_Dream again from the active take")
        host.go(1)
        """,
    )
    assert report["messages"] == ["No items selected. Select the items to dream."] * 7
    assert report.runs == report["steps"] == report["commands"] == []


MENU = """
host.gfx = {mouse_x = 3, mouse_y = 4, init = function(...) report.init = host.json.array{...} end,
  quit = function() report.quit = true end,
  showmenu = function(text) report.menu = text return 2 end}
"""


@pytest.mark.parametrize("has_menu", [False, True])
def test_a_preset_is_chosen(tmp_path, has_menu):
    (tmp_path / "presets").mkdir()
    for name in ("#1 R&B|x", "Größe"):
        (tmp_path / "presets" / f"{name}.dreamsound.json").write_text("{}", "utf-8")
    report = play(
        tmp_path,
        (MENU if has_menu else 'host.answers = {"grö"}')
        + f"""
        host.memory["DreamSound settings"] = '{{"preset": "Größe", "recipe": {{"steps": 4}}}}'
        host.act("{DREAM} with preset")
        """,
        how={"is_mute": True},
    )
    assert report.read("facts.json")["settings"] == {"preset": "Größe", "recipe": {}}
    if has_menu:
        assert report["menu"] == " #1 R&&B/x|!Größe"
        assert report["init"] == ["DreamSound", 0, 0, 0, 10, 20]
        assert report["quit"] is True


def test_a_favourite_is_a_script_of_its_own(tmp_path):
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "Größe.dreamsound.json").write_text("{}", "utf-8")
    text = (SCRIPTS / f"{DREAM} with preset.lua").read_text("utf-8")
    report = play(
        tmp_path,
        f"""
        local function favourite(name, line)
          local file = io.open(host.folder .. "/" .. name .. ".lua", "wb")
          file:write((([==[{text}]==]):gsub("local PRESET = nil", line)))
          file:close()
          host.act(name)
        end
        favourite("one", 'local PRESET = "Größe"')
        favourite("other", 'local PRESET = "gone"')
        """,
        how={"is_mute": True},
    )
    assert report.read("facts.json")["settings"]["preset"] == "Größe"
    assert report["messages"] == ["“gone” does not match exactly one preset. Choose from:\n\nGröße"]
    assert len(report.runs) == 1


def test_the_last_item_is_the_target(tmp_path):
    report = play(
        tmp_path,
        f"""
        other.selected = false
        host.act("{DREAM} toward the last selected item")
        other.selected = true
        host.act("{DREAM} toward the last selected item")
        host.go(2)
        report.counts = host.json.array{{#one.takes, #other.takes}}
        """,
    )
    facts = report.read("facts.json")
    assert facts["target"] == facts["items"][1]["guid"]
    assert report["counts"] == [4, 1]
    assert len(report["messages"]) == 1
    assert report["messages"][0].startswith("Select the items to dream, then add the target")


@pytest.mark.parametrize(
    ("action", "placement"),
    [(f"{DREAM} to a new track", "track"), (f"{DREAM} glued as one sound", "glue")],
)
def test_what_is_dreamed_comes_on_a_new_track(tmp_path, action, placement):
    report = play(
        tmp_path,
        f"""
        other.selected = false
        before = host.saved(project)
        host.act("{action}")
        host.go(3)
        report.undone = host.steps[1].before == before
        report.tracks = host.json.array()
        for place, track in ipairs(project.tracks) do report.tracks[place] = track.name end
        local item = project.tracks[2].items[1]
        report.values, report.count, report.active = item.values, #item.takes, item.current
        report.kept = #one.takes == 1 and one.selected
        """,
    )
    assert report.read("facts.json")["settings"] == {"placement": placement}
    assert report["tracks"] == ["drums", "drums ♪ dream", "bass"]
    assert (report["values"]["D_POSITION"], report["values"]["D_LENGTH"]) == (3.0, 1.5)
    assert (report["count"], report["active"]) == (3, 1)
    assert (report["kept"], report["undone"]) == (True, True)
    assert report["messages"] == []


def test_an_active_take_is_dreamed_again(tmp_path):
    report = play(
        tmp_path,
        """
        one.takes[1].ext = "{}"
        host.memory["DreamSound settings"] = '{"preset": "Größe"}'
        host.act("DreamSound_Dream again from the active take")
        """,
        how={"is_mute": True},
    )
    facts = report.read("facts.json")
    assert (facts["action"], facts["settings"]) == ("again", {})
    assert facts["items"][0]["take"]["ext"] == "{}"


def test_the_sounds_are_opened_in_the_studio(tmp_path):
    report = play(
        tmp_path,
        """
        host.item(bass, host.source("/x/bass ö.wav"))
        host.item(bass, nil)
        host.act("DreamSound_Open selected items in DreamSound Studio")
        one.selected = false
        for _, item in ipairs(bass.items) do item.selected = item.takes[1] == nil end
        host.act("DreamSound_Open selected items in DreamSound Studio")
        """,
        bridge={"studio": ["/bin/true", "-m", "studio"]},
    )
    assert report["commands"] == [
        ["/bin/true", "-m", "studio", '/x/drum\'s "loop".wav', "/x/bass ö.wav"]
    ]
    assert report["messages"] == ["The selected items play no audio files. Select audio items."]
    report = play(tmp_path, 'host.act("DreamSound_Open selected items in DreamSound Studio")')
    assert report["messages"][0].startswith("DreamSound Studio is not installed.")


def test_progress_is_reported_and_a_dream_is_cancelled(tmp_path):
    report = play(
        tmp_path,
        """
        host.act("DreamSound_Progress")
        host.act("DreamSound_Cancel")
        last_settings()
        host.act("DreamSound_Progress")
        host.go(2)
        host.act("DreamSound_Cancel")
        host.go(1)
        report.before = host.saved(project) == before
        host.api.ExecProcess(host.line, -2)
        host.go(2)
        host.act("DreamSound_Progress")
        report.after = host.saved(project) == before
        """,
        how={"is_slow": True, "state": "cancelled"},
    )
    assert report["messages"] == [
        "No dreams running.",
        "No dreams running.",
        "a song.rpp: running, 1 of 2 dreamed",
        "No dreams running.",
    ]
    assert (report["before"], report["after"]) == (True, True)
    assert report["steps"] == []
    assert (report.runs[0] / "cancel").read_bytes() == b""
    assert (report.runs[0] / "applied").is_file()


def test_a_doctor_tells_what_it_finds(tmp_path):
    report = play(tmp_path, 'host.act("DreamSound_Doctor") host.go(1)')
    (text,) = report["messages"]
    assert text.startswith("note  before REAPER 7.03: ")  # this one has few functions
    assert "\nok    REAPER 7.08/linux-x86_64\n" in text
    assert text.endswith("All is well: größer")
    assert report["waiting"] == 0
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_doctor_that_says_nothing_is_not_waited_for_for_ever(tmp_path):
    report = play(
        tmp_path,
        """
        host.engine_runs = false
        host.act("DreamSound_Doctor")
        host.go(179)
        report.early = #host.messages
        host.go(2)
        """,
    )
    assert report["early"] == 0
    assert len(report["messages"]) == 1
    assert report["messages"][0].startswith("The DreamSound engine is not responding.")
    assert report["waiting"] == 0


def test_every_action_defers_once_so_that_reaper_makes_no_undo_point(tmp_path):
    names = [path.stem for path in SCRIPTS.glob("DreamSound_*.lua")]
    report = play(
        tmp_path,
        """
        one.selected, other.selected = false, false
        report.counts = host.json.array()
        for place, name in ipairs(host.json.decode(NAMES)) do
          host.queue = {}
          host.act(name)
          report.counts[place] = #host.queue
        end
        """.replace("NAMES", f"[==[{json.dumps(names)}]==]"),
    )
    assert len(report["counts"]) == 16
    assert min(report["counts"]) >= 1


@pytest.mark.parametrize("name", ['it\'s a "quoted" $HOME 東京 größer', "x" * 200])
def test_folders_have_any_name(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    report = play(folder, "last_settings() host.go(3) report.count = #one.takes")
    assert report["count"] == 4
    assert report["messages"] == []
    assert report.runs[0] == Path(report["commands"][0][3])


def test_numbers_stay_what_they_are(tmp_path):
    report = play(
        tmp_path,
        f"one.values.D_POSITION, one.values.D_LENGTH = 1 / 3, {math.pi!r} last_settings()",
        how={"is_mute": True},
    )
    item = report.read("facts.json")["items"][0]
    assert (item["position_s"], item["length_s"]) == (1 / 3, math.pi)
