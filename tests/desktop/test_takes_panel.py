"""Takes: previewed, heard, compared, kept, and opened again from a render or the library."""

from __future__ import annotations

import pytest
import soundfile
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox

from dreamsound_desktop.state.found_takes import take_of_job, take_of_record
from dreamsound_desktop.state.requests import finished
from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_desktop.state.takes import DreamTake
from dreamsound_studio.dream.judgement import Judgement
from dreamsound_studio.library.records import DreamRecord, RenderRecord
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import (
    act,
    finish_job,
    queued,
    write_render,
    write_sound,
)


def test_a_preview_is_queued_dreamed_and_taken_in(window, qtbot, tmp_path, no_worker):
    document = window.session.current
    document.select(TimeSpan(0.96, 2.0), "Select")
    with qtbot.waitSignal(window.client.added):
        act(window, "preview")
    qtbot.waitUntil(lambda: bool(no_worker))  # a worker is seen to, after the signal
    qtbot.waitUntil(lambda: len(window.client.jobs) == 1)
    (number,) = window.client.jobs
    assert queued(window)[0]["kind"] == "preview"
    assert window.takes.tree.topLevelItemCount() == 0
    finish_job(window, qtbot, tmp_path, number, 1.04)
    qtbot.waitUntil(lambda: window.takes.tree.topLevelItemCount() == 1)
    (take,) = document.takes
    assert take.job == number
    assert (window.takes.slot, window.takes.slots["B"]) == ("B", 1)
    assert window.live.job == number
    assert window.live.bar.value() == 1000
    assert "done" in window.queue.model._texts(window.client.jobs[number])
    # It is played at its place, and the playhead goes back.
    assert window.player.is_playing
    voice = window.player.mixer.voice
    assert voice.start == round(0.96 * 48_000)
    window.player.stop()


def test_a_b_c_d_are_heard_at_one_playhead(window, qtbot, tmp_path):
    document = window.session.current
    for number in (1, 2):
        path = write_sound(tmp_path / f"take{number}.wav", 1.0)
        document.takes.put(DreamTake(number=number, name=f"t{number}", stop_s=1.48, start_s=0.48,
                                renders={"dream": str(path), "gradient": str(path)}))  # fmt: skip
        window.takes.put_new(number)
    window.takes.put_new(2)
    assert window.takes.slots == {"B": 1, "C": 2, "D": None}, "once is enough"
    letters = [window.takes.tree.topLevelItem(row).text(1) for row in range(2)]
    assert letters == ["B", "C"]
    act(window, "hear_a")
    act(window, "play")
    qtbot.waitUntil(lambda: window.player.seconds > 0.1)
    assert window.player.mixer.voice.sound is document.sound
    before = window.player.seconds
    act(window, "hear_b")
    assert window.player.is_playing
    assert window.player.seconds >= before
    assert window.player.mixer.voice.sound.path == tmp_path / "take1.wav"
    assert window.player.mixer.voice.around is document.sound
    act(window, "hear_gradient")
    assert window.player.mixer.voice.around is None, "a gradient stands alone"
    act(window, "hear_c")
    assert window.player.mixer.voice.sound.path == tmp_path / "take2.wav"
    act(window, "hear_d")
    assert window.takes.slot == "D", "an empty slot takes the take that is chosen"
    act(window, "play")
    assert not window.player.is_playing


def test_steps_of_a_take_are_scrubbed(window, tmp_path):
    document = window.session.current
    renders = {"dream": str(write_sound(tmp_path / "d.wav", 1.0))}
    for step in (2, 4):
        renders[f"dream_step{step}"] = str(write_sound(tmp_path / f"s{step}.wav", 1.0))
    document.takes.put(DreamTake(number=1, name="t", renders=renders, stop_s=1.0))
    window.takes.put_new(1)
    assert window.takes.heard_file()[1] == "dream"
    act(window, "step_back")
    assert window.takes.heard_file()[1] == "dream_step4"
    act(window, "step_back")
    assert window.takes.heard_file()[1] == "dream_step2"
    act(window, "step_on")
    act(window, "step_on")
    assert window.takes.heard_file()[1] == "dream"


