"""The model under the views: documents, edits, takes, the session, preferences."""

from __future__ import annotations

import json
import os
import struct
import time
from pathlib import Path

import pytest

from dreamsound_desktop.state.document import Document, DocumentStore
from dreamsound_desktop.state.edits import Assign
from dreamsound_desktop.state.events import Event
from dreamsound_desktop.state.fields import GROUPS, field_named
from dreamsound_desktop.state.fuzzy import best, score
from dreamsound_desktop.state.heard import read_class_scores
from dreamsound_desktop.state.objective_help import completions
from dreamsound_desktop.state.preferences import Preferences, read_preferences, save_preferences
from dreamsound_desktop.state.previews import tidy_previews
from dreamsound_desktop.state.requests import JobFactory, finished, jobs_of_files
from dreamsound_desktop.state.selection import TimeSpan, preview_span
from dreamsound_desktop.state.session import Session
from dreamsound_desktop.state.takes import DreamTake, TakeList, score_of
from dreamsound_studio.audio.intake.foreign import FFMPEG_VARIABLE
from dreamsound_studio.audio.riff import append_chunks
from dreamsound_studio.audio.tags.iff import append_to_aiff, marker_chunk
from dreamsound_studio.audio.tags.markers import SoundMarker
from dreamsound_studio.errors import AudioFileError, ModelError, RecipeError
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.models.yamnet.tables import names
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import write_sound


@pytest.fixture
def document(sound_path) -> Document:
    return Document(sound_path)


def test_who_listens_gets_events_until_it_stops_listening():
    event: Event[[int]] = Event()
    received: list[int] = []
    stop = event.connect(received.append)
    event.emit(1)
    stop()
    stop()
    event.emit(2)
    assert received == [1]


def test_edits_are_made_through_the_recorder_and_can_be_taken_back(document):
    edits: list[Assign] = []
    document.recorder = lambda edit: (edits.append(edit), edit.redo())
    document.set_fields("Steps", steps=20)
    document.select(TimeSpan(1.0, 2.0), "Select")
    assert document.recipe.steps == 20
    for edit in reversed(edits):
        edit.undo()
    assert document.recipe == Recipe()
    assert document.selection is None
    document.set_fields("Wet", wet=1.0)
    assert len(edits) == 2, "an edit that changes nothing is none"


def test_edits_of_one_gesture_are_one(document):
    edits: list[Assign] = []
    document.recorder = lambda edit: (edits.append(edit), edit.redo())
    for wet in (0.1, 0.2, 0.3):
        document.set_fields("Wet", "wet 1", wet=wet)
    document.set_fields("Wet", "wet 2", wet=0.9)
    first, second, third, other = edits
    merged = first.merged(second).merged(third)
    assert merged.merged(other) is None
    assert (merged.before[0].wet, merged.after[0].wet) == (1.0, 0.3)


def test_a_field_that_makes_no_sense_changes_nothing(document):
    with pytest.raises(RecipeError):
        document.set_fields("Steps", steps=0)
    assert document.recipe == Recipe()


def test_one_objective_takes_the_place_of_another(document):
    document.set_fields("Aim", class_="Whistling")
    document.set_fields("Aim", layer="layer7")
    assert document.recipe.class_ is None
    document.set_fields("Aim", objective="class:Bell - layer:layer3")
    assert document.recipe.layer is None
    document.set_fields("Aim", class_="Bell")
    assert (document.recipe.objective, document.recipe.class_) == (None, "Bell")


def test_the_paper_and_back(document):
    assert not document.is_paper
    document.set_paper(True, "Paper")
    assert document.is_paper
    assert document.recipe.strength_ref == "absolute"
    assert document.recipe.at == "score"
    document.set_paper(False, "Studio")
    assert document.recipe == Recipe()
    document.set_fields("Aim", layer="layer7")
    document.set_paper(True, "Paper")
    assert document.is_paper
    assert document.recipe.layer == "layer7"
    document.set_paper(False, "Studio")
    assert document.recipe == Recipe(layer="layer7")


