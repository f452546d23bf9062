"""Pictures of a dream while it is dreamed."""

from __future__ import annotations

import numpy as np
import pytest

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.queue.store.records import NewJob
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.previews import (
    StepPictures,
    read_step_picture,
    step_picture_file,
)
from dreamsound_studio.recipe.recipe import Recipe


def tone(hertz: float) -> Samples:
    time_s = np.arange(48_000) / 48_000
    return Samples.of(np.sin(2 * np.pi * hertz * time_s).astype(np.float32)[None])


def test_the_last_picture_is_there_and_goes_with_the_job(tmp_path):
    store = Store(tmp_path / "queue.sqlite")
    (number,) = store.add([NewJob(input="a.wav")])
    path = step_picture_file(store, store.job(number))
    assert read_step_picture(path) is None
    looks = StepPictures(path)
    looks.draw(1, tone(440.0), 48_000)
    first = read_step_picture(path)
    assert first.step == 1
    # The row of 440 Hz, on a logarithmic axis from 40 Hz to 24 kHz, is the brightest.
    row = int(np.argmax(first.levels.astype(float).mean(axis=1)))
    expected = 200 * np.log(440 / 40) / np.log(24_000 / 40)
    assert abs(row - expected) < 6
    looks.draw(2, tone(880.0), 48_000)
    assert read_step_picture(path).step == 1, "not more often than costs nothing"
    looks.remove()
    assert read_step_picture(path) is None
    store.close()


@pytest.mark.yamnet
def test_a_learned_filter_is_drawn_too(tmp_path, yamnet):
    sound = tone(440.0).array()
    fields = {"method": "sculpt", "class_": "Bird", "steps": 2, "bed": "none"}
    dreamer = Dreamer(Clip.from_array(0.1 * sound, 48_000), Recipe.make(**fields), yamnet)
    path = tmp_path / "looks" / "1.npz"
    looks = StepPictures(path)
    seen = []
    for event in dreamer.steps():
        looks.draw(event.step, dreamer.snapshot().sounds["sound"], 48_000, dreamer.learned())
        looks._ended_s = float("-inf")
        seen.append(read_step_picture(path).gains_db)
    bands, columns = seen[0].shape
    assert bands >= 48
    assert 10 < columns <= 300
    assert 0 < np.abs(seen[0]).max() < np.abs(seen[1]).max() < 40
    learned = dreamer.learned()
    whole = learned.decibels()
    np.testing.assert_allclose(learned.picture(10_000), whole.T, atol=1e-4)


def test_a_picture_that_is_broken_or_cannot_be_written_is_none(tmp_path):
    path = tmp_path / "looks" / "1.npz"
    path.parent.mkdir()
    path.write_bytes(b"no picture")
    assert read_step_picture(path) is None
    (tmp_path / "file").write_text("in the way")
    StepPictures(tmp_path / "file" / "1.npz").draw(1, tone(440.0), 48_000)
