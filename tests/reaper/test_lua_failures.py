"""What goes wrong meanwhile: what is gone, an engine that is silent, a second REAPER."""

import json

import pytest

from .test_lua_host import needs_lua, play

pytestmark = needs_lua
KEPT = "Nothing inserted; renders kept: "
#: A second project, which is shown in the end.
SECOND = """
local second = host.project(host.work .. "/another.rpp")
host.item(host.track(second, "keys"), host.source("/x/keys.wav"))
local second_before = host.saved(second)
"""

GONE = {
    "the item no longer exists": "host.remove(drums.items, one)",
    "its take no longer exists": "host.remove(one.takes, one.takes[1])",
    "its play rate has changed": "one.takes[1].values.D_PLAYRATE = 0.5",
}


@pytest.mark.parametrize(("why", "change"), GONE.items())
def test_what_is_gone_is_reported_and_the_rest_is_inserted(tmp_path, why, change):
    report = play(
        tmp_path,
        f"""
        last_settings()
        {change}
        host.go(3)
        report.count = #other.takes
        """,
    )
    assert report["count"] == 4
    assert len(report["steps"]) == 1
    (message,) = report["messages"]
    assert message.startswith(f"item 1: {why}. {KEPT}")
    for file in message.removeprefix(f"item 1: {why}. {KEPT}").split(", "):
        assert (tmp_path / "Media" / file).is_file()


def test_nothing_is_done_where_all_is_gone(tmp_path):
    report = play(
        tmp_path,
        """
        last_settings()
        host.remove(drums.items, one)
        host.remove(bass.items, other)
        before = host.saved(project)
        host.go(3)
        report.same = host.saved(project) == before
        """,
    )
    assert report["same"] is True
    assert report["steps"] == []
    assert report["messages"][0].count(KEPT) == 2


def test_a_take_that_was_moved_takes_the_new_ones_along(tmp_path):
    report = play(
        tmp_path,
        """
        last_settings()
        one.takes[1].values.D_STARTOFFS = 0.5
        host.go(3)
        report.offset = one.takes[2].values.D_STARTOFFS
        """,
    )
    assert report["offset"] == 0.75


def test_an_item_is_found_by_its_guid_where_its_pointer_is_stale(tmp_path):
    report = play(
        tmp_path,
        """
        last_settings()
        host.remove(drums.items, one)
        local copy = host.item(drums, host.source("/x/drum's loop.wav"))
        copy.guid, copy.takes[1].guid = one.guid, one.takes[1].guid
        host.go(3)
        report.count = #copy.takes
        """,
    )
    assert (report["count"], report["messages"]) == (4, [])


def test_a_file_that_reaper_cannot_read_does_not_stop_the_others(tmp_path):
    report = play(
        tmp_path,
        "last_settings() host.go(3) report.count, report.name = #one.takes, one.takes[3].name",
        how={"missing": ["gradient"]},
    )
    assert (report["count"], report["name"]) == (3, "take ♪ hardcut")
    first, second = report["messages"][0].split("\n")
    assert first.startswith("item 1: REAPER cannot read it (")
    assert second.startswith("item 2: REAPER cannot read it (")


def test_files_that_are_all_unreadable_are_reported(tmp_path):
    report = play(
        tmp_path,
        "last_settings() host.go(3) report.same = host.saved(project) == before",
        how={"missing": ["dream", "gradient", "hardcut"]},
    )
    assert report["same"] is True
    assert "item 1: REAPER cannot read its files. Nothing inserted" in report["messages"][0]


def test_a_value_that_cannot_be_set_is_reported(tmp_path):
    report = play(
        tmp_path,
        "host.broken.B_PPITCH = true last_settings() host.go(3) report.kept = #one.takes[1].order",
    )
    assert len(report["messages"][0].split("\n")) == 6
    assert report["messages"][0].startswith("item 1: cannot set B_PPITCH (")
    assert report["kept"] == 0
    assert len(report["steps"]) == 1