def test_a_band_goes_into_the_recipe(document):
    document.set_band(500.0, 2000.04, "Band")
    assert (document.recipe.band_low_hz, document.recipe.band_high_hz) == (500.0, 2000.0)
    document.set_band(0.0, 24_000.0, "Band")
    assert document.recipe == Recipe()


@pytest.mark.parametrize(
    ("selection", "playhead", "expected"),
    [
        (TimeSpan(1, 2), 0.0, (1, 2)),
        (None, 0.0, (0, 2)),
        (None, 5.0, (5.0, 7.0)),
        (None, 9.9, (8.0, 10.0)),
    ],
)
def test_a_preview_is_the_selection_or_two_seconds_from_the_playhead(selection, playhead, expected):
    span = preview_span(selection, playhead, 10.0, 2.0)
    assert (span.start_s, span.stop_s) == pytest.approx(expected)


def test_a_selection_stays_inside_and_slips_are_none():
    assert TimeSpan(-1, 5).clipped(3.0) == TimeSpan(0, 3.0)
    assert TimeSpan(2, 1).clipped(3.0) == TimeSpan(1, 2)
    assert TimeSpan(1, 1.001).clipped(3.0) is None


def test_takes_are_a_tree():
    takes = TakeList()
    takes.put(DreamTake(number=1, name="a", renders={"dream_step5": "x", "dream_step10": "y"}))
    takes.put(DreamTake(number=2, name="b", parent=1))
    takes.put(DreamTake(number=3, name="c"))
    assert [take.number for take in takes.children(None)] == [1, 3]
    assert [take.number for take in takes.children(1)] == [2]
    assert takes[1].steps == [(5, "x"), (10, "y")]
    takes.remove(1)
    assert [take.number for take in takes.children(None)] == [2, 3], "a child whose parent is gone"
    assert takes.next_number() == 4


def test_what_a_document_is_is_there_again(tmp_path, sound_path):
    store = DocumentStore(tmp_path / "documents")
    document = store.open(sound_path)
    document.set_fields("x", class_="Bell", steps=3)
    document.select(TimeSpan(0.5, 1.5), "Select")
    document.keep_every = 2
    document.move_playhead(1.25)
    document.takes.put(DreamTake(number=1, name="a", renders={"dream": str(tmp_path / "d.wav")}))
    store.save(document)
    again = store.open(sound_path)
    assert again.recipe == document.recipe
    assert again.selection == document.selection
    assert (again.keep_every, again.playhead_s) == (2, 1.25)
    assert list(again.takes) == list(document.takes)
    assert store.renders() == {str(tmp_path / "d.wav")}


def test_what_was_kept_may_be_nonsense(tmp_path, sound_path):
    store = DocumentStore(tmp_path / "documents")
    store.save(store.open(sound_path))
    (path,) = (tmp_path / "documents").iterdir()
    for text in ("{", "[]", '{"version": 99}', '{"version": 1, "recipe": {"steps": "many"}}',
                 '{"version": 1, "takes": [3], "selection": [1]}'):  # fmt: skip
        path.write_text(text)
        assert store.open(sound_path).recipe == Recipe()


def test_the_session_opens_what_was_open(tmp_path, sound_path):
    other = write_sound(tmp_path / "other.wav", 1.0)
    session = Session(tmp_path / "app")
    session.open(sound_path)
    session.open(other)
    session.go_to(session.documents[0])
    session.save(ended=True)
    again = Session(tmp_path / "app")
    assert again.restore() == (True, [])
    assert [document.path for document in again.documents] == [sound_path, other]
    assert again.current is again.documents[0]
    assert again.recent == [other, sound_path]
    again.save()
    other.unlink()
    crashed = Session(tmp_path / "app")
    ended, lines = crashed.restore()
    assert not ended
    assert len(lines) == 1
    assert "other.wav" in lines[0]
    assert len(crashed.documents) == 1


