"""``redo``: the same bytes again, or what differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dreamsound_studio as dreamsound
from dreamsound_studio.audio.cut import Cut, Piece
from dreamsound_studio.audio.source import read_cut
from dreamsound_studio.jobs.redo import what_differs
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.note import PREFIX, RenderNote, read_note, with_note

from .conftest import Command, chirp, write_sound

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

GIVEN = ("--class", "Whistling", "--seed", 3)


def only(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize(
    "options",
    [
        ("--renders", "all"),
        ("--renders", "dream,difference", "--bits", "16", "--format", "aiff"),
        ("--renders", "hardcut", "--span", "0.1:0.4", "--format", "flac"),
        ("--renders", "dream", "--keep-steps", "all"),
        ("--renders", "dream,gradient", "--level", "raw", "--bits", "32f"),
        ("--renders", "all", "--method", "sculpt", "--gain-grid", "12x50ms", "--keep-steps", "1"),
        ("--renders", "dream", "--format", "opus"),
        ("--renders", "dream", "--format", "mp3"),
        ("--renders", "dream", "--catid", "BIRDSong"),
    ],
)
def test_every_render_is_made_again(
    dream: Command, command: Command, bird: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    assert dream(bird, "--out", tmp_path / "out", *GIVEN, *options).code == 0
    for name, path in only(tmp_path / "out").items():
        outcome = command("redo", path, "--out", tmp_path / "again")
        unit = "samples" if "opus" in options else "bytes"
        assert (outcome.code, outcome.out) == (
            0,
            f"{tmp_path / 'again' / name}: made again, the same {unit}\n",
        )
        if unit == "bytes":
            assert (tmp_path / "again" / name).read_bytes() == path.read_bytes()
    assert set(only(tmp_path / "again")) == set(only(tmp_path / "out"))


def test_a_render_that_asked_for_nothing_odd_is_made_again_without_warnings(
    dream: Command, command: Command, bird: Path, tmp_path: Path
) -> None:
    made = dream(bird, "--out", tmp_path / "out", *GIVEN, "--method", "sculpt", "--steps", 1)
    assert made.code == 0
    for render in only(tmp_path / "out").values():
        assert not [line for line in command("redo", render).messages if "no effect" in line]


def test_a_dry_run_says_what_it_would_do(
    dream: Command, command: Command, bird: Path, tmp_path: Path
) -> None:
    assert dream(bird, "--out", tmp_path / "out", *GIVEN, "--renders", "dream").code == 0
    (render,) = only(tmp_path / "out").values()
    assert command("redo", render, "--dry-run").out == "would dream again and compare\n"
    again = command("redo", render, "--dry-run", "--out", tmp_path / "again")
    assert again.out == f"would write {tmp_path / 'again' / render.name}\n"
    assert not (tmp_path / "again").exists()


def test_a_render_of_pieces_of_its_source_is_made_again(
    command: Command, yamnet: YamNet, bird: Path, tmp_path: Path
) -> None:
    """As an item of REAPER's is: reversed, looped, one channel, and a span of that."""
    pieces = (Piece(start=100, stop=4_000, is_reversed=True, times=3), Piece(start=0, stop=900))
    clip = read_cut(bird, Cut(pieces=pieces, channels=(0,)), samples=(50, 12_000))
    recipe = Recipe.make(class_="Whistling", steps=2, seed=3)
    result = dreamsound.dream(clip, recipe, model=yamnet)
    written = dreamsound.write_renders(result, tmp_path / "out", dreamsound.RenderOptions())
    noted = read_note(written.paths["dream"])["source"]
    assert (noted["start"], noted["samples"]) == (50, 11_950)
    assert noted["cut"] == clip.cut.as_dict()
    for path in written.paths.values():
        assert command("redo", path, "--out", tmp_path / "again").code == 0
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_targets_and_earlier_dreams_go_in_again(
    dream: Command, command: Command, bird: Path, tmp_path: Path
) -> None:
    target = write_sound(tmp_path / "target.wav", chirp(0.3)[:, ::-1])
    first = (*GIVEN, "--renders", "dream", "--method", "target", "--target", target)
    assert dream(bird, "--out", tmp_path / "one", *first).code == 0
    going_on = ("--from-render", tmp_path / "one" / "bird_dream.wav", *first)
    assert dream(bird, "--out", tmp_path / "two", *going_on).code == 0
    render = tmp_path / "two" / "bird_dream.wav"
    assert set(read_note(render)["others"]) == {"target", "start"}
    shutil.move(target, tmp_path / "two" / "target.wav")
    assert command("redo", render).code == 2  # bird_dream.wav beside it is the render itself
    shutil.copy(tmp_path / "one" / "bird_dream.wav", tmp_path / "bird_dream.wav")
    outcome = command("redo", render)
    assert (outcome.code, outcome.out) == (0, "bird_dream.wav: made again, the same bytes\n")