@pytest.mark.parametrize("fault", ["refuses_sources", "spoils_sources"])
def test_a_source_that_is_not_taken_goes_the_way_of_the_menu(tmp_path, fault):
    report = play(
        tmp_path,
        f"""
        other.selected = false
        before = host.saved(project)
        host.{fault} = true
        last_settings()
        host.go(3)
        report.count, report.current = #one.takes, one.current
        report.files = host.json.array{{one.takes[2].source.file, one.takes[4].source.file}}
        report.selected = one.selected and not other.selected
        report.cursor = project.cursor
        report.undone = host.steps[1].before == before
        """,
    )
    assert (report["count"], report["current"], report["messages"]) == (4, 2, [])
    assert report["undone"] is True
    assert [file[-11:] for file in report["files"]] == ["0-dream.wav", "hardcut.wav"]
    assert (report["selected"], report["cursor"]) == (True, 1.5)


def test_the_active_take_stays_where_the_plan_has_none(tmp_path):
    report = play(
        tmp_path,
        """
        other.selected = false
        host.take(one, host.source("/x/second.wav"))
        one.current = 2
        host.refuses_sources = true
        last_settings()
        host.go(3)
        report.count, report.current = #one.takes, one.current
        """,
        how={"active": "none"},
    )
    assert (report["count"], report["current"], report["messages"]) == (5, 2, [])


# -- projects ---------------------------------------------------------------------------------


def test_a_project_in_another_tab_gets_its_takes(tmp_path):
    report = play(
        tmp_path,
        SECOND
        + """
        last_settings()
        host.active = second
        host.go(3)
        report.count = #one.takes
        report.same = host.saved(second) == second_before
        report.project = host.steps[1].project
        """,
    )
    assert (report["count"], report["same"], report["messages"]) == (4, True, [])
    assert report["project"] == str(tmp_path / "a song.rpp")


def test_a_source_that_is_not_taken_in_another_tab_is_reported(tmp_path):
    report = play(
        tmp_path,
        SECOND
        + """
        host.refuses_sources = true
        last_settings()
        host.active = second
        host.go(3)
        report.same = host.saved(second) == second_before
        """,
    )
    assert report["same"] is True
    assert "and its project is not active" in report["messages"][0]


def test_a_new_track_waits_until_its_project_is_shown(tmp_path):
    report = play(
        tmp_path,
        SECOND
        + """
        host.act("DreamSound_Dream selected items to a new track")
        host.active = second
        host.go(30)
        report.same = host.saved(second) == second_before and host.saved(project) == before
        report.still = #host.queue
        host.active = project
        host.go(3)
        report.tracks = #project.tracks
        """,
    )
    assert (report["same"], report["still"], report["tracks"]) == (True, 1, 4)
    assert (report["messages"], report["waiting"]) == ([], 0)


def test_a_project_that_was_closed_is_left_alone_and_the_files_are_reported(tmp_path):
    report = play(
        tmp_path,
        SECOND
        + """
        last_settings()
        host.remove(host.projects, project)
        host.active = second
        host.go(3)
        report.same = host.saved(second) == second_before
        """,
    )
    assert report["same"] is True
    (message,) = report["messages"]
    assert message.startswith("Its project is closed. Renders kept: ")
    assert message.count(".wav") == 6
    assert (report.runs[0] / "applied").is_file()


def test_an_unsaved_project_is_known_by_its_pointer(tmp_path):
    report = play(
        tmp_path,
        SECOND
        + """
        project.path, second.path = "", ""
        last_settings()
        host.active = second
        host.go(3)
        report.count = #one.takes
        report.same = #host.items(second)[1].takes
        """,
    )
    assert (report["count"], report["same"], report["messages"]) == (4, 1, [])


# -- the engine -------------------------------------------------------------------------------


def test_an_engine_that_never_answers_is_started_again_and_then_given_up(tmp_path):
    report = play(
        tmp_path,
        """
        host.engine_runs = false
        last_settings()
        host.go(59)
        report.first = #host.commands
        host.go(2)
        report.second = #host.commands
        host.go(118)
        report.before = #host.messages
        host.go(10)
        report.same = host.saved(project) == before
        """,
    )
    assert (report["first"], report["second"], report["before"]) == (1, 2, 0)
    assert len(report["commands"]) == 3
    assert "--window" not in report["commands"][1]
    assert len(report["messages"]) == 1
    assert report["messages"][0].startswith("The DreamSound engine is not responding.")
    assert str(report.runs[0]) in report["messages"][0]
    assert (report["waiting"], report["same"]) == (0, True)
    assert (report.runs[0] / "applied").is_file()