def test_a_session_that_cannot_be_kept_says_so(tmp_path, sound_path):
    (tmp_path / "app").write_text("a file in the way")
    session = Session(tmp_path / "app")
    session.open(sound_path)
    with pytest.raises(AudioFileError, match="app"):
        session.save()


def test_closing_goes_to_a_neighbour(tmp_path):
    session = Session(tmp_path / "app")
    paths = [write_sound(tmp_path / f"{n}.wav", 0.5) for n in range(3)]
    documents = [session.open(path) for path in paths]
    session.go_to(documents[1])
    session.close(documents[1])
    assert session.current in (documents[0], documents[2])
    for document in list(session.documents):
        session.close(document)
    assert session.current is None


def test_preferences_there_and_back_and_what_makes_no_sense(tmp_path):
    preferences = Preferences(theme="dark", format="flac", renders=("dream",))
    save_preferences(preferences, tmp_path)
    assert read_preferences(tmp_path) == (preferences, "")
    path = tmp_path / "preferences.json"
    path.write_text(json.dumps({"theme": "pink", "format": "flac", "more": 1}))
    kept, line = read_preferences(tmp_path)
    assert kept.format == "flac"
    assert kept.theme == "system"
    assert "theme" in line
    path.write_text("{")
    assert read_preferences(tmp_path)[0] == Preferences()


def test_a_preview_is_a_job_of_its_own_kind(tmp_path, document):
    factory = JobFactory(Preferences(), tmp_path / "previews")
    document.select(TimeSpan(1.0, 2.0), "Select")
    document.set_fields("x", class_="Bell")
    asked = factory.preview(document)
    request = JobRequest.make(json.loads(asked.job.request))
    assert asked.job.kind == "preview"
    assert asked.job.origin == "desktop"
    # The selection as it is: the take lies where it will be heard.
    assert request.span == "1.000000:2.000000"
    assert asked.take.start_s == 1.0
    assert len(request.options.renders) == 5
    assert request.recipe.class_ == "Bell"
    assert Path(request.out).is_relative_to(tmp_path / "previews")


def test_a_render_goes_beside_its_sound_and_replaces_nothing(tmp_path, document):
    factory = JobFactory(Preferences(), tmp_path / "previews")
    document.keep_every = 5
    request = JobRequest.make(json.loads(factory.render(document).job.request))
    assert request.out == str(document.path.parent / "dreams")
    assert request.options.clash == "number"
    assert (request.span, request.keep_every) == (None, 5)
    parent = DreamTake(number=7, name="p", renders={"dream": str(tmp_path / "d.wav")},
                  start_s=0.48, stop_s=1.5)  # fmt: skip
    again = factory.render(document, parent)
    request = JobRequest.make(json.loads(again.job.request))
    assert request.from_render == str(tmp_path / "d.wav")
    assert request.span == "0.480000:1.500000"
    assert again.take.parent == 7


@pytest.mark.parametrize(
    ("method", "amount", "amounts"),
    [("add", "strength", [0.05, 0.1, 0.2]), ("sculpt", "depth_db", [10.0, 20.0, 40.0])],
)
def test_variations_are_every_seed_at_every_amount(tmp_path, document, method, amount, amounts):
    document.recipe = Recipe.make(method=method)
    factory = JobFactory(Preferences(), tmp_path / "previews")
    asked = factory.variations(document, [1, 2], amounts)
    recipes = [json.loads(one.job.request)["recipe"] for one in asked]
    assert {recipe["method"] for recipe in recipes} == {method}
    assert [(r["seed"], r[amount]) for r in recipes] == [(s, a) for s in (1, 2) for a in amounts]
    assert len({one.take.number for one in asked}) == 6
    assert len({one.take.group for one in asked}) == 1
    assert len({json.loads(one.job.request)["out"] for one in asked}) == 6