def test_takes_are_starred_renamed_and_removed_and_it_is_all_undone(window, tmp_path):
    document = window.session.current
    path = write_sound(tmp_path / "d.wav", 1.0)
    document.takes.put(DreamTake(number=1, name="t", renders={"dream": str(path)}, stop_s=1.0))
    window.takes.put_new(1)
    act(window, "star_take")
    assert document.takes[1].stars == 1
    window.takes.tree.topLevelItem(0).setText(0, "better")
    assert document.takes[1].name == "better"
    act(window, "remove_take")
    assert len(document.takes) == 0
    assert path.is_file()
    for _ in range(3):
        act(window, "undo")
    assert (document.takes[1].name, document.takes[1].stars) == ("t", 0)


def test_takes_are_dragged_out_as_files(window, tmp_path):
    path = write_sound(tmp_path / "d.wav", 1.0)
    window.session.current.takes.put(DreamTake(number=1, name="t", renders={"dream": str(path)}))
    tree = window.takes.tree
    data = tree.mimeData([tree.topLevelItem(0)])
    assert [url.toLocalFile() for url in data.urls()] == [str(path)]


def test_what_is_dragged_out_is_copied_never_moved_away(window):
    copy = Qt.DropAction.CopyAction
    lists = (window.takes.tree, window.queue.table, window.library.table, window.presets.list)
    for one in lists:
        assert one.model().supportedDragActions() == copy, one.accessibleName()


def test_a_take_is_exported_and_nothing_is_replaced(window, qtbot, tmp_path):
    path = write_sound(tmp_path / "d.wav", 1.0)
    take = DreamTake(number=1, name="t", renders={"dream": str(path)})
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "d.wav").write_bytes(b"mine")
    window.files.export_to(take, folder)
    qtbot.waitUntil(lambda: (folder / "d_2.wav").is_file())
    assert (folder / "d.wav").read_bytes() == b"mine"
    assert (folder / "d_2.wav").read_bytes() == path.read_bytes()


def test_variations_are_heard_and_keepers_starred(window, qtbot, tmp_path):
    from dreamsound_desktop.dialogs.variations import AskVariations, VariationsDialog

    document = window.session.current
    low = Recipe.make(method="add", layer="layer3")
    document.set_recipe(low, "Recipe")
    assert AskVariations(document, window).amounts.text() == "0.001, 0.002, 0.004"
    document.set_recipe(Recipe.make(method="add"), "Recipe")
    ask = AskVariations(document, window)
    assert ask.amounts.text() == "0.025, 0.05, 0.1"
    ask.seeds.setValue(2)
    ask.amounts.setText("0.05, 0.1")
    assert ask.values() == ([0, 1], [0.05, 0.1])
    ask.amounts.setText("much")
    assert ask.values() == ([], [])
    assert not ask.buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()
    takes = []
    for number in range(1, 5):
        path = str(write_sound(tmp_path / f"v{number}.wav", 0.5))
        take = DreamTake(number=number, name="v", group="g", renders={"dream": path}, stop_s=0.5)
        document.takes.put(take)
        takes.append(take)
    grid = VariationsDialog(document, takes, [0, 1], [0.05, 0.1], window)
    grid.heard.connect(window.takes.put_new)
    grid.grid.setCurrentCell(1, 0)
    assert window.takes.heard_file()[0].number == 3
    grid.star()
    assert document.takes[3].stars == 1
    grid.tidy()
    assert [take.number for take in document.takes] == [3]
    act(window, "undo")
    assert [take.number for take in document.takes] == [1, 2, 3, 4]
    act(window, "redo")
    assert [take.number for take in document.takes] == [3]
    grid.close()


