"""The first-run page: which models are here, and fetching one in a process of its own."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QProcess

from dreamsound_desktop.dialogs import models
from dreamsound_desktop.dialogs.models import ModelsDialog, has_model

FETCH = """
import json, sys, time
for done in range(0, 101, 20):
    print(json.dumps({"done": done * 1_000_000, "total": 100_000_000}), file=sys.stderr, flush=True)
    time.sleep(float(sys.argv[2]))
if sys.argv[1] != "0":
    print("dreamsound: there is no way to the network", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def fetches(monkeypatch):
    """Let a small script stand for the command; returns what it was asked for."""
    asked = []

    def process(words, parent, *, code="0", pause="0.05"):
        asked.append(words)
        made = QProcess(parent)
        made.setProgram(sys.executable)
        made.setArguments(["-c", FETCH, behaviour["code"], behaviour["pause"]])
        return made

    behaviour = {"code": "0", "pause": "0.05"}
    monkeypatch.setattr(models, "command_process", process)
    return asked, behaviour


def test_it_says_which_models_are_here(qapp, monkeypatch, tmp_path):
    monkeypatch.setenv("DREAMSOUND_MODELS", str(tmp_path))
    assert not has_model()
    dialog = ModelsDialog(None)
    assert "not installed" in dialog.status.text()
    assert dialog.fetch_buttons["yamnet"].isEnabled()
    dialog.close()


def test_a_model_is_fetched_with_a_bar(qtbot, monkeypatch, tmp_path, fetches):
    monkeypatch.setenv("DREAMSOUND_MODELS", str(tmp_path))
    asked, _ = fetches
    dialog = ModelsDialog(None)
    dialog.show()
    dialog.fetch("yamnet")
    assert asked == [["models", "pull", "yamnet", "--json"]]
    qtbot.waitUntil(lambda: 0 < dialog.bar.value() < 1000)
    assert dialog.bar.isVisible()
    qtbot.waitUntil(lambda: "installed." in dialog.problem.text())
    assert not dialog.bar.isVisible()
    dialog.close()


def test_what_went_wrong_is_reported(qtbot, monkeypatch, tmp_path, fetches):
    monkeypatch.setenv("DREAMSOUND_MODELS", str(tmp_path))
    fetches[1]["code"] = "3"
    dialog = ModelsDialog(None)
    dialog.fetch("yamnet")
    qtbot.waitUntil(lambda: "Cannot download" in dialog.problem.text())
    assert "no way to the network" in dialog.problem.text()
    assert dialog.fetch_buttons["yamnet"].isEnabled()
    dialog.close()


def test_closing_ends_what_is_being_fetched(qtbot, monkeypatch, tmp_path, fetches):
    monkeypatch.setenv("DREAMSOUND_MODELS", str(tmp_path))
    fetches[1]["pause"] = "30"
    dialog = ModelsDialog(None)
    dialog.fetch("yamnet")
    process = dialog._process
    qtbot.waitUntil(lambda: process.state() == QProcess.ProcessState.Running)
    dialog.done(0)
    assert process.state() == QProcess.ProcessState.NotRunning


def test_a_folder_without_a_model_is_reported_in_place(qapp, monkeypatch, tmp_path):
    monkeypatch.setenv("DREAMSOUND_MODELS", str(tmp_path / "elsewhere"))
    dialog = ModelsDialog(None)
    dialog.use_folder(tmp_path)
    assert "No model in" in dialog.problem.text()
    assert not dialog.chosen_folder
    (tmp_path / "yamnet.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    dialog.use_folder(tmp_path)
    assert dialog.chosen_folder == str(tmp_path)