def test_a_recipe_that_makes_no_sense_is_not_a_job(tmp_path, document):
    factory = JobFactory(Preferences(render_folder=str(tmp_path), name="no field"), tmp_path)
    with pytest.raises(RecipeError, match="render"):
        factory.render(document)


def test_what_the_processor_cannot_do_is_not_a_job(tmp_path, document, monkeypatch):
    monkeypatch.setattr("dreamsound_studio.recipe.precision.multiplies_bfloat16", lambda: False)
    document.recipe = Recipe.make(precision="fast")
    with pytest.raises(RecipeError, match="AVX512_BF16"):
        JobFactory(Preferences(), tmp_path / "previews").render(document)


def test_a_retired_value_is_not_offered():
    assert field_named("precision").choices == ("float32", "fast")


@pytest.mark.parametrize("folder", ["", "elsewhere"])
def test_a_tree_that_is_dropped_is_kept(tmp_path, folder):
    (tmp_path / "tree/a/b").mkdir(parents=True)
    path = write_sound(tmp_path / "tree/a/b/x.wav", 0.5)
    preferences = Preferences(render_folder=str(tmp_path / folder) if folder else "")
    (job,) = jobs_of_files([(path, Path("a/b/x.wav"))], Recipe(), "Bones", preferences)
    base = tmp_path / folder if folder else tmp_path / "tree/dreams"
    assert json.loads(job.request)["out"] == str(base / "a/b")
    assert job.preset == "Bones"


def test_what_a_job_made_is_in_its_take():
    job = Job(
        id=5, input="a.wav", request="{}", name="a", preset="", kind="preview", origin="desktop",
        job_folder=None, state="done", priority=0, position=1.0, attempts=1, crashes=0, worker=None,
        wanted="", progress={}, error=None, code=None, added="", started=None, ended=None,
        checkpoint=None, token="t", ready=None, changed=1,
        result={"renders": {"dream": "d.wav"}, "initial": {"class": "Bell", "score": 0.1},
                "final": {"class": "Bell", "score": 0.7}, "warnings": ["soft"]},
    )  # fmt: skip
    take = finished(DreamTake(number=1, name="a"), job)
    assert take.renders == {"dream": "d.wav"}
    assert (take.class_name, take.score_before, take.score_after) == ("Bell", 0.1, 0.7)
    assert take.warnings == ["soft"]


def test_a_few_letters_find_a_class():
    classes = names().class_names
    assert best("whistl", classes)[0] == "Whistle"
    assert "Hi-hat" in best("hiht", classes)[:2]
    assert "Church bell" in best("church", classes)[:2]
    assert best("whistl", classes, {"Whistling": 0.9})[0] == "Whistling"
    assert best("", classes, {"Speech": 0.2, "Music": 0.6})[:2] == ["Music", "Speech"]
    assert best("qqq", classes) == []
    assert score("Bell", "Bell") > score("Bell", "Bellow") > score("bell", "Church bell")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "class:"),
        ("cl", "class:"),
        ("class:Whistl", "Whistle"),
        ('class:"Hi-h', '"Hi-hat"'),
        ("class:@f", "@first"),
        ("class:Bell - 0.5*layer:layer7/po", "layer7/pointwise_conv"),
        ('class:Bell - texture:"rain.wav":layer3/pointw', "layer3/pointwise_conv"),
        ('guide:"b.wav":layer14/pointwise_conv/re', "layer14/pointwise_conv/relu"),
        ("channel:layer11/pointwise_conv/re", "layer11/pointwise_conv/relu:"),
    ],
)
def test_an_objective_is_completed(text, expected):
    found = completions(text, names())
    assert expected in [word for _, word in found]
    place, _ = found[0]
    assert 0 <= place <= len(text)


def test_every_field_of_the_recipe_is_in_the_form_or_has_a_view_of_its_own():
    from dreamsound_desktop.panels.field_texts import LABELS

    shown = {name for group in GROUPS.values() for name in group}
    own = {"schema_version", "model", "class_", "layer", "objective", "method"}
    assert shown | own == set(Recipe.model_fields)
    assert set(LABELS) == shown | {"model", "class", "layer", "objective", "method"}
    for name in shown:
        field = field_named(name)
        assert field.tip, name
        if field.kind in ("number", "whole"):
            assert field.lowest > float("-inf"), name


