"""Options that mean the same in every command: spans, presets and recipes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, open_store

from .conftest import Command, chirp, write_sound


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Three seconds."""
    return write_sound(tmp_path / "song.wav", chirp(3.0))


@pytest.fixture
def at_hand(
    command: Command, dream: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """``dreamsound`` with the model that is loaded already, in a folder of its own."""
    del dream
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(QUEUE_VARIABLE, str(tmp_path / "queue.sqlite"))
    return command


@pytest.mark.parametrize("span", ["0:00.50-0:01.25", "0.5s-1.25s", "0.5-1.25"])
def test_a_span_is_as_long_as_asked_in_every_command(
    at_hand: Command, song: Path, tmp_path: Path, span: str
) -> None:
    # What `add` makes has no peaks to limit, about which there would be a message.
    once = ("--method", "add", "--steps", 1)
    made = at_hand("render", song, "--span", span, *once, "--renders", "dream", "--json")
    assert (made.inputs[0]["start"], made.inputs[0]["samples"]) == (8000, 12_000)
    # One step toward the first class may fall, with a warning; the span has none.
    assert [line for line in made.messages if "lower than it began" not in line] == []
    vary = at_hand("vary", song, "--span", span, "--grid", "seed=1", "--steps", 1)
    assert vary.code == 0, vary.err
    batch = at_hand("batch", song, "--span", span, "--out", "b", "--steps", 1, "--json")
    assert batch.code == 0, batch.err
    lengths = {
        _length(path) for path in (*tmp_path.glob("song_*/*.wav"), *tmp_path.glob("b/*.wav"))
    }
    assert lengths == {12_000}
    heard = json.loads(at_hand("listen", song, "--span", span, "--json").out)
    assert heard["length_s"] == pytest.approx(0.75)
    assert heard["span_start_s"] == pytest.approx(0.5)


def test_the_old_form_is_seconds_and_says_so(at_hand: Command, song: Path) -> None:
    made = at_hand("render", song, "--span", "0.5:1.5", "--steps", 1, "--json")
    assert made.inputs[0]["samples"] == 16_000
    [line] = [line for line in made.messages if "span" in line]
    assert line == (
        "dreamsound: span 0.5:1.5 is read as START:END in seconds: pass 0.5s-1.5s instead"
    )


def test_a_minute_and_a_half_is_a_minute_and_a_half(at_hand: Command, song: Path) -> None:
    outcome = at_hand("render", song, "--span", "1:30")
    assert outcome.code == 2
    assert "the span from 90.00 s is empty" in outcome.messages[-1]


def test_a_job_keeps_a_span_in_seconds(at_hand: Command, song: Path) -> None:
    assert at_hand("queue", "add", song, "--span", "0:01-0:02.5", "--no-start").code == 0
    store, _ = open_store()
    with store:
        request = json.loads(store.job(1).request)
    assert request["span"] == "1:2.5"


@pytest.mark.yamnet
def test_what_listen_prints_can_be_pasted_into_span(at_hand: Command, song: Path) -> None:
    heard = at_hand("listen", song, "--span", "1s-")
    assert heard.code == 0, heard.err
    lines = heard.out.split("\n\n")[1].splitlines()
    spans = [line.split()[0] for line in lines[1:]]
    assert spans[0].startswith("0:01.00-")
    would = f"would write to {song.parent / 'song dreams'}: {song} (dream, gradient, hardcut)"
    for span in spans:
        made = at_hand("render", song, "--span", span, "--dry-run")
        assert (made.code, made.out, made.messages) == (0, f"{would}\n", [])


@pytest.mark.yamnet
def test_a_preset_and_a_recipe_start_batch_vary_and_listen(
    at_hand: Command, song: Path, tmp_path: Path
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps({"class": "Bird", "steps": 1, "seed": 7}))
    for words in (
        ("batch", song, "--out", "b", "--recipe", "recipe.json"),
        ("vary", song, "--grid", "strength=0.1", "--recipe", "recipe.json", "--out", "v"),
    ):
        assert at_hand(*words).code == 0
    notes = [
        json.loads(at_hand("recipe", "show", path, "--json").out)["recipe"]
        for path in (tmp_path / "b" / "song_dream.wav", *(tmp_path / "v").glob("*.wav"))
    ]
    assert [(note["class"], note["seed"], note["steps"]) for note in notes] == [("Bird", 7, 1)] * 2
    heard = json.loads(at_hand("listen", song, "--recipe", "recipe.json", "--json").out)
    assert [row["name"] for row in heard["classes"]] == ["Bird"]
    choir = tmp_path / "Choir.dreamsound.json"
    assert at_hand("presets", "save", "Choir", "--class", "Choir", "--out", choir).code == 0
    heard = json.loads(at_hand("listen", song, "--preset", choir, "--json").out)
    assert [row["name"] for row in heard["classes"]] == ["Choir"]
    both = at_hand("vary", song, "--grid", "seed=1", "--preset", "Bones", "--recipe", "recipe.json")
    assert (both.code, "not both" in both.err) == (2, True)


@pytest.mark.yamnet
def test_scores_go_to_standard_output_as_csv(at_hand: Command, song: Path, tmp_path: Path) -> None:
    table = at_hand("listen", song, "--class", "Bird", "--csv", "-")
    assert table.out.splitlines()[0] == "start_s,Bird"
    assert re.fullmatch(r"0\.000,0\.\d{6}", table.out.splitlines()[1])
    assert not (tmp_path / "-").exists()
    assert at_hand("listen", song, "--csv", "-", "--json").code == 2


def test_presets_that_need_a_model_are_marked(command: Command, bare_machine: Path) -> None:
    assert command("presets", "save", "Choir", "--class", "Choir").code == 0
    listing = command("presets", "list")
    lines = {line[2:28].strip(): line for line in listing.out.splitlines()}
    assert "(needs yamnet)" in lines["Turn to birds"]
    assert "(needs yamnet)" in lines["Turn to dogs"]
    assert "(needs basic-pitch)" in lines["In A minor"]
    assert "(needs" not in lines["Bones"]
    # Choir is a class of the fallback too.
    assert "(needs" not in lines["Choir"]
    assert "to get it: dreamsound models pull yamnet" in listing.err
    assert "needs     model yamnet" in command("presets", "show", "Turn to birds").out
    del bare_machine


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Bons", "Did you mean Bones"),
        ("brids", "Did you mean Turn to birds?"),
        ("turn to bell", "Did you mean Turn to bells | Turn to birds | Turn to water?"),
        ("glass", "Did you mean Bones?"),
        ("zzzz", "See dreamsound presets list."),
    ],
)
@pytest.mark.usefixtures("bare_machine")
def test_an_unknown_preset_has_neighbours_that_make_sense(
    command: Command, name: str, hint: str
) -> None:
    outcome = command("presets", "show", name)
    assert outcome.code == 2
    assert outcome.err.startswith(f"dreamsound: No preset named {name!r}. {hint}")
    assert outcome.err.count("|") <= 2


