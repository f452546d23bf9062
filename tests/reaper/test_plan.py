"""From results to plans: names, values, colours, what is reported."""

import json

import pytest

from dreamsound_reaper import plan as plan_module
from dreamsound_reaper.parts import parts_of
from dreamsound_reaper.plan import COLOURS, Outcome, failed_plan, remark_lines
from dreamsound_reaper.take_note import TakeNote
from dreamsound_reaper.take_plan import TakePlan
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.recipe.recipe import Recipe

from .facts_made import facts, item, tone


def plan_of(*given):
    """A plan as the scripts read it."""
    return json.loads(plan_module.plan_of(*given).to_json())


def outcome(part, *renders, state="done", error="", **recipe):
    """A job that is over, as the queue reports it."""
    made = Recipe.make(**recipe).as_dict()
    names = renders or ("dream", "gradient", "hardcut")
    result = {
        "renders": {name: f"/renders/{part.base}_{name}.wav" for name in names},
        "recipe": made,
        "model": "yamnet",
        "weights_sha256": "00",
        "initial": {"class": "Bell", "score": 0.1},
        "final": {"class": "Bell", "score": 0.7},
    }
    return Outcome(state, result if state == "done" else {}, error)


@pytest.fixture
def two(tmp_path):
    path = tone(tmp_path / "long.wav", 5.0, channels=2)
    given = facts(
        item(path, name="a hit", start_offset_s=2.0, play_rate=1.5, length_s=0.5, pitch=-2.0,
             take_volume=0.5, pan=-0.25, channel_mode=1,
             stretch_markers=[[0.0, 2.0, 0.0], [0.5, 2.5, 0.1]]),
        item(path, name="b", position_s=3.0, length_s=5.0),
    )  # fmt: skip
    return given, parts_of(given, tmp_path)


def test_new_takes_keep_what_the_old_one_has(two):
    given, parts = two
    plan = plan_of(given, parts, [outcome(part) for part in parts.parts], "done")
    assert plan["state"] == "done"
    assert plan["undo"] == "DreamSound: dream a hit, b"
    first, second = plan["items"]
    assert (first["item"], first["take"]) == ("{a hit}", "{take a hit}")
    assert first["seen"] == {"D_STARTOFFS": 2.0, "D_PLAYRATE": 1.5}
    takes = first["takes"]
    assert [take["name"] for take in takes] == [
        "a hit - dream Bell", "a hit - gradient Bell", "a hit - hardcut Bell"
    ]  # fmt: skip
    assert [take["is_active"] for take in takes] == [True, False, False]
    values = takes[0]["values"]
    assert next(iter(values)) == "D_STARTOFFS"
    assert values["D_STARTOFFS"] == pytest.approx(1.5)  # a handle of 1 s at rate 1.5
    assert (values["D_PLAYRATE"], values["D_PITCH"], values["D_VOL"]) == (1.5, -2.0, 0.5)
    assert (values["D_PAN"], values["I_CHANMODE"]) == (-0.25, 1.0)
    (at, source, slope), last, edge = takes[0]["stretch_markers"]
    assert edge[0] > last[0]
    assert (at, slope) == (0.0, 0.0)
    assert source == pytest.approx(1.5)
    assert last == [0.5, pytest.approx(2.0), 0.0]  # nothing follows that could slope
    assert takes[0]["colour"] == list(COLOURS["dream"])
    assert second["takes"][0]["values"]["D_STARTOFFS"] == 0.0
    json.dumps(plan, allow_nan=False)


def test_a_take_says_how_it_was_made(two):
    given, parts = two
    plan = plan_of(given, parts, [outcome(part, class_="Bell") for part in parts.parts], "done")
    note = TakeNote.of_text(plan["items"][0]["takes"][0]["ext"])
    assert note.input == parts.parts[0].job.input
    assert note.cut == parts.parts[0].job.cut
    assert note.recipe["class"] == "Bell"
    assert "\n" not in plan["items"][0]["takes"][0]["ext"]
    assert (note.base, note.generation, note.scores) == ("a hit", 1, [0.1, 0.7])


