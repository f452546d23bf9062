"""Renders that stay softer than their sources: each command says so once, in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker

from .conftest import Command, chirp, write_sound

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

pytestmark = pytest.mark.yamnet
GIVEN = ("--method", "add", "--class", "Cat", "--steps", 1, "--renders", "dream")


@pytest.fixture
def clicks(tmp_path: Path, yamnet: YamNet, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two sounds with a click each, and the model that is loaded already."""
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)
    sound = chirp()
    sound[:, sound.shape[1] // 2] = 0.999
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(write_sound(tmp_path / name / f"{name}.wav", sound))
    return paths


def softer(text: str) -> list[str]:
    return [line for line in text.splitlines() if "softer than the source" in line]


def test_one_render_has_its_own_line(command: Command, clicks: list[Path], tmp_path: Path) -> None:
    given = ("render", clicks[0], *GIVEN, "--out", tmp_path / "out", "--json")
    lowered = command(*given, "--limit", "off")
    (line,) = softer(lowered.err)
    (report,) = json.loads(lowered.out)["inputs"]
    assert line.endswith(f": dream {report['softer_db']['dream']:.1f} dB")
    assert report["limited_db"] == {}
    limited = command(*given, "--overwrite")
    assert softer(limited.err) == []
    (report,) = json.loads(limited.out)["inputs"]
    assert report["limited_db"]["dream"] > 0.5


@pytest.mark.parametrize("name", ["render", "batch", "vary"])
def test_several_have_one_together(
    command: Command, clicks: list[Path], tmp_path: Path, name: str
) -> None:
    inputs = {
        "render": clicks,
        "batch": [clicks[0].parent, clicks[1].parent],
        "vary": [clicks[0], "--grid", "seed=1,2"],
    }
    given = [*GIVEN, "--out", tmp_path / "out", "--limit", "off"]
    done = command(name, *inputs[name], *given)
    assert done.code == 0, done.err
    (line,) = softer(done.out + done.err)
    assert "2 renders are softer than the source by up to " in line


def test_a_queue_s_report_tells_levels_apart_from_warnings(
    command: Command, clicks: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "queue" / "queue.sqlite"
    monkeypatch.setenv(QUEUE_VARIABLE, str(path))
    given = (*GIVEN, "--out", tmp_path / "out", "--limit", "off", "--no-start")
    assert command("queue", "add", *clicks, *given).code == 0
    with Store(path) as store:
        Worker(store, WorkerOptions(until_empty=True)).run()
    reported = command("queue", "report", "--out", tmp_path / "report")
    (line,) = softer(reported.out)
    assert line.startswith("2 renders are softer than the source by up to ")
    rows = json.loads((tmp_path / "report" / "queue_report.json").read_text())["inputs"]
    found = [(softer(row["levels"]), softer("\n".join(row["warnings"]))) for row in rows]
    assert [(len(own), others) for own, others in found] == [(1, [])] * 2
    assert line in (tmp_path / "report" / "queue_report.txt").read_text()