def test_an_engine_that_falls_silent_is_missed_sooner(tmp_path):
    report = play(
        tmp_path,
        """
        last_settings()
        host.go(19)
        report.first = #host.commands
        host.go(3)
        report.second = #host.commands
        """,
        how={"is_slow": True},
    )
    assert (report["first"], report["second"], report["waiting"]) == (1, 2, 1)


def test_what_an_engine_has_written_is_shown_where_it_is_silent(tmp_path):
    report = play(
        tmp_path,
        """
        host.engine_runs = false
        last_settings()
        local file = io.open(host.commands[1][4] .. "/engine.log", "wb")
        file:write("1\\n2\\n\\n3  \\n4\\r\\n5\\n6: größer\\n")
        file:close()
        host.go(200)
        """,
    )
    assert "not responding.\n\n3\n4\n5\n6: größer\n\nRun" in report["messages"][0]


def test_an_engine_that_is_not_there_is_reported_at_once(tmp_path):
    report = play(tmp_path, "last_settings() host.go(1)", bridge={"engine": ["/no/such/program"]})
    assert report["messages"] == ["DreamSound could not start: program not found: /no/such/program"]
    assert report["waiting"] == 0
    assert (report.runs[0] / "applied").is_file()


def test_a_run_that_failed_is_reported(tmp_path):
    report = play(
        tmp_path,
        """
        last_settings()
        host.go(2)
        report.same = host.saved(project) == before
        report.remembered = host.memory["DreamSound settings"] ~= nil
        """,
        how={"state": "failed", "summary": ["There is no preset “x”."]},
    )
    assert (report["messages"], report["same"]) == (["There is no preset “x”."], True)
    assert report["remembered"] is False


def test_a_result_that_is_missing_is_reported(tmp_path):
    report = play(tmp_path, "last_settings() host.go(2)", how={"has_no_result": True})
    assert report["messages"] == [f"DreamSound wrote no result. See {report.runs[0]}"]
    assert report["waiting"] == 0


def test_a_result_that_is_not_an_object_is_none(tmp_path):
    report = play(
        tmp_path,
        """
        last_settings()
        local file = io.open(host.commands[1][4] .. "/result.json", "wb")
        file:write("[]")
        file:close()
        host.go(2)
        """,
    )
    assert report["messages"] == [f"DreamSound wrote no result. See {report.runs[0]}"]


def test_a_plan_that_is_broken_is_reported_once_and_leaves_no_step_open(tmp_path):
    report = play(
        tmp_path,
        """
        last_settings()
        local run = host.commands[1][4]
        local plan = host.json.decode(io.open(run .. "/result.json", "rb"):read("a"))
        plan.items[1].takes[1].stretch_markers = 3
        local file = io.open(run .. "/result.json", "wb")
        file:write(host.json.encode(plan))
        file:close()
        host.go(5)
        """,
    )
    (message,) = report["messages"]
    assert message.startswith("DreamSound: ")
    assert "stack traceback" in message
    assert report["waiting"] == 0
    assert len(report["steps"]) == 1


@pytest.mark.parametrize("text", [None, "", "[]", "{", '{"engine": \udc80}'])
def test_without_what_the_installer_tells_nothing_is_done(tmp_path, text):
    report = play(
        tmp_path,
        """
        local path = host.folder .. "/bridge.json"
        os.remove(path)
        local text = TEXT
        if text then
          local file = io.open(path, "wb")
          file:write(text)
          file:close()
        end
        last_settings()
        host.go(1)
        """.replace(
            "TEXT", "nil" if text is None else json.dumps(text).replace("\\udc80", "\\x80")
        ),
    )
    assert len(report["messages"]) == 1
    assert report["messages"][0].startswith("DreamSound is not fully installed in this REAPER")
    assert report.runs == []


# -- who looks after a run --------------------------------------------------------------------


def test_a_run_is_taken_once(tmp_path):
    report = play(
        tmp_path,
        """
        host.engine_runs = false
        last_settings()
        host.clock = host.clock + 4
        host.act("DreamSound_Progress")
        host.engine_runs = true
        report.watches = #host.queue
        host.api.ExecProcess(host.line, -2)
        host.go(5)
        report.count = #one.takes
        """,
    )
    assert report["watches"] >= 2
    assert (report["count"], len(report["steps"]), report["waiting"]) == (4, 1, 0)