def test_one_that_failed_does_not_stop_the_others(two):
    given, parts = two
    outcomes = [outcome(parts.parts[0], state="failed", error="it is\nsilent"),
                outcome(parts.parts[1])]  # fmt: skip
    plan = plan_of(given, parts, outcomes, "done")
    assert [entry["label"] for entry in plan["items"]] == ["b"]
    assert plan["summary"] == ["a hit: failed: it is silent"]
    assert plan["undo"] == "DreamSound: dream b"


def test_all_failed_is_failed(two):
    given, parts = two
    outcomes = [outcome(part, state="failed", error="no model") for part in parts.parts]
    plan = plan_of(given, parts, outcomes, "done")
    assert plan["state"] == "failed"
    assert plan["summary"] == ["a hit, b: failed: no model"]
    assert not plan["items"]


def test_cancelled_inserts_nothing_and_says_where_renders_are(two):
    given, parts = two
    outcomes = [outcome(parts.parts[0]), outcome(parts.parts[1], state="cancelled")]
    plan = plan_of(given, parts, outcomes, "cancelled")
    assert plan["state"] == "cancelled"
    assert not plan["items"]
    assert parts.parts[0].job.out in plan["summary"][0]
    nothing = [outcome(part, state="cancelled") for part in parts.parts]
    assert plan_of(given, parts, nothing, "cancelled")["summary"] == []


def test_stopped_and_kept_says_what_was_not_begun(two):
    given, parts = two
    outcomes = [outcome(parts.parts[0]), outcome(parts.parts[1], state="cancelled")]
    plan = plan_of(given, parts, outcomes, "done")
    assert [entry["label"] for entry in plan["items"]] == ["a hit"]
    assert plan["summary"] == ["b: cancelled"]


def test_to_a_new_track(two):
    given, parts = two
    settings = given.settings.model_copy(update={"placement": "track"})
    given = given.model_copy(update={"settings": settings})
    plan = plan_of(given, parts, [outcome(part) for part in parts.parts], "done")
    assert not plan["items"]
    (track,) = plan["tracks"]
    assert (track["after"], track["name"]) == ("{track}", "Voice - dreams")
    assert [one["values"]["D_POSITION"] for one in track["items"]] == [0.0, 3.0]
    assert track["items"][0]["takes"][0]["values"]["D_STARTOFFS"] == pytest.approx(1.5)


def test_glued_goes_behind_the_last_track(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)
    low = item(path, name="low", track={"guid": "{2}", "name": "", "number": 2}, position_s=7.0)
    given = facts(item(path, name="high", position_s=5.0), low, placement="glue")
    parts = parts_of(given, tmp_path)
    plan = plan_of(given, parts, [outcome(parts.parts[0])], "done")
    (track,) = plan["tracks"]
    assert (track["after"], track["name"]) == ("{2}", "Track 2 - dreams")
    (one,) = track["items"]
    assert one["values"] == {"D_POSITION": 5.0, "D_LENGTH": 3.0, "B_LOOPSRC": 0.0}
    assert one["takes"][0]["name"] == "high and 1 more - dream Bell"


def test_going_on_counts(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)
    note = TakeNote(input=str(path), base="a", generation=1)
    given = facts(item(path, ext=note.as_text(), name="a - dream Bell"), action="again")
    parts = parts_of(given, tmp_path)
    plan = plan_of(given, parts, [outcome(parts.parts[0])], "done")
    assert plan["items"][0]["takes"][0]["name"] == "a - dream Bell (2)"
    assert TakeNote.of_text(plan["items"][0]["takes"][0]["ext"]).generation == 2


