"""What a shell completes: commands, options, presets, classes, layers and jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.queue.new_job import new_job
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, open_store

from .conftest import chirp, write_sound

SCRIPT = """
import sys
from dreamsound_studio.cli import main
try:
    main([])
except SystemExit:
    pass
heavy = {"tensorflow", "keras", "matplotlib", "PySide6"} & set(sys.modules)
assert not heavy, heavy
"""


def completed(*words: str, **environment: str) -> list[str]:
    """Return what bash is offered for the last of some words."""
    asked = {"_DREAMSOUND_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(words)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | asked | {"COMP_CWORD": str(len(words) - 1)} | environment,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (("re",), {"render", "redo", "recipe", "reaper"}),
        (("queue", "re"), {"retry", "resume", "remove", "report"}),
        (("render", "x.wav", "--thresh"), {"--threshold-db", "--threshold-ref"}),
        (("render", "--method", "f"), {"filter", "filter-add"}),
        (("render", "--preset", "Turn"), {r"Turn\ to\ bells", r"Turn\ to\ birds"}),
        (("presets", "show", "Bo"), {"Bones"}),
        (("render", "--model", "yamnet", "--class", "Whist"), {"Whistling", "Whistle"}),
        (("x.wav", "--model", "yamnet", "--class", "Whist"), {"Whistling", "Whistle"}),
        (("units", "--model", "mtt-vgg", "--layer", ""), {"pool1"}),
        (("models", "pull", "ms"), {"msd-vgg", "msd-musicnn"}),
        (("models", "pull", "ba"), {"basic-pitch"}),
        (("render", "--model", "basic-pitch", "--class", "A"), {"A4"}),
        (("units", "--model", "basic-pitch", "--layer", "note"), {"note/logits"}),
    ],
)
def test_a_word_is_completed(words: tuple[str, ...], some: set[str]) -> None:
    assert some <= set(completed("dreamsound", *words))


def test_jobs_are_completed_by_their_numbers(tmp_path: Path) -> None:
    queue = {QUEUE_VARIABLE: str(tmp_path / "queue.sqlite")}
    bird = write_sound(tmp_path / "bird.wav", chirp(0.1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(QUEUE_VARIABLE, queue[QUEUE_VARIABLE])
        store, _ = open_store()
        with store:
            job = JobRequest.make({"input": str(bird), "out": str(tmp_path)}).settled(tmp_path)
            store.add([new_job(job, "cli")] * 2)
    for words in (("cancel", ""), ("show", ""), ("move", "1", "--before", "")):
        assert set(completed("dreamsound", "queue", *words, **queue)) == {"1", "2"}


def test_what_cannot_be_looked_up_completes_nothing(tmp_path: Path) -> None:
    (tmp_path / "queue.sqlite").write_text("not a queue")
    queue = {QUEUE_VARIABLE: str(tmp_path / "queue.sqlite")}
    assert completed("dreamsound", "queue", "show", "", **queue) == []
    assert completed("dreamsound", "render", "--model", "nothing", "--class", "") == []


def test_the_script_for_a_shell_is_shown() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dreamsound_studio", "--show-completion", "bash"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
    )
    assert "_DREAMSOUND_COMPLETE=complete_bash" in done.stdout