def test_a_run_that_is_looked_after_is_left_to_it(tmp_path):
    report = play(
        tmp_path,
        """
        host.engine_runs = false
        last_settings()
        host.go(1)
        host.act("DreamSound_Progress")
        host.go(0.1)
        report.loops = #host.queue
        """,
    )
    assert report["loops"] == 1


def test_a_script_that_is_ended_leaves_its_run_to_the_next(tmp_path):
    report = play(
        tmp_path,
        """
        host.engine_runs = false
        last_settings()
        host.go(1)
        host.stop()
        host.engine_runs = true
        host.api.ExecProcess(host.line, -2)
        host.go(5)
        report.alone = #one.takes
        host.act("DreamSound_Progress")
        host.go(2)
        report.count = #one.takes
        """,
    )
    assert (report["alone"], report["count"], len(report["steps"])) == (1, 4, 1)


def test_a_script_takes_its_own_place_where_reaper_can(tmp_path):
    report = play(
        tmp_path,
        'host.options_known = true host.act("DreamSound_Progress") report.options = host.options',
    )
    assert report["options"] == 3


def put_run(folder, noted, result=None):
    """Leave a run of another REAPER, or of the bridge in Python."""
    run = folder / "runs" / "20260101-000000-abcdef"
    run.mkdir(parents=True)
    (run / "facts.json").write_text("{}", "utf-8")
    (run / "run.json").write_text(json.dumps(noted), "utf-8")
    plan = {
        "schema_version": 1,
        "state": "failed",
        "items": [],
        "tracks": [],
        "summary": ["a summary"],
    }
    (run / "result.json").write_text(json.dumps(result or plan), "utf-8")
    (run / "status.json").write_text(json.dumps({"state": "failed", "beat": 1}), "utf-8")
    return run


def test_a_run_of_an_earlier_reaper_is_looked_after(tmp_path):
    pointer = "(ReaProject*)0x0000000000000001"
    run = put_run(
        tmp_path,
        {"session": "python's", "project": pointer, "path": str(tmp_path / "a song.rpp")},
    )
    report = play(tmp_path, 'host.act("DreamSound_Progress") host.go(1)')
    assert report["messages"] == ["a song.rpp: failed, …", "a summary"]
    assert (run / "applied").is_file()


def test_a_run_of_a_project_that_is_not_open_waits_for_it(tmp_path):
    path = tmp_path / "not open.rpp"
    path.touch()
    run = put_run(tmp_path, {"session": "python's", "project": "x", "path": str(path)})
    report = play(tmp_path, 'host.act("DreamSound_Cancel") host.go(1)')
    assert (report["messages"], report["waiting"]) == ([], 0)
    assert (run / "run.json").is_file()


@pytest.mark.parametrize("path", ["", "/gone/for ever.rpp"])
def test_a_run_of_a_project_that_will_never_be_open_again_is_reported(tmp_path, path):
    run = put_run(tmp_path, {"session": "python's", "project": "x", "path": path})
    report = play(tmp_path, 'project.path = "" host.act("DreamSound_Cancel") host.go(1)')
    assert "Its project is closed" in report["messages"][0]
    assert not (run / "run.json").exists()


def test_a_run_that_python_has_taken_is_not_taken(tmp_path):
    run = put_run(tmp_path, {"session": "", "path": str(tmp_path / "a song.rpp")})
    report = play(
        tmp_path,
        f"""
        host.act("DreamSound_Progress")
        io.open([==[{run}/applied]==], "wb"):close()
        host.go(2)
        host.act("DreamSound_Progress")
        """,
    )
    assert report["messages"] == ["a song.rpp: failed, …", "No dreams running."]
    assert (run / "run.json").is_file()


def test_peaks_of_what_was_undone_are_not_built(tmp_path):
    report = play(
        tmp_path,
        """
        last_settings()
        while #host.steps == 0 do host.go(0.01) end
        for _, take in ipairs(one.takes) do take.source.alive = false end
        host.go(3)
        report.other = other.takes[2].source.done
        """,
    )
    assert (report["messages"], report["other"], report["waiting"]) == ([], True, 0)
