"""From the window's Render to the dream, a recipe is validated once in each process at most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.preferences import Preferences
from dreamsound_desktop.state.requests import JobFactory
from dreamsound_studio.jobs.models import WarmModels
from dreamsound_studio.queue.store.store import Store
from dreamsound_studio.queue.worker.job_run import JobRun
from dreamsound_studio.queue.worker.surroundings import Surroundings
from dreamsound_studio.recipe.recipe import Recipe

from ..counts import Counts


@pytest.mark.yamnet
def test_a_render_from_the_window_is_validated_and_parsed_once_in_each_process(
    tmp_path: Path, counts: Counts
) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    soundfile.write(tmp_path / "x.wav", noise, 16_000)
    document = Document(tmp_path / "x.wav")
    # What the user edits: the window validates it as it is edited.
    document.recipe = Recipe.make(objective="class:Whistling - 0.5*class:Bird", steps=1)
    counts.forget()

    # The window's process.
    preferences = Preferences(render_folder=str(tmp_path / "out"))
    requested = JobFactory(preferences, tmp_path / "previews").render(document)
    with Store(tmp_path / "queue.sqlite") as store:
        (number,) = store.add([requested.job])
        assert counts == Counts(validations=0, parses=1)

        # The worker's process, from the claimed row to the files.
        counts.forget()
        store.register_worker("w", tmp_path / "w.lock")
        job = store.claim("w")
        assert job is not None
        over = JobRun(Surroundings(store, "w", WarmModels(10**9)), job).run()
        assert over is not None
        assert (over.id, over.state) == (number, "done")
        assert counts == Counts(validations=1, parses=1)
