"""From facts to jobs: what is dreamed, what is left out and why, where it goes."""

import json

import numpy as np
import pytest
import soundfile

from dreamsound_reaper.facts import FactsError, facts_from, read_facts
from dreamsound_reaper.parts import parts_of
from dreamsound_reaper.take_note import TakeNote
from dreamsound_studio.audio.cut import Cut
from dreamsound_studio.audio.source import read_cut
from dreamsound_studio.errors import DreamSoundError
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.recipe.plan import takes_texture

from .facts_made import RATE, facts, item, tone


def document(part):
    """What ``job.json`` holds."""
    return json.loads(part.job_json())


def test_a_whole_file_is_a_plain_job(tmp_path):
    path = tone(tmp_path / "kick.wav", 1.0)
    made = parts_of(facts(item(path, length_s=1.0), record_path=str(tmp_path / "Audio")), tmp_path)
    (part,) = made.parts
    assert part.job.input == str(path)
    assert "cut" not in document(part)
    assert part.job.out == str(tmp_path / "Audio/DreamSound")
    assert part.job.options.clash == "number"
    assert (part.base, part.start_offset_s, part.channel_mode) == ("kick", 0.0, 0)
    assert not made.remarks
    JobRequest.make(document(part)).settled(tmp_path)


def test_a_part_of_a_file_is_a_cut_with_handles(tmp_path):
    path = tone(tmp_path / "long.wav", 5.0)
    one = item(path, name="a hit", start_offset_s=2.0, length_s=0.5)
    (part,) = parts_of(facts(one), tmp_path).parts
    cut = Cut.model_validate(document(part)["cut"])
    assert cut.pieces[0].start == RATE
    assert part.start_offset_s == pytest.approx(1.0)
    (bare,) = parts_of(facts(one, handle_s=0.0), tmp_path).parts
    assert Cut.model_validate(document(bare)["cut"]).length == RATE // 2 + 1
    assert bare.job.values["fxname"] == "a hit"


def test_what_cannot_be_dreamed_is_left_out_with_a_word_and_the_rest_goes_on(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)
    junk = tmp_path / "junk.wav"
    junk.write_bytes(b"RIFF?" * 20)
    made = parts_of(
        facts(
            item(path, name="locked", is_locked=True),
            item(path, name="fine"),
            item(tmp_path / "gone.wav", name="gone"),
            item(junk, name="junk"),
            {"guid": "{5}", "position_s": 3.0, "length_s": 1.0, "take": None},
            item(path, name="midi", is_midi=True),
            item(path, name="beyond", start_offset_s=9.0),
        ),
        tmp_path,
    )
    assert [part.label for part in made.parts] == ["fine"]
    assert made.parts[0].item == 1
    report = dict(made.remarks)
    assert set(report) == {"locked", "gone", "junk", "the item at 3.00 s", "midi", "beyond"}
    assert "is locked" in report["locked"]
    assert "plays the missing file" in report["gone"]
    assert "plays an unreadable file" in report["junk"]


def test_envelopes_and_effects_stay_and_that_is_reported(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)
    made = parts_of(facts(item(path, envelopes=1, fx=2)), tmp_path)
    assert len(made.parts) == 1
    assert made.remarks == [("a.wav", "envelopes and effects not copied to the new takes")]