def test_the_name_says_what_was_dreamed_of(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)
    given = facts(item(path, length_s=0.5))
    parts = parts_of(given, tmp_path)
    aims = "class:Bell - class:Dog"
    for recipe, aim in (({"layer": "layer3"}, "layer3"), ({"objective": aims}, aims)):
        plan = plan_of(given, parts, [outcome(parts.parts[0], **recipe)], "done")
        assert plan["items"][0]["takes"][0]["name"] == f"a - dream {aim}"


def test_what_a_script_remembers_is_what_was_chosen_in_the_end(two):
    given, parts = two
    chosen = outcome(parts.parts[0])
    chosen.request = JobRequest.make({"input": "a.wav", "out": "out", "preset": None, "recipe": {
        "method": "target", "target": "/x.wav", "steps": 7},
        "options": {"renders": ["dream", "difference"]}})  # fmt: skip
    settings = given.settings.model_copy(update={"placement": "track", "handle_s": 0.5})
    given = given.model_copy(update={"settings": settings})
    plan = plan_of(given, parts, [chosen, outcome(parts.parts[1])], "done")
    assert plan["settings"] == {"handle_s": 0.5, "preset": None, "recipe": {"steps": 7},
                                "renders": ["dream", "difference"]}  # fmt: skip


def test_of_these_items_only_is_not_for_the_next(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)
    note = TakeNote(input=str(path), recipe={"class": "Dog"})
    given = facts(item(path, ext=note.as_text()), action="again")
    parts = parts_of(given, tmp_path)
    assert plan_of(given, parts, [outcome(parts.parts[0])], "done")["settings"] is None
    given = facts(item(path), item(path, name="b"), target="{b}", recipe={"steps": 7})
    parts = parts_of(given, tmp_path)
    plan = plan_of(given, parts, [outcome(parts.parts[0])], "done")
    assert plan["settings"] == {"recipe": {"steps": 7}}


def test_the_same_of_many_is_one_line():
    remarks = [(name, "is MIDI") for name in "abcd"] + [("e", "is locked"), ("", "No model.")]
    assert remark_lines(remarks) == ["4 items: is MIDI", "e: is locked", "No model."]
    assert failed_plan(None, [("", "x")]).summary == ("x",)


def test_a_plan_has_the_fields_that_the_scripts_read(two):
    """docs/reaper-bridge.md lists them; `lost` is for the command line."""
    given, parts = two
    plan = plan_of(given, parts, [outcome(part) for part in parts.parts], "done")
    assert list(plan) == ["schema_version", "state", "undo", "items", "tracks", "summary", "lost",
                          "settings"]  # fmt: skip
    assert list(plan["items"][0]) == ["item", "take", "label", "seen", "takes"]
    assert list(plan["items"][0]["takes"][0]) == ["file", "render", "name", "is_active", "values",
                                                  "colour", "ext", "stretch_markers",
                                                  "take_markers"]  # fmt: skip


def test_a_plan_is_read_as_it_was_written(two, tmp_path):
    given, parts = two
    settings = given.settings.model_copy(update={"placement": "track", "handle_s": 0.5})
    outcomes = [outcome(part, "dream", "difference") for part in parts.parts]
    for facts_given in (given, given.model_copy(update={"settings": settings})):
        plan = plan_module.plan_of(facts_given, parts, outcomes, "done")
        (tmp_path / "result.json").write_text(plan.to_json())
        again = TakePlan.read(tmp_path / "result.json")
        assert again.to_json() == plan.to_json()
        assert [take.render for take in again.takes] == ["dream", "difference"] * 2


def test_a_plan_of_another_version_is_read_if_the_format_is_the_same(tmp_path):
    path = tmp_path / "result.json"
    path.write_text('{"schema_version": 1, "state": "cancelled", "weather": "fine"}')
    assert TakePlan.read(path) == TakePlan(state="cancelled")
    for text in ('{"schema_version": 2, "state": "done"}', '{"state": "odd"}', "[]", "{]"):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"TakePlan|Expecting"):
            TakePlan.read(path)
