"""The first minute: a sound alone is a command, a folder is an input, a line says where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamsound_studio.cli.shared.places import asked_sounds, clash_of, folder_beside, free_place
from dreamsound_studio.errors import AudioFileError, RecipeError

from .conftest import Command, Outcome, chirp, write_sound


@pytest.fixture
def started(
    dream: Command, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """``dreamsound`` in the folder of the sounds, with the model that is loaded already."""
    del dream
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Outcome:
        return command(*arguments, "--method", "add", "--steps", 1)

    return run


@pytest.mark.usefixtures("bird")
def test_a_sound_alone_is_dreamed_into_a_folder_beside_it(started: Command) -> None:
    outcome = started("bird.wav")
    assert outcome.code == 0, outcome.err
    made = {path.name for path in Path("bird dreams").iterdir()}
    assert made == {"bird_dream.wav", "bird_gradient.wav", "bird_hardcut.wav"}
    last = outcome.err.splitlines()[-1]
    assert last.startswith("wrote 3 renders to bird dreams; ")
    assert last.endswith("dreamsound plot 'bird dreams/bird_dream.wav'")
    # Dreams collect there: the next one replaces nothing.
    assert started("bird.wav", "--renders", "dream").code == 0
    assert (Path("bird dreams") / "bird_dream_2.wav").exists()


@pytest.mark.usefixtures("bird")
def test_quiet_shows_warnings_only_and_verbose_the_model(started: Command) -> None:
    # A class that ten steps reach: a dream that falls says so.
    quiet = started("bird.wav", "--renders", "dream", "--class", "Bird", "-q")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert "dreamsound: model " in started("bird.wav", "--renders", "dream", "-v").err


def test_the_sounds_of_a_folder_are_inputs(started: Command, tmp_path: Path) -> None:
    folder = tmp_path / "birds"
    folder.mkdir()
    for name in ("b.wav", "a.wav"):
        write_sound(folder / name, chirp(0.3))
    (folder / "notes.txt").write_text("no sound")
    outcome = started("birds", "--renders", "dream", "--json")
    assert [Path(report["input"]).name for report in outcome.inputs] == ["a.wav", "b.wav"]
    assert {path.name for path in Path("birds dreams").iterdir()} == {"a_dream.wav", "b_dream.wav"}


def test_an_empty_folder_is_one_error(started: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    outcome = started("empty")
    assert (outcome.code, outcome.messages) == (2, ["dreamsound: no audio files found in empty"])
    assert not Path("empty dreams").exists()


@pytest.mark.usefixtures("bare_machine")
def test_a_dry_run_checks_everything_and_writes_nothing(
    command: Command, bird: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    for words in (
        ("render", bird),
        ("batch", bird, "--out", "out"),
        ("vary", bird, "--grid", "seed=1..2"),
        ("queue", "add", bird),
        ("listen", bird, "--csv", "x.csv"),
        ("units", bird, "--layer", "layer3/pointwise_conv", "--model", "yamnet", "--out", "units"),
        ("presets", "export", "Bones", "."),
        ("library", "export", "--out", "library.json"),
    ):
        outcome = command(*words, "--dry-run")
        assert outcome.code == 0, outcome.err
        assert "would " in outcome.out + outcome.err, words
    assert {path for path in tmp_path.rglob("*") if "user-data" not in path.parts} == before
    missing = command("render", "no.wav", "--dry-run", "--out", "out")
    assert (missing.code, (tmp_path / "out").exists()) == (2, False)


@pytest.mark.parametrize(
    "words",
    [
        "no.wav",
        "nowhere/no",
        "render no.wav",
        "batch nowhere --out out",
        "vary no.wav --grid seed=1..2",
        "listen no.wav",
        "listen no.wav --recipe no.json",
        "units no.wav --layer layer3/relu",
        "plot no.wav",
        "redo no.wav",
        "recipe show no.json",
        "presets import no.dreamsound.json",
        "presets show no.dreamsound.json",
        "rpp no.rpp",
        "queue add no.wav",
        "submit nowhere",
        "submit .",
        "library verify nowhere",
        "models pull mine --from nowhere",
        "models pull yamnet --from nowhere.h5",
    ],
)
def test_a_missing_file_is_exit_2_in_every_command(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = command(*words.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert len(outcome.err.splitlines()) == 1


def test_options_may_come_before_the_sound_or_the_command(started: Command, bird: Path) -> None:
    for words in (
        ("--renders", "dream", bird),
        ("-q", bird, "--renders", "dream"),
        ("-q", "render", bird, "--renders", "dream"),
        ("-q", "--renders=dream", bird),
    ):
        outcome = started(*words, "--class", "Bird")
        assert (outcome.code, outcome.out) == (0, ""), outcome.err
        assert ("-q" in words) == (outcome.err == "")
    assert len(list(Path("bird dreams").iterdir())) == 4
    assert started("--no-such-option", "listen").code == 2


def test_a_mistyped_command_is_not_a_sound(command: Command) -> None:
    outcome = command("rendr", "bird.wav")
    assert (outcome.code, outcome.err) == (
        2,
        "dreamsound: unknown command 'rendr': did you mean render?\n",
    )


def test_a_sound_that_is_missing_is_not_a_mistyped_command(command: Command) -> None:
    for words in (["none.wav"], ["folder/none"]):
        outcome = command(*words)
        assert (outcome.code, outcome.out) == (2, "")
        assert f"{words[0]}: No such file or directory" in outcome.err


@pytest.mark.usefixtures("bare_machine")
def test_what_is_printed_can_be_read_by_a_program(command: Command, tmp_path: Path) -> None:
    """``-`` is standard output wherever JSON or CSV is written."""
    preset = command("presets", "export", "Bones", "-")
    assert json.loads(preset.out)["name"] == "Bones"
    library = command("library", "export", "--out", "-")
    assert library.out == command("library", "export").out
    assert not list(tmp_path.glob("-"))


def test_overwrite_is_short_for_one_clash() -> None:
    assert [clash_of(None, False), clash_of(None, True)] == ["refuse", "overwrite"]
    assert clash_of("overwrite", True) == "overwrite"
    assert clash_of(None, False, "number") == "number"
    with pytest.raises(RecipeError, match="not both"):
        clash_of("skip", True)
    with pytest.raises(RecipeError, match="invalid --clash 'maybe'"):
        clash_of("maybe", False)


def test_a_file_that_exists_is_refused_numbered_replaced_or_skipped(tmp_path: Path) -> None:
    place = tmp_path / "x.csv"
    assert {free_place(place, how) for how in ("refuse", "number", "skip")} == {place}
    place.touch()
    (tmp_path / "x 2.csv").touch()
    assert free_place(place, "number") == tmp_path / "x 3.csv"
    assert free_place(place, "overwrite") == place
    assert free_place(place, "skip") is None
    with pytest.raises(AudioFileError, match="pass --overwrite"):
        free_place(place, "refuse")


def test_a_folder_of_renders_is_no_input_of_the_next_command(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", chirp(0.1))
    beside = folder_beside(tmp_path)
    assert beside == tmp_path.parent / f"{tmp_path.name} dreams"
    [sound] = asked_sounds([str(tmp_path)], None)
    assert (sound.path, sound.out) == (str(tmp_path / "a.wav"), beside)
    assert folder_beside(tmp_path / "a.wav") == tmp_path / "a dreams"


@pytest.mark.usefixtures("bare_machine")
def test_clashes_are_the_same_in_commands_that_write_other_files(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    export = ("presets", "export", "Bones", "Bones.dreamsound.json")
    assert command(*export).code == 0
    assert command(*export).code == 2
    assert command(*export, "--clash", "skip").out.startswith("skipped ")
    assert command(*export, "--clash", "overwrite").code == 0
    assert command(*export, "--overwrite").code == 0
    save = ("presets", "save", "Mine", "--strength", "0.1")
    assert command(*save).code == 0
    assert command(*save).code == 2
    numbered = command(*save, "--clash", "number")
    assert "Mine 2.dreamsound.json" in numbered.out
    assert command("presets", "show", "Mine 2").code == 0
