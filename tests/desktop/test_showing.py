"""The big views show what is heard: takes and renders at their place, and their difference."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.analysis.peaks import PeakPyramid
from dreamsound_desktop.analysis.placed_sound import PlacedSound
from dreamsound_desktop.dialogs.compare_takes import CompareTakes, History
from dreamsound_desktop.state.takes import DreamTake
from dreamsound_desktop.views.difference import SAME, difference_rows, difference_table

from .conftest import RATE, act, drag, place_of, said, write_sound


def write(path, values):
    soundfile.write(path, values.T.astype(np.float32), RATE, subtype="FLOAT")
    return path


@pytest.fixture
def take(window, tmp_path):
    """A take over the second second: noise; its difference has one channel."""
    document = window.session.current
    rng = np.random.default_rng(1)
    noise = rng.uniform(-0.5, 0.5, (2, RATE))
    files = {
        "dream": write(tmp_path / "dream.wav", noise),
        "gradient": write(tmp_path / "gradient.wav", noise[::-1] / 4),
        "difference": write(tmp_path / "difference.wav", noise[:1]),
    }
    found = DreamTake(
        number=1, name="Bell", renders={name: str(path) for name, path in files.items()},
        start_s=1.0, stop_s=2.0,
    )  # fmt: skip
    document.takes.put(found)
    window.takes.put_new(1)
    return found


def settle(window, qtbot):
    view = window.view
    qtbot.waitUntil(lambda: view.wave_plot.wave.pyramid.is_whole, timeout=5000)
    qtbot.waitUntil(lambda: not view.spectrogram.is_pending(), timeout=10_000)


def pixels(plot) -> np.ndarray:
    image = plot.grab().toImage()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4).copy()


def column(plot, seconds: float) -> int:

    return place_of(plot, (seconds, 0.5)).x()


def test_a_take_is_placed_in_its_source(window, take):
    source = window.session.current.sound
    sound = OpenSound(Path(take.renders["dream"]))
    around = PlacedSound(source, sound, RATE, is_surrounded=True)
    alone = PlacedSound(source, sound, RATE, is_surrounded=False)
    expected = source.read(0, source.length)
    expected[:, RATE : 2 * RATE] = sound.read(0, RATE)
    np.testing.assert_array_equal(around.read(-5, source.length + 5)[:, 5:-5], expected)
    expected[:, :RATE] = expected[:, 2 * RATE :] = 0
    np.testing.assert_array_equal(alone.read(0, source.length), expected)
    for placed, other in ((around, source), (alone, None)):
        pyramid, base = (PeakPyramid(2, source.length) for _ in range(2))
        if other is not None:
            base.build(other)
        pyramid.build_like(base if other else None, placed, RATE, 2 * RATE)
        whole = PeakPyramid(2, source.length)
        whole.build(placed)
        # The source is read in 16 bits.
        np.testing.assert_allclose(pyramid.levels[0], whole.levels[0], atol=5e-4)
    sound.close()


def test_the_views_follow_the_keys(window, qtbot, take):
    view = window.view
    settle(window, qtbot)
    assert view.caption.text() == "B: Bell · dream"
    shown = pixels(view.wave_plot), pixels(view.spectrogram_plot)
    assert view.spectrogram.level_at(1.5, 9000.0) > -60, "the noise, not the tone"
    act(window, "hear_a")
    settle(window, qtbot)
    assert view.caption.text() == "A: source"
    source = pixels(view.wave_plot), pixels(view.spectrogram_plot)
    for plot, there, here in zip(
        (view.wave_plot, view.spectrogram_plot), shown, source, strict=True
    ):
        first, last = column(plot, 1.1), column(plot, 1.9)
        assert np.any(there[:, first:last] != here[:, first:last], axis=2).mean() > 0.05
        edge = column(plot, 0.9)
        left = round(plot.getPlotItem().getAxis("left").width())
        # The caption is above the waveform.
        below = slice(view.caption.geometry().bottom() + 2, None)
        np.testing.assert_array_equal(there[below, left:edge], here[below, left:edge])
    act(window, "hear_b")
    act(window, "hear_gradient")
    settle(window, qtbot)
    assert view.caption.text() == "B: Bell · gradient"
    assert view.spectrogram.level_at(0.5, 440.0) < -100, "played alone, shown alone"
    act(window, "hear_difference")
    settle(window, qtbot)
    assert "difference" in view.caption.text()


def test_the_keys_redraw_from_what_is_kept(window, qtbot, take):
    settle(window, qtbot)
    act(window, "hear_a")
    settle(window, qtbot)
    for name in ("hear_b", "hear_a", "hear_b"):
        start = time.perf_counter()
        act(window, name)
        assert not window.view.spectrogram.is_pending(), "no tile is computed again"
        window.view.wave_plot.grab()
        window.view.spectrogram_plot.grab()
        assert time.perf_counter() - start < 1.0, "0.05 s on an idle machine"


def test_the_difference_of_a_sound_with_itself_is_empty(window, qtbot, take):
    view = window.view
    act(window, "hear_a")
    act(window, "show_difference")
    settle(window, qtbot)
    images = [item.image for item in view.spectrogram.picture.items.values()]
    assert images
    assert all((image == SAME).all() for image in images)
    assert difference_table()[SAME, 3] == 0
    act(window, "hear_b")
    settle(window, qtbot)
    image = next(iter(view.spectrogram.picture.items.values())).image
    columns = image.shape[1]
    middle, start = image[:, columns * 4 // 9 : columns * 5 // 9], image[:, : columns // 4]
    assert (middle > SAME).mean() > 0.5, "noise is louder than a tone"
    assert (start == SAME).all(), "nothing has changed there"
    assert "less A" in view.caption.text()
    act(window, "show_overlay")
    assert not window.actions_["show_difference"].isChecked()
    assert view.wave_plot.behind.isVisible()
    act(window, "show_overlay")
    assert view.caption.text() == "B: Bell · dream"


def test_a_difference_is_signed_and_counts_from_the_floor():
    rows, other = np.array([[0, 100, 200, 255]], np.uint8), np.array([[20, 110, 180, 0]], np.uint8)
    found = difference_rows(rows, other, floor_db=-77.5)
    assert found.tolist() == [[SAME, SAME - 10, SAME + 20, 255]]
    assert difference_rows(rows, rows, -100.0).tolist() == [[SAME] * 4]


def test_a_take_whose_file_is_gone_or_changed(window, qtbot, take, tmp_path):
    settle(window, qtbot)
    act(window, "hear_a")
    write(tmp_path / "dream.wav", np.zeros((2, RATE)))
    act(window, "hear_b")
    settle(window, qtbot)
    assert window.view.spectrogram.level_at(1.5, 9000.0) < -100, "the file as it is now"
    (tmp_path / "gradient.wav").unlink()
    act(window, "hear_gradient")
    assert window.view.caption.text() == "A: source"
    assert "gradient.wav" in said(window)


def test_another_sound_shows_its_own(window, qtbot, take, tmp_path):

    window.files.open([write_sound(tmp_path / "other.wav")])
    assert window.view.caption.text() == ""
    act(window, "previous_tab")
    assert window.view.caption.text() == "A: source"
    window.session.current.takes.remove(1)
    assert window.view.caption.text() == ""


def test_louder_never_wins_and_the_strip_says_so(window, qtbot, take):
    """The noise is louder than the source: it is lowered, and the source stays."""
    label = window.takes._gains
    qtbot.waitUntil(lambda: "B" in label.text(), timeout=5000)
    source_db, take_db = (float(part.split()[1]) for part in label.text().split(": ")[1].split(","))
    assert take_db < source_db - 2
    assert label.isVisible()
    window.playback.play()
    voice = window.player.mixer.voice
    assert 20 * np.log10(voice.gain) == pytest.approx(take_db, abs=0.06)
    assert 20 * np.log10(voice.around_gain) == pytest.approx(source_db, abs=0.06)
    act(window, "hear_a")
    assert 20 * np.log10(window.player.mixer.voice.gain) == pytest.approx(source_db, abs=0.06)
    act(window, "level_match")
    qtbot.waitUntil(lambda: window.player.mixer.voice.gain > 0.5)
    assert not label.text()
    act(window, "play")
    act(window, "level_match")


def test_the_source_is_above_the_take(window, qtbot, take):
    view = window.view
    act(window, "show_split")
    settle(window, qtbot)
    above = view.above
    qtbot.waitUntil(lambda: not above.spectrogram.is_pending(), timeout=10_000)
    lowers = view.wave_plot, view.spectrogram_plot
    for upper, lower in zip(above.plots, lowers, strict=True):
        assert upper.isVisible()
        assert upper.y() < lower.y()
        assert upper.height() == pytest.approx(lower.height(), abs=2)
    assert above.spectrogram.level_at(1.8, 9000.0) < -100, "the tone of the source"
    assert view.spectrogram.level_at(1.5, 9000.0) > -60
    act(window, "zoom_in")
    act(window, "next_scale")
    settle(window, qtbot)
    assert above.spectrogram_plot.box.viewRange()[0] == pytest.approx(list(view.seen()))
    qtbot.waitUntil(lambda: above.spectrogram.axis == view.spectrogram.axis)
    drag(above.wave_plot, (1.2, 1.0), (1.6, 1.0))
    assert window.session.current.selection.start_s == pytest.approx(1.2, abs=0.02)
    act(window, "hear_a")
    assert not above.wave_plot.isVisible(), "nothing to compare the source with"
    act(window, "hear_b")
    act(window, "show_split")
    assert not above.wave_plot.isVisible()


def test_the_recipes_of_two_takes_are_compared(window, take):
    document = window.session.current
    act(window, "compare_takes")
    assert "Fewer than two takes" in said(window)
    recipes = {2: {"steps": 3, "wet": 0.5, "class": "Bell"}, 3: {"steps": 9, "class": "Bell"}}
    for number, recipe in recipes.items():
        document.takes.put(
            take.model_copy(update={"number": number, "name": f"T{number}", "recipe": recipe})
        )
    window.takes.slots = {"B": 2, "C": 3, "D": None}
    act(window, "compare_takes")
    (dialog,) = window.findChildren(CompareTakes)
    table = dialog.table
    rows = {
        table.verticalHeaderItem(row).text(): [table.item(row, n).text() for n in range(2)]
        for row in range(table.rowCount())
    }
    assert rows == {"Steps": ["3", "9"], "Wet": ["0.5", "not set"]}
    assert table.horizontalHeaderItem(1).text() == "C: T3"
    dialog.close()


def test_the_history_goes_back(window):
    document = window.session.current
    act(window, "select_all")
    act(window, "select_none")
    act(window, "history")
    (dialog,) = window.findChildren(History)
    model = dialog.list.model()
    texts = [model.data(model.index(row, 0)) for row in range(model.rowCount())]
    assert texts[0] == "As opened"
    assert len(texts) == 3
    dialog.list.setCurrentIndex(model.index(1, 0))
    assert document.selection is not None
    dialog.list.setCurrentIndex(model.index(0, 0))
    assert document.selection is None
    dialog.close()