def test_a_render_that_is_opened_brings_its_recipe(window, tmp_path):
    source = write_sound(tmp_path / "source.wav", 3.0)
    values = soundfile.read(source, dtype="float32")[0][46_080:94_080]
    render = write_render(tmp_path / "source_dream.wav", "source.wav", 46_080, values)
    window.files.open([render])
    document = window.session.current
    assert document.path == source
    assert document.recipe == Recipe.make(**{"class": "Bell", "steps": 3})
    assert document.selection.start_s == pytest.approx(0.96)
    assert [take.renders for take in document.takes] == [{"dream": str(render)}]


def test_the_tip_of_a_take_says_what_a_second_model_hears(window, tmp_path):
    judged = Judgement("mtt-musicnn", "0", "drums", 0.031, 0.412, (), ())
    render = str(write_sound(tmp_path / "d.wav", 1.0))
    jobs = [
        Job(id=number, input="a.wav", request="{}", name="a", preset="", kind="render",
            origin="cli", job_folder=None, state="done", priority=0, position=1.0, attempts=1,
            crashes=0, worker=None, wanted="", progress={}, error=None, code=None, added="",
            started=None, ended=None, checkpoint=None, token="t", ready=None, changed=1,
            result={"renders": {"dream": render}, "initial": {"class": "Drum", "score": 0.1},
                    "final": {"class": "Drum", "score": 0.7}, "judged": of_job})
        for number, of_job in ((1, judged.as_dict()), (2, None))
    ]  # fmt: skip
    document = window.session.current
    asked = document.takes.next_number()
    document.takes.put(finished(DreamTake(number=asked, name="asked"), jobs[0]))
    for job in jobs:
        take_of_job(document, job)  # that of the first is known
    record = DreamRecord("a.wav", "0", 0, 1, 48_000, 2, {}, "yamnet", "0", "1", "Drum",
                         judged=judged.as_dict(),
                         renders=(RenderRecord.of("gradient", render),))  # fmt: skip
    take_of_record(document, record, TimeSpan(0.0, 1.0))
    window.takes.tree.fill()
    tips = [item.toolTip(0) for item in window.takes.tree.rows()]
    line = "mtt-musicnn hears drums 0.031 → 0.412"
    assert [line in tip.splitlines() for tip in tips] == [True, False, True]


def test_a_dream_of_the_library_opens_where_it_was(window, tmp_path):
    source = write_sound(tmp_path / "source.wav", 3.0)
    path = write_sound(tmp_path / "d.wav", 1.0)
    record = DreamRecord(
        str(source), "0", 48_000, 48_000, 48_000, 2, {"class": "Bell", "steps": 3}, "yamnet",
        "0", "1", "Bell", renders=(RenderRecord.of("dream", path),),
    )  # fmt: skip
    window.files.open_record(record)
    document = window.session.current
    assert document.path == source
    assert document.selection == TimeSpan(1.0, 2.0)
    (take,) = document.takes
    assert take.span == TimeSpan(1.0, 2.0)


def test_a_render_of_an_item_of_reapers_opens_where_it_was(window, tmp_path):
    """A part of a file is selected there; what was put together is opened as a sound."""
    source = write_sound(tmp_path / "source.wav", 3.0)
    values = soundfile.read(source, dtype="float32")[0][:48_000]
    part = {"pieces": [{"start": 96_000, "stop": 144_000}]}
    render = write_render(tmp_path / "part_dream.wav", "source.wav", 0, values, part)
    window.files.open([render])
    document = window.session.current
    assert document.path == source
    assert document.selection.start_s == pytest.approx(2.0)
    backwards = {"pieces": [{"start": 0, "stop": 48_000, "is_reversed": True}]}
    render = write_render(tmp_path / "back_dream.wav", "source.wav", 0, values, backwards)
    window.files.open([render])
    document = window.session.current
    assert document.path == render
    assert document.recipe == Recipe.make(**{"class": "Bell", "steps": 3})