def test_fields_know_their_range_unit_and_what_stands_for_an_open_one():
    threshold = field_named("threshold_db")
    assert (threshold.kind, threshold.unit) == ("number", "dB")
    assert (threshold.lowest, threshold.highest) == (-200, 0)
    assert threshold.effective(Recipe(method="filter-add")) == -40.0
    assert threshold.effective(Recipe(method="filter-add", threshold_db=-20)) == -20
    assert threshold.effective(Recipe(method="filter", mask="local")) == -9.0
    low = Recipe(method="add", layer="layer3")
    assert field_named("strength").effective(low) == Plan.of(low).strength == 0.002
    assert field_named("channels").choices == ("linked", "independent", "mid-side")
    assert field_named("flip").kind == "switch"


def test_previews_that_no_take_has_are_deleted_after_a_day(tmp_path):
    for name in ("needed", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "d.wav").write_text("")
    needed = {str(tmp_path / "needed/d.wav")}
    assert tidy_previews(tmp_path, needed) == 0
    assert tidy_previews(tmp_path, needed, time.time() + 25 * 3600) == 1
    assert (tmp_path / "needed").is_dir()
    assert not (tmp_path / "old").exists()
    assert tidy_previews(tmp_path / "nothing", set()) == 0


def test_cue_points_are_markers(tmp_path):
    path = write_sound(tmp_path / "a.wav", 2.0)
    points = [(1, 24_000), (2, 72_000)]
    cue = struct.pack("<I", 2) + b"".join(
        struct.pack("<II4sIII", number, at, b"data", 0, 0, at) for number, at in points
    )
    label = b"Hit\0"
    labels = b"labl" + struct.pack("<II", 4 + len(label), 2) + label
    append_chunks(path, {b"cue ": cue, b"LIST:adtl": b"adtl" + labels})
    markers = Document(path).markers
    assert [(marker.at_s, marker.label) for marker in markers] == [(0.5, "1"), (1.5, "Hit")]


def test_markers_of_an_aiff_are_markers(tmp_path):
    path = write_sound(tmp_path / "a.aiff", 2.0)
    markers = {3: SoundMarker(72_000, "Hit"), 4: SoundMarker(24_000)}
    with path.open("r+b") as file:
        append_to_aiff(file, [(b"MARK", marker_chunk(markers))])
    found = [(marker.at_s, marker.label) for marker in Document(path).markers]
    assert found == [(0.5, "2"), (1.5, "Hit")]


def test_what_a_model_heard_is_read_and_nonsense_is_an_error():
    report = {"model": "yamnet", "hop_s": 0.48, "patch_s": 0.96, "classes": [
        {"name": "Bell", "mean": 0.5, "highest": 0.9, "scores": [0.1, 0.9]}]}  # fmt: skip
    heard = read_class_scores(json.dumps(report))
    assert heard.means == {"Bell": 0.5}
    assert heard.of("Bell").scores == [0.1, 0.9]
    for text in ("", "[]", '{"model": 1}'):
        with pytest.raises(ModelError):
            read_class_scores(text)


def test_a_model_without_classes_has_no_score() -> None:
    assert score_of({"class": "Bell", "score": 0.25, "loss": 1.0}) == 0.25
    assert score_of({"class": "", "score": 0.0, "loss": 1.0}) is None
    assert score_of(None) is None


def test_the_preferred_ffmpeg_is_that_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FFMPEG_VARIABLE, "found")
    Preferences().apply_places()
    assert os.environ[FFMPEG_VARIABLE] == "found"
    Preferences(ffmpeg="/opt/ffmpeg").apply_places()
    assert os.environ[FFMPEG_VARIABLE] == "/opt/ffmpeg"
