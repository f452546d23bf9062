"""What a user sees of a download, and is asked about a program of others."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

import pytest

from dreamsound_studio.cli.shared import fetching, questions
from dreamsound_studio.cli.shared.fetching import FetchLine, watching


class Terminal(io.StringIO):
    """Standard input or error that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _nothing_was_answered() -> None:
    questions._answer.cache_clear()


@pytest.mark.parametrize(
    ("answer", "may_run"), [("y\n", True), ("Yes\n", True), ("\n", False), ("n\n", False)]
)
def test_on_a_terminal_one_is_asked(
    monkeypatch: pytest.MonkeyPatch, answer: str, may_run: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", Terminal())
    with watching() as watch:
        assert watch.may_run(Path("net")) is may_run
    assert isinstance(sys.stderr, Terminal)
    assert "net is a SavedModel: a program" in sys.stderr.getvalue()


def test_elsewhere_the_answer_is_no_unless_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with watching() as watch:
        assert not watch.may_run(Path("net"))
    with watching(trust=True) as watch:
        assert watch.may_run(Path("net"))


def test_a_terminal_shows_a_bar_and_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with watching() as watch:
        watch.note("fetching it")
        for done in range(0, 29_000_001, 1_000_000):
            watch.progress(done, 29_000_000)
    shown = terminal.getvalue()
    assert "dreamsound: fetching it" in shown
    assert "29.0/29.0 MB" in shown
    assert shown.rstrip().endswith("\x1b[?25h") or shown.endswith("\n")


def test_elsewhere_there_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = FetchLine()
    line.progress(1_000_000, 29_000_000)
    assert capsys.readouterr().err == ""
    now = time.monotonic()
    monkeypatch.setattr(fetching.time, "monotonic", lambda: now + 11)
    line.progress(2_000_000, 29_000_000)
    line.progress(3_000_000, 29_000_000)
    assert capsys.readouterr().err == "2.0 MB of 29.0 MB\n"


def test_for_a_program_each_line_is_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = time.monotonic()
    line = FetchLine(as_json=True)
    for number, megabytes in enumerate((1, 2, 29), 1):
        monkeypatch.setattr(fetching.time, "monotonic", lambda n=number: now + n)
        line.progress(megabytes * 1_000_000, 29_000_000)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines[0] == {"done": 1_000_000, "total": 29_000_000}
    assert lines[-1]["done"] == 29_000_000
