"""Memory that runs out in each command: smaller blocks, and the other sounds go on."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dreamsound_studio.render.note import read_note

from .conftest import Command, chirp, write_sound

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

pytestmark = pytest.mark.yamnet

LittleMemory = Callable[..., None]
GIVEN = ("--method", "add", "--class", "Whistling", "--seed", 3, "--steps", 3, "--renders", "dream")
HALVED = "out of memory: block_patches halved from {} to {}"


@pytest.fixture
def run(command: Command, yamnet: YamNet, monkeypatch: pytest.MonkeyPatch) -> Command:
    """``dreamsound`` with the model that is loaded already."""
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)
    return command


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A sound of more patches than go through the network at once."""
    return write_sound(tmp_path / "song.wav", chirp(5.0))


def only_memory_fails(monkeypatch: pytest.MonkeyPatch, place: str, number: int) -> None:
    """Let one call of a function fail, the one of that number, for lack of memory."""
    holder, name = place.rsplit(".", 1)
    module_or_class = pkgutil.resolve_name(holder)
    through = getattr(module_or_class, name)
    calls: list[int] = []

    def fails_once(*arguments: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == number:
            raise MemoryError
        return through(*arguments, **more)

    monkeypatch.setattr(module_or_class, name, fails_once)


def test_render(run: Command, song: Path, tmp_path: Path, little_memory: LittleMemory) -> None:
    small = ("--block-patches", 4)
    assert run("render", song, "--out", tmp_path / "small", *GIVEN, *small).code == 0
    little_memory(4)
    given = (*GIVEN, "--block-patches", 8)
    outcome = run("render", song, "--out", tmp_path / "halved", *given, "--json")
    assert outcome.code == 0, outcome.err
    assert HALVED.format(8, 4) in outcome.err
    assert outcome.inputs[0]["warnings"] == [HALVED.format(8, 4)]
    small_render, render = (tmp_path / name / "song_dream.wav" for name in ("small", "halved"))
    assert render.read_bytes() == small_render.read_bytes()


def test_render_says_what_to_do_where_one_patch_is_too_many(
    run: Command, song: Path, tmp_path: Path, little_memory: LittleMemory
) -> None:
    little_memory(0)
    outcome = run("render", song, "--out", tmp_path / "out", *GIVEN, "--block-patches", 1)
    assert outcome.code == 1
    assert outcome.messages[-1].startswith(
        "dreamsound: out of memory, even with one patch at a time"
    )
    assert "close other programs" in outcome.messages[-1]
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(
    "place",
    [
        "dreamsound_studio.cli.batch.read_to_dream",
        "dreamsound_studio.render.write.write_blocks",
        "dreamsound_studio.render.mixer.match_gain_db",
    ],
)
def test_batch_fails_the_sound_that_does_not_fit_and_dreams_the_others(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "in").mkdir()
    for name in "abc":
        write_sound(tmp_path / f"in/{name}.wav", chirp())
    only_memory_fails(monkeypatch, place, 2)
    outcome = run("batch", tmp_path / "in", "--out", tmp_path / "out", *GIVEN)
    assert outcome.code == 4, outcome.err
    rows = json.loads((tmp_path / "out/batch_report.json").read_text())["inputs"]
    assert [row["state"] for row in rows] == ["done", "failed", "done"]
    assert rows[1]["why"].startswith("out of memory: close other programs")


def test_batch_goes_on_where_a_model_fits_only_later(
    run: Command, yamnet: YamNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No `ModelError`, which would end the batch: the weights are not to blame."""
    (tmp_path / "in").mkdir()
    for name in "ab":
        write_sound(tmp_path / f"in/{name}.wav", chirp())
    monkeypatch.undo()
    monkeypatch.setattr("dreamsound_studio.models.yamnet.network.YamNet", lambda _: yamnet)
    for reader in ("_read_h5", "_read_saved_model"):
        only_memory_fails(monkeypatch, f"dreamsound_studio.models.yamnet.arrays.{reader}", 1)
    outcome = run("batch", tmp_path / "in", "--out", tmp_path / "out", *GIVEN)
    assert outcome.code == 4, outcome.err
    rows = json.loads((tmp_path / "out/batch_report.json").read_text())["inputs"]
    assert [row["state"] for row in rows] == ["failed", "done"]
    assert rows[0]["why"].startswith("out of memory")


def test_batch_halves_the_block(
    run: Command, song: Path, tmp_path: Path, little_memory: LittleMemory
) -> None:
    little_memory(4)
    given = (*GIVEN, "--block-patches", 8)
    outcome = run("batch", song, "--out", tmp_path / "out", *given)
    assert outcome.code == 0, outcome.err
    (row,) = json.loads((tmp_path / "out/batch_report.json").read_text())["inputs"]
    assert row["warnings"] == [HALVED.format(8, 4)]


def test_vary_halves_the_block_of_each(
    run: Command, song: Path, tmp_path: Path, little_memory: LittleMemory
) -> None:
    given = ("vary", song, "--grid", "seed=1,2", "--method", "add", "--steps", 2)
    assert run(*given, "--out", tmp_path / "small", "--block-patches", 4).code == 0
    little_memory(4)
    outcome = run(*given, "--out", tmp_path / "halved", "--block-patches", 8)
    assert outcome.code == 0, outcome.err
    assert f"variation 1: {HALVED.format(8, 4)}" in outcome.err
    variations = json.loads((tmp_path / "halved/index.json").read_text())["variations"]
    assert [one["warnings"] for one in variations] == [[HALVED.format(8, 4)]] * 2
    for name in ("001_song_dream.wav", "002_song_dream.wav"):
        small, halved = (tmp_path / folder / name for folder in ("small", "halved"))
        assert small.read_bytes() == halved.read_bytes()


@pytest.mark.parametrize(
    ("place", "number"),
    [
        ("dreamsound_studio.dream.ears.objective_of", 2),
        ("dreamsound_studio.render.write.write_blocks", 2),
        ("dreamsound_studio.render.mixer.match_gain_db", 2),
    ],
)
def test_vary_fails_the_variation_that_does_not_fit_and_dreams_the_others(
    run: Command,
    bird: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    number: int,
) -> None:
    only_memory_fails(monkeypatch, place, number)
    out = tmp_path / "out"
    outcome = run(
        "vary", bird, "--grid", "seed=1..3", "--method", "add", "--steps", 2, "--out", out
    )
    assert outcome.code == 4, outcome.err
    variations = json.loads((out / "index.json").read_text())["variations"]
    assert [one["error"] is None for one in variations] == [True, False, True]
    assert variations[1]["error"].startswith("out of memory: close other programs")
    assert "variation 2: out of memory" in outcome.err


def test_vary_keeps_renders_whose_picture_does_not_fit(
    run: Command, bird: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_memory_fails(monkeypatch, "dreamsound_studio.cli.vary.write_thumbnail", 2)
    out = tmp_path / "out"
    outcome = run("vary", bird, "--grid", "seed=1,2", "--method", "add", "--steps", 2, "--out", out)
    assert outcome.code == 0, outcome.err
    first, second = json.loads((out / "index.json").read_text())["variations"]
    assert (first["picture"], first["error"]) == (None, None)
    assert first["warnings"][-1].startswith("no picture: out of memory")
    assert second["picture"] == "002_bird.png"


def test_redo_follows_the_blocks_that_a_render_was_made_with(
    run: Command,
    song: Path,
    tmp_path: Path,
    little_memory: LittleMemory,
) -> None:
    """Memory ran out after two steps: the render says so, and the same bytes are made."""
    little_memory(4, 2)
    given = (*GIVEN, "--no-backtrack", "--block-patches", 8)
    assert run("render", song, "--out", tmp_path / "out", *given).code == 0
    little_memory(1024)
    render = tmp_path / "out/song_dream.wav"
    note = read_note(render)
    assert note["earlier_blocks"] == [[8, 2]]
    assert note["recipe"]["block_patches"] == 4
    outcome = run("redo", render)
    assert (outcome.code, outcome.out) == (0, "song_dream.wav: made again, the same bytes\n")


def test_redo_halves_the_block_and_says_that_it_did(
    run: Command, song: Path, tmp_path: Path, little_memory: LittleMemory
) -> None:
    given = (*GIVEN, "--no-backtrack", "--block-patches", 8)
    assert run("render", song, "--out", tmp_path / "out", *given).code == 0
    render = tmp_path / "out/song_dream.wav"
    assert "earlier_blocks" not in read_note(render)
    little_memory(4, 1)
    outcome = run("redo", render, "--out", tmp_path / "again")
    assert outcome.code == 1
    assert HALVED.format(8, 4) in outcome.err
    assert "block_patches (8 then, 8 up to step 1, 4 now: out of memory)" in outcome.out
    assert (tmp_path / "again/song_dream.wav").is_file()


def test_units_are_ranked_and_heard_in_smaller_blocks(
    run: Command, song: Path, tmp_path: Path, little_memory: LittleMemory
) -> None:
    given = ("units", song, "--layer", "layer5", "--top", 2, "--json")
    plain = run(*given)
    little_memory(2)
    outcome = run(*given, "--out", tmp_path / "heard")
    assert outcome.code == 0, outcome.err
    assert HALVED.format(4, 2) in outcome.err
    channels = [
        [unit["channel"] for unit in json.loads(one.out)["units"]] for one in (plain, outcome)
    ]
    assert channels[0] == channels[1]
    assert len(list((tmp_path / "heard").glob("*.wav"))) == 2
    little_memory(0)
    failed = run(*given)
    assert failed.code == 1
    assert "even with one patch at a time" in failed.messages[-1]


def test_listen_hears_in_smaller_blocks(
    run: Command, song: Path, little_memory: LittleMemory
) -> None:
    given = ("listen", song, "--top", 3, "--json")
    plain = json.loads(run(*given).out)
    little_memory(2)
    outcome = run(*given)
    assert outcome.code == 0, outcome.err
    assert [line.split("halved ")[1] for line in outcome.messages] == [
        "from 32 to 16", "from 16 to 8", "from 8 to 4", "from 4 to 2"
    ]  # fmt: skip
    halved = json.loads(outcome.out)
    for one, other in zip(plain["classes"], halved["classes"], strict=True):
        assert one["name"] == other["name"]
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-4)
    little_memory(0)
    failed = run(*given)
    assert failed.code == 1
    assert "even with one patch at a time" in failed.messages[-1]


def test_a_sound_that_does_not_fit_is_one_line(
    run: Command, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_memory_fails(monkeypatch, "dreamsound_studio.cli.shared.hearing.read_to_dream", 1)
    outcome = run("listen", song)
    assert (outcome.code, len(outcome.messages)) == (1, 1)
    assert outcome.messages[0].startswith("dreamsound: out of memory: close other programs")