def test_a_recipe_names_its_method(command: Command, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text('{"steps": 3}')
    shown = command("recipe", "show", tmp_path / "recipe.json")
    assert shown.out.splitlines() == ["schema_version: 2", "method: sculpt", "steps: 3"]


@pytest.mark.parametrize("words", ["show 3.x", "cancel 1 3.x", "move 1 --before 3.x", "wait 3.x"])
def test_an_invalid_job_id_is_bad_input(command: Command, words: str) -> None:
    outcome = command("queue", *words.split())
    assert (outcome.code, outcome.err) == (
        2,
        "dreamsound: Invalid job ID: 3.x. See dreamsound queue list\n",
    )


WITHOUT_MATPLOTLIB = """
import sys
from dreamsound_studio.cli import main

for words, code in (
    (["plot", "no.wav"], 2),
    (["plot", sys.argv[1], "--dry-run"], 2),
    (["listen", sys.argv[1], "--dry-run", "--model", "yamnet"], 0),
    (["batch", sys.argv[1], "--out", "out", "--dry-run"], 0),
    (["vary", sys.argv[1], "--grid", "seed=1", "--dry-run"], 0),
):
    assert main(words) == code, words
    assert "matplotlib" not in sys.modules, words
"""


@pytest.mark.usefixtures("yamnet")
def test_matplotlib_is_imported_only_to_draw(song: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MATPLOTLIB, song],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr


def _length(path: Path) -> int:
    import soundfile

    return int(soundfile.info(path).frames)