def rewritten(path: Path, **changed: Any) -> Path:
    """Change a render's note, in place."""
    note = read_note(path)
    before = json.dumps(note, separators=(",", ":"))
    after = json.dumps(note | changed, separators=(",", ":"))
    content = path.read_bytes()
    assert before.encode() in content
    # Of the same length: nothing in the file moves.
    assert len(after) == len(before)
    path.write_bytes(content.replace(before.encode(), after.encode()))
    return path


def test_what_differs_is_reported(
    dream: Command, command: Command, bird: Path, tmp_path: Path
) -> None:
    assert dream(bird, "--out", tmp_path / "out", *GIVEN, "--renders", "dream").code == 0
    render = tmp_path / "out" / "bird_dream.wav"
    note = read_note(render)
    rewritten(render, threads=9, engine=note["engine"][:-1] + "x", weights_sha256="0" * 64)
    outcome = command("redo", render)
    assert outcome.code == 1
    for reason in ("the model", "its weights", "the engine", "the thread count (9 then"):
        assert reason in outcome.out
    assert "the source" not in outcome.out
    write_sound(bird, 0.5 * chirp())
    outcome = command("redo", render)
    assert (outcome.code, "the source (bird.wav" in outcome.out) == (1, True)
    assert "pass --source for another" in outcome.err
    assert len(only(tmp_path / "out")) == 1


def test_the_precision_of_an_earlier_version_is_reported() -> None:
    def note(precision: str) -> RenderNote:
        return RenderNote.model_validate(
            {"engine": "1", "threads": 2, "model": "yamnet", "weights_sha256": "0", "bits": "24"}
            | {"source": {"start": 0, "samples": 1}, "steps_done": 1, "level": "match"}
            | {"format": "wav", "recipe": Recipe.make(precision=precision).as_dict()}
        )

    now = note("float32")
    assert what_differs(note("bfloat16"), now) == ["the precision (bfloat16 then, float32 now)"]
    assert what_differs(now, now) == []


def test_a_lost_source_is_one_line(
    dream: Command, command: Command, bird: Path, tmp_path: Path
) -> None:
    assert dream(bird, "--out", tmp_path / "a/b/out", *GIVEN, "--renders", "dream").code == 0
    render = tmp_path / "a/b/out/bird_dream.wav"
    outcome = command("redo", render)
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert "Cannot find the source bird.wav" in outcome.err
    assert command("redo", render, "--source", bird).code == 0
    outcome = command("redo", render, "--source", bird, "--out", render.parent)
    assert (outcome.code, "exists" in outcome.err) == (2, True)
    assert command("redo", bird).code == 2


def test_a_sidecar_says_the_same(dream: Command, bird: Path, tmp_path: Path) -> None:
    given = (*GIVEN, "--renders", "dream,difference", "--sidecar")
    assert dream(bird, "--out", tmp_path / "out", *given).code == 0
    files = only(tmp_path / "out")
    assert len(files) == 4
    for name, path in files.items():
        if name.endswith(".wav"):
            assert json.loads(files[f"{name}.json"].read_text()) == read_note(path)
    again = dream(bird, "--out", tmp_path / "out", *given)
    assert (again.code, "exists" in again.err) == (2, True)


def test_a_note_without_what_is_needed_is_one_line(command: Command, tmp_path: Path) -> None:
    import soundfile

    path = write_sound(tmp_path / "a.wav", chirp())
    tags = with_note({}, {"recipe": {}}, "dream")
    with soundfile.SoundFile(path, "r+") as sound:
        sound.comment = tags["comment"]
    assert PREFIX in tags["comment"]
    outcome = command("redo", path)
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert "incomplete note" in outcome.err
