"""``dreamsound listen``: what the model hears, as tables, JSON, CSV and a picture."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dreamsound_studio.dream.listen import Hearing
from dreamsound_studio.models.yamnet.network import YamNet

from .conftest import RATE, Command, chirp, process, write_sound


@pytest.fixture
def hears(command: Command, yamnet: YamNet, monkeypatch: pytest.MonkeyPatch) -> Command:
    """``dreamsound listen`` in this process, with the model that is loaded already."""
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)
    return lambda *arguments: command("listen", *arguments)


@pytest.fixture
def bird_then_noise(tmp_path: Path) -> Path:
    """Four seconds of bird, four of white noise, 48 kHz stereo."""
    rate = 48_000
    noise = np.random.default_rng(1).standard_normal((2, 4 * rate)) * 0.2
    bird = np.concatenate([chirp(1.0, rate, 2)] * 4, axis=1)
    both = np.concatenate([bird, noise], axis=1)
    return write_sound(tmp_path / "bird, then noise.wav", both, rate)


@pytest.mark.yamnet
def test_scores_are_the_models_own_patch_by_patch(
    hears: Command, yamnet: YamNet, tmp_path: Path, saved_model_folder: Path
) -> None:
    import tensorflow as tf

    sound = chirp(3.3)
    path = write_sound(tmp_path / "bird.wav", sound)
    outcome = hears(path, "--json", "--top", 3)
    report = json.loads(outcome.out)
    assert (outcome.code, outcome.err) == (0, "")
    assert (report["model"], report["weights_sha256"]) == ("yamnet", yamnet.weights_sha256)
    model = tf.saved_model.load(str(saved_model_folder))
    expected = model(soundfile.read(path, dtype="float32")[0])[0].numpy()
    assert report["starts_s"] == [round(0.48 * k, 6) for k in range(len(expected))]
    best = np.argsort(-expected.mean(axis=0))[:3].tolist()
    assert [heard["index"] for heard in report["classes"]] == best
    for heard in report["classes"]:
        column = expected[:, heard["index"]]
        np.testing.assert_allclose(heard["scores"], column, atol=1e-4)
        assert heard["mean"] == pytest.approx(column.mean(), abs=1e-4)
        assert heard["highest"] == pytest.approx(column.max(), abs=1e-4)
        assert heard["highest_at_s"] == pytest.approx(0.48 * np.argmax(column))


@pytest.mark.yamnet
def test_tables_say_what_is_heard_and_when(hears: Command, bird_then_noise: Path) -> None:
    outcome = hears(bird_then_noise, "--class", "White noise", "--class", "Bird")
    assert outcome.code == 0
    classes, passages = outcome.out.split("\n\n")
    assert len(classes.splitlines()) == 3
    rows = [line.split() for line in passages.splitlines()[1:]]
    # Bird first and noise last, with nothing left out between.
    spans = [row[0].split("-") for row in rows]
    assert (spans[0][0], rows[0][1], spans[-1][1]) == ("0:00.00", "Bird", "0:08.00")
    assert rows[-1][1:3] == ["White", "noise"]
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))


@pytest.mark.yamnet
def test_files_hold_what_is_shown_and_replace_nothing(
    hears: Command, bird_then_noise: Path, tmp_path: Path
) -> None:
    import matplotlib.image

    table, picture = tmp_path / "heard.csv", tmp_path / "heard.png"
    outcome = hears(bird_then_noise, "--csv", table, "--png", picture, "--json", "--top", 12)
    report = json.loads(outcome.out)
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["start_s", *(heard["name"] for heard in report["classes"])]
    column = [float(row[1]) for row in rows[1:]]
    np.testing.assert_allclose(column, report["classes"][0]["scores"], atol=1e-6)
    image = matplotlib.image.imread(picture)
    assert min(image.shape[:2]) > 400
    assert np.std(image[..., :3]) > 0.05
    before = table.read_bytes(), picture.read_bytes()
    for option, path in (("--csv", table), ("--png", picture)):
        again = hears(bird_then_noise, option, path)
        assert (again.code, len(again.messages)) == (2, 1)
        assert "pass --overwrite" in again.err
    assert before == (table.read_bytes(), picture.read_bytes())
    assert hears(bird_then_noise, "--csv", table, "--overwrite").code == 0
    source = bird_then_noise.read_bytes()
    assert hears(bird_then_noise, "--png", bird_then_noise, "--overwrite").code == 2
    assert bird_then_noise.read_bytes() == source
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("none.wav", 2, "none.wav: No such file"),
        ("{bird} --model yamnet --class Brid", 2, "no class 'Brid'. Did you mean"),
        ("{bird} --top 0", 2, "--top"),
        ("{bird} --csv x --png x", 2, "name two files"),
        ("{bird} --png -", 2, "-: pass a name that ends in .png"),
        # Before the sound is read: there is none.
        ("none.wav --png heard", 2, "heard: pass a name that ends in .png"),
        ("{bird} --out heard.txt", 2, "--out heard.txt: pass a name that ends in .json, .csv"),
        ("{bird} --out a.csv --csv b.csv", 2, "pass --out a.csv or --csv, not both"),
        ("{bird} --out a.png --png b.png", 2, "pass --out a.png or --png, not both"),
        ("{bird} -o nowhere/x.json", 2, "no folder nowhere"),
        ("{bird} -o - --csv -", 2, "pass --json or --csv -, not both"),
        ("{bird} --csv nowhere/x.csv", 2, "no folder nowhere"),
        ("{bird} --model yamnt", 2, "Did you mean yamnet"),
    ],
)
def test_bad_input_is_one_line(
    command: Command, bird: Path, arguments: str, code: int, words: str
) -> None:
    outcome = command("listen", *(part.format(bird=bird) for part in arguments.split()))
    assert (outcome.code, len(outcome.messages)) == (code, 1)
    assert words in outcome.err


@pytest.mark.yamnet
def test_out_writes_by_the_ending_of_the_name(hears: Command, bird: Path, tmp_path: Path) -> None:
    printed = hears(bird, "--json", "--top", 3)
    assert hears(bird, "-o", "-", "--top", 3).out == printed.out
    made = hears(bird, "--out", tmp_path / "heard.json", "--top", 3)
    assert (made.code, f"wrote {tmp_path / 'heard.json'}" in made.err) == (0, True)
    assert "index  class" in made.out
    assert (tmp_path / "heard.json").read_text() == printed.out.rstrip("\n")
    assert hears(bird, "--out", tmp_path / "heard.json").code == 2
    assert hears(bird, "--out", tmp_path / "heard.json", "--clash", "skip").code == 0
    assert hears(bird, "-o", tmp_path / "heard.csv", "--top", 3).code == 0
    table = hears(bird, "--csv", "-", "--top", 3).out
    assert (tmp_path / "heard.csv").read_text().splitlines() == table.splitlines()
    assert hears(bird, "-o", tmp_path / "heard.png").code == 0
    assert (tmp_path / "heard.png").read_bytes().startswith(b"\x89PNG")


def test_passages_join_patches_of_one_class() -> None:
    scores = np.array([[0.9, 0.1], [0.7, 0.2], [0.1, 0.6]], np.float32)
    hearing = Hearing(("a", "b"), scores, 0.5, 1.0, 1.7)
    found = [(part.start_s, part.stop_s, part.index) for part in hearing.passages()]
    # Each patch speaks for what lies around its middle.
    assert found == [(0.0, 1.25, 0), (1.25, 1.7, 1)]
    assert hearing.passages()[0].score == pytest.approx(0.8)
    assert [part.index for part in hearing.passages([1])] == [1]


@pytest.mark.yamnet
def test_a_sound_of_one_sample_is_heard(hears: Command, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "click.wav", np.full((1, 1), 0.5, np.float32), RATE)
    assert hears(path, "--png", tmp_path / "click.png").code == 0


@pytest.mark.yamnet
@pytest.mark.usefixtures("yamnet")
def test_a_process_prints_the_tables_and_nothing_else(bird: Path) -> None:
    out, err = process("listen", bird, "--class", "Bird").communicate(timeout=120)
    assert err == f"to dream one: dreamsound render {bird} --class Bird\n"
    assert out.splitlines()[1].split()[1] == "Bird"