def test_a_target_is_an_item_and_not_dreamed(tmp_path):
    path, bell = tone(tmp_path / "a.wav", 1.0), tone(tmp_path / "bell.wav", 3.0, 700)
    target = item(bell, name="bell", start_offset_s=1.0, length_s=0.5)
    given = facts(item(path), target, target=target["guid"])
    (part,) = parts_of(given, tmp_path).parts
    assert part.job.recipe.method == "sculpt"
    assert takes_texture(part.job.recipe)
    written, rate = soundfile.read(part.job.recipe.target)
    whole, _ = soundfile.read(bell)
    assert rate == RATE
    assert np.allclose(written[: RATE // 2], whole[RATE : RATE + RATE // 2], atol=1e-6)
    whole_target = facts(item(path), item(bell, length_s=3.0), target="{bell.wav}")
    (plain,) = parts_of(whole_target, tmp_path).parts
    assert plain.job.recipe.target == str(bell)
    birds = facts(item(path), item(bell, length_s=3.0), target="{bell.wav}",
                  recipe={"class": "first"})  # fmt: skip
    assert parts_of(birds, tmp_path).parts[0].job.recipe.method == "target"
    kept = facts(item(path), item(bell, length_s=3.0), target="{bell.wav}",
                 recipe={"mask_from": "target", "method": "filter-add"})  # fmt: skip
    assert parts_of(kept, tmp_path).parts[0].job.recipe.method == "filter-add"


def test_a_target_that_plays_nothing_ends_the_run(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)
    gone = item(tmp_path / "gone.wav")
    with pytest.raises(FactsError, match=r"the target, gone\.wav, plays"):
        parts_of(facts(item(path), gone, target=gone["guid"]), tmp_path)
    with pytest.raises(FactsError, match="not among"):
        parts_of(facts(item(path), target="{x}"), tmp_path)


def test_going_on_from_a_take_of_ours(tmp_path):
    source, take = tone(tmp_path / "a.wav", 2.0), tone(tmp_path / "a_dream.wav", 1.0)
    note = TakeNote(input=str(source), base="a", recipe={"class": "Bell", "steps": 3},
                    cut=Cut.model_validate({"pieces": [{"start": 100, "stop": RATE + 100}]}),
                    preset="Bones")  # fmt: skip
    one = item(take, start_offset_s=0.25, length_s=0.5, channel_mode=1, ext=note.as_text())
    (part,) = parts_of(facts(one, action="again"), tmp_path).parts
    assert part.job.input == str(source)
    assert part.job.from_render == str(take)
    assert document(part)["cut"] == {"pieces": [{"start": 100, "stop": RATE + 100}]}
    assert document(part)["recipe"] == {"class": "Bell", "steps": 3}
    assert part.job.values["preset"] == "Bones"
    assert (part.generation, part.base, part.start_offset_s) == (2, "a", 0.25)
    assert part.channel_mode == 1
    JobRequest.make(document(part)).settled(tmp_path)
    made = parts_of(facts(item(take), item(take, ext="{]"), action="again"), tmp_path)
    assert not made.parts
    assert "did not make" in made.remarks[0][1]
    assert "has an invalid DreamSound record" in made.remarks[1][1]


@pytest.mark.parametrize("action", ["dream", "again"])
def test_files_of_the_recipe_are_seen_from_the_project(tmp_path, action):
    source, take = tone(tmp_path / "a.wav", 2.0), tone(tmp_path / "a_dream.wav", 1.0)
    note = TakeNote(input=str(source), base="a", recipe={"steps": 3})
    far = tmp_path / "far" / "c.wav"
    recipe = {"objective": f'direction:"b.wav"-"{far}"', "target": "t.wav", "target_b": ""}
    one = item(take, ext=note.as_text())
    project = str(tmp_path / "Song" / "song.rpp")
    (part,) = parts_of(facts(one, action=action, recipe=recipe, path=project), tmp_path).parts
    named = JobRequest.make(document(part)).settled(tmp_path / "run").recipe
    song = tmp_path / "Song"
    assert named.objective == f'direction:"{song / "b.wav"}"-"{far}"'
    assert (named.target, named.target_b) == (str(song / "t.wav"), None)
    assert named.steps == (3 if action == "again" else None)


def test_a_take_of_ours_that_was_reversed_since_is_a_sound_of_its_own(tmp_path):
    source, take = tone(tmp_path / "a.wav", 2.0), tone(tmp_path / "a_dream.wav", 1.0)
    note = TakeNote(input=str(source), base="a", recipe={"steps": 3}, preset="Bones")
    one = item(take, ext=note.as_text(), length_s=1.0)
    inner = one["take"]["source"]
    one["take"]["source"] = {"type": "SECTION", "parent": inner,
                             "section": {"is_reversed": True}}  # fmt: skip
    (part,) = parts_of(facts(one, action="again"), tmp_path).parts
    assert part.job.input == str(take)
    assert document(part)["cut"]["pieces"][0]["is_reversed"]
    assert "from_render" not in document(part)
    # By the recipe that made it, and counted on.
    assert document(part)["recipe"] == {"steps": 3}
    assert part.job.values["preset"] == "Bones"
    assert (part.base, part.generation) == ("a", 2)


def test_several_items_are_glued_as_the_project_plays_them(tmp_path):
    low, high = (
        tone(tmp_path / "low.wav", 1.0, 300),
        tone(tmp_path / "high.wav", 1.0, 2_000, 24_000),
    )
    made = parts_of(
        facts(
            item(low, position_s=10.0, length_s=1.0, volume=0.5),
            item(high, position_s=12.0, length_s=0.5, fade_in_s=0.25),
            item(low, name="fast", position_s=13.0, play_rate=2.0),
            placement="glue",
        ),
        tmp_path,
    )
    (part,) = made.parts
    assert (part.item, part.position_s, part.length_s) == (None, 10.0, 2.5)
    sound, rate = soundfile.read(part.job.input)
    assert rate == 24_000
    assert len(sound) == round(2.5 * rate)
    assert np.max(np.abs(sound[:rate])) == pytest.approx(0.1, abs=0.005)
    assert np.max(np.abs(sound[rate + 100 : 2 * rate - 100])) == 0.0
    faded = np.abs(sound[2 * rate : 2 * rate + rate // 4])
    assert np.max(faded[: rate // 40]) < 0.03 < np.max(faded[-rate // 40 :])
    assert made.remarks == [("fast", "skipped because it is stretched or pitched, which gluing "
                                     "does not support")]  # fmt: skip


def test_a_loop_is_a_short_job_and_a_short_note(tmp_path):
    tick = tmp_path / "tick.wav"
    soundfile.write(tick, np.full(20, 0.5), RATE, "PCM_16")
    one = item(tick, is_loop=True, length_s=30.0, start_offset_s=0.0005)
    (part,) = parts_of(facts(one), tmp_path).parts
    assert len(part.job_json()) < 1_000
    cut = Cut.model_validate(document(part)["cut"])
    assert abs(cut.length - 32 * RATE) < 40
    assert read_cut(tick, cut).samples.length == cut.length


def test_a_muted_item_is_not_glued(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)
    made = parts_of(facts(item(path, is_muted=True), placement="glue"), tmp_path)
    assert not made.parts
    assert "is muted" in made.remarks[0][1]


def test_a_recording_path_of_another_system(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)
    project = str(tmp_path / "song.rpp")
    for record, below in (("Media\\Rec", "Media/Rec"), ("D:\\Audio\\Song", ".")):
        given = facts(item(path), path=project, record_path=record)
        (part,) = parts_of(given, tmp_path).parts
        assert part.job.out == str(tmp_path / below / "DreamSound")


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "no such preset"}, "no such preset"),
        ({"recipe": {"class": "Whistlingg"}}, "Did you mean Whistling"),
        ({"recipe": {"objective": "channel:layer15:3"}}, "Did you mean layer"),
        ({"recipe": {"steps": "0"}}, "steps"),
        ({"recipe": {"strenght": "1"}}, "did you mean strength"),
        ({"options": {"format": "xyz"}}, "format"),
    ],
)
def test_what_makes_no_sense_is_reported_before_anything_is_queued(tmp_path, settings, message):
    path = tone(tmp_path / "a.wav", 1.0)
    with pytest.raises(DreamSoundError, match=message):
        parts_of(facts(item(path), **settings), tmp_path)


def test_texts_of_a_dialog_are_numbers_and_empty_ones_are_not_given(tmp_path):
    given = facts(
        recipe={"steps": "7", "strength": "0.25", "class": " ", "seed": "", "layer": None}
    )
    assert given.settings.recipe_fields() == {"steps": 7, "strength": 0.25}


def test_where_the_renders_go(tmp_path):
    path = tone(tmp_path / "a.wav", 1.0)

    def out(**more):
        return parts_of(facts(item(path), **more), tmp_path / "run").parts[0].job.out

    project = str(tmp_path / "song/song.rpp")
    assert out(out=str(tmp_path / "x")) == str(tmp_path / "x")
    assert out(path=project, record_path="Audio") == str(tmp_path / "song/Audio/DreamSound")
    assert out(path=project) == str(tmp_path / "song/DreamSound")
    assert out() == str(tmp_path / "run/renders")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "invalid JSON"), ("[]", "not a JSON object"), ("[" * 100_000, "invalid JSON"),
        ('{"schema_version": 2}', "reaper install"),
        ('{"items": [{"length_s": "x"}]}', "items.0.length_s"),
        ('{"items": [{"length_s": NaN}]}', "items.0.length_s"),
        ('{"settings": {"placement": "there"}}', "settings.placement"),
    ],
)  # fmt: skip
def test_bad_facts_are_one_line(tmp_path, content, message):
    (tmp_path / "facts.json").write_text(content)
    with pytest.raises(FactsError, match=message) as caught:
        read_facts(tmp_path)
    assert "\n" not in str(caught.value)


def test_facts_that_are_not_there(tmp_path):
    with pytest.raises(FactsError, match="No such file"):
        read_facts(tmp_path)


def test_what_a_newer_script_tells_is_left_alone():
    report = json.loads(
        json.dumps({"schema_version": 1, "weather": "fine", "items": [{"mood": 3}]})
    )
    assert len(facts_from(report).items) == 1


def test_a_cut_reads_what_the_part_says(tmp_path):
    path = tone(tmp_path / "long.wav", 3.0)
    one = item(path, start_offset_s=1.0, length_s=0.5)
    (part,) = parts_of(facts(one, handle_s=0.0), tmp_path).parts
    clip = read_cut(path, Cut.model_validate(document(part)["cut"]))
    whole, _ = soundfile.read(path)
    assert np.allclose(clip.samples.array()[0], whole[RATE : RATE + RATE // 2 + 1], atol=1e-6)
