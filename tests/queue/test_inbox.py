"""What the queue shows of a job folder's job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamsound_studio.queue.inbox import submit
from dreamsound_studio.queue.store.store import Store


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ({"preset": "Bones"}, "Bones"),
        ({"preset": None, "values": {"preset": "Bones"}}, "Bones"),
        ({"values": {"preset": 3}}, ""),
        ({"values": []}, ""),
        ({}, ""),
    ],
)
def test_the_queue_shows_the_preset_also_of_a_recipe_that_is_written_out(
    store: Store, tmp_path: Path, document: dict, shown: str
) -> None:
    job = {"input": "a.wav", "out": "out"} | document
    (tmp_path / "job.json").write_text(json.dumps(job))
    assert submit(tmp_path, store).preset == shown
