"""Whatever is wrong with what was asked for: one line that says so, and the right exit code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dreamsound_studio.library.library import LIBRARY_VARIABLE
from dreamsound_studio.models.store.local import MODELS_VARIABLE
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE

from .conftest import RATE, Command, Floats, Outcome, chirp, write_sound


def assert_one_line(outcome: Outcome, code: int, *words: str) -> None:
    assert (outcome.code, len(outcome.messages)) == (code, 1), outcome
    line = outcome.messages[0]
    assert line.startswith("dreamsound: ")
    for word in words:
        assert word in line
    assert "Traceback" not in outcome.err


# -- what is asked for (no model is loaded to see that it makes no sense) -------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--model yamnet --class Whistlng", ["no class 'Whistlng'. Did you mean Whistling"]),
        ("--model yamnet --class 521", ["classes 0 to 520"]),
        ("--model yamnet --layer layer15", ["no layer 'layer15'. Did you mean ", "layer1,"]),
        ("--layer layer7 --class Cat", ["layer and class", "Use one"]),
        ("--method filt", ["method: ", "filter-add, target", "not 'filt'"]),
        ("--method add --flip", ["flip", "add has no filter"]),
        ("--method filter --flip --carrier input", ["flip", "not both"]),
        ("--method target", ["needs a target"]),
        ("--class target", ["needs a target"]),
        ("--method add --target bird.wav", ["add does not use a target"]),
        ("--method target --target none.wav", ["none.wav: No such file"]),
        ("--mask-from none --carrier input", ["without a mask"]),
        ("--steps 0", ["steps: ", "use 1 or more, not 0"]),
        ("--steps many", ["--steps: use a whole number, not 'many'"]),
        ("--steps", ["--steps has no value: pass one after it"]),
        ("--strength -1", ["strength: ", "use more than 0"]),
        ("--strength nan", ["strength: use a number, not nan"]),
        ("--natural nan", ["natural: use a number, not nan"]),
        ("--threshold-db 3", ["threshold_db: ", "not 3.0"]),
        ("--fft-size 1023", ["fft_size must be even"]),
        ("--precision fastest", ["precision: use one of float32, fast, not 'fastest'"]),
        ("--hop-samples 2000", ["hop_samples 2000 is more than half of fft_size 2048"]),
        ("--seed -1", ["seed: "]),
        ("--air twice", ["air: ", "use one of keep,"]),
        ("--channels middle", ["channels: ", "mid-side, not 'middle'"]),
        ("--span 4:1", ["span '4:1'"]),
        ("--span 4", ["span '4'", "pass START-END"]),
        ("--renders dream,dreams", ["unknown render 'dreams'", "hardcut"]),
        ("--renders ,", ["no renders: name at least one"]),
        ("--keep-steps 0", ["invalid --keep-steps '0'"]),
        ("--keep-steps some", ["invalid --keep-steps 'some'"]),
        ("--level raw", ["raw", "needs bits 32f"]),
        ("--level raw --bits 24", ["raw", "needs bits 32f"]),
        ("--format flac --bits 32f", ["flac cannot hold 32f", "wav, aiff"]),
        ("--format wma", ["format: use one of wav, aiff, ", ", mp3, not 'wma'"]),
        ("--bits 8", ["bits: use one of 16, 24, 32f, not '8'"]),
        ("--stepps 3", ["unknown option --stepps: did you mean --steps?"]),
        ("--stenght 3", ["unknown option --stenght: did you mean --strength?"]),
        ("--nosuch 3", ["unknown option --nosuch: see dreamsound render --help"]),
        ("--zzz", ["unknown option --zzz: see dreamsound render --help"]),
        ("--model yamnt", ["Unknown model 'yamnt'. Did you mean yamnet"]),
        ("--model ./nothing", ["not a SavedModel folder"]),
    ],
)
def test_options_that_make_no_sense(
    command: Command,
    bird: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = command("render", bird, "--out", "out", *options.split())
    assert_one_line(outcome, 2, *words)
    assert outcome.out == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"bird.wav", "out"}
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("option", ["--class", "--objective", "--name", "--out", "--target"])
@pytest.mark.parametrize("value", [[""], [" "], "="])
def test_options_without_a_value(
    command: Command,
    bird: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    value: list[str] | str,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [f"{option}="] if value == "=" else [option, *value]
    outcome = command("render", bird, *words)
    assert_one_line(outcome, 2, f"{option} has no value: pass one after it")
    assert {path.name for path in tmp_path.iterdir()} == {"bird.wav"}


def test_fast_on_a_processor_without_bfloat16(
    command: Command, bird: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamsound_studio.recipe.precision.multiplies_bfloat16", lambda: False)
    outcome = command("render", bird, "--precision", "fast")
    assert_one_line(outcome, 2, "precision fast needs", "AVX512_BF16 or AMX_BF16")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("rendr bird.wav", ["unknown command 'rendr': did you mean render"]),
        ("zzz", ["unknown command 'zzz'", "classes"]),
        ("--colour", ["unknown option --colour: see dreamsound --help"]),
        ("render --out out", ["no INPUT: see dreamsound render --help"]),
        ("batch sounds", ["no --out: see dreamsound batch --help"]),
        ("presets copy a b c", ["unexpected c: see dreamsound presets copy --help"]),
        ("presets shwo", ["unknown command 'shwo': did you mean show?"]),
        ("listen bird.wav --top 0", ["--top: use 1 or more, not '0'"]),
        ("presets blend a b half", ["SHARE: use a number, not 'half'"]),
        ("rpp a.rpp --placement up", ["--placement: use one of takes, track, glue, not 'up'"]),
        ("render nowhere.wav", ["nowhere.wav: No such file"]),
        ("render a.wav b.wav --out out --from-render c.wav", ["--from-render", "one INPUT"]),
        ("classes --search qqqq", ["no class contains 'qqqq'"]),
        ("classes --model yamnt", ["Did you mean yamnet"]),
        ("layers --model yamnt", ["Did you mean yamnet"]),
    ],
)
def test_commands_that_make_no_sense(command: Command, arguments: str, words: list[str]) -> None:
    outcome = command(*arguments.split())
    assert_one_line(outcome, 2, *words)
    assert outcome.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        *(f"queue {name} 99" for name in ("show", "remove", "cancel", "finish", "retry", "wait")),
        "queue remove 98",
        "queue move 99 --top",
        "queue list --state nope",
        "queue clear --state nope",
        *(f"library {name} 99" for name in ("show", "star 99", "forget")),
        "library tag 99 x",
        "library note 99 x",
        *(f"presets {name} nope" for name in ("show", "delete", "rename nope", "copy nope")),
        "presets save x --from nope",
        "presets export nope -",
        "presets diff nope nope",
        "presets blend nope nope 0.5",
        "presets import nope.json",
        *(f"models {name} nope" for name in ("info", "path", "pull", "remove")),
        "models pull own --from nope",
        "recipe show nope.json",
        *(f"{name} nope.wav --preset nope" for name in ("render", "batch --out o", "listen")),
        *(f"{name} nope.wav --recipe nope" for name in ("render", "batch --out o", "listen")),
        *(f"{name} --model nope" for name in ("classes", "layers", "listen nope.wav")),
        *(f"{name} nope.wav" for name in ("render", "listen", "plot", "redo", "queue add")),
        "units nope.wav --layer layer7",
        "vary nope.wav --grid seed=1",
        "batch nope --out out",
        "rpp nope.rpp",
        "submit nope",
        "library verify nope",
        "reaper favourite add nope",
        "presets nope",
        "queue nope",
    ],
)
def test_what_does_not_exist_is_bad_input_in_every_command(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(QUEUE_VARIABLE, str(tmp_path / "queue.sqlite"))
    monkeypatch.setenv(LIBRARY_VARIABLE, str(tmp_path / "library.sqlite"))
    outcome = command(*arguments.split())
    assert_one_line(outcome, 2)
    assert outcome.out == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"queue.sqlite", "library.sqlite"}


def test_an_unknown_model_ends_a_render_of_several_sounds_with_its_code(
    command: Command, bird: Path, tmp_path: Path
) -> None:
    other = write_sound(tmp_path / "other.wav", chirp())
    outcome = command("render", bird, other, "--out", tmp_path / "out", "--model", "nope")
    assert_one_line(outcome, 2, "Unknown model 'nope'")


def test_debug_shows_where_it_came_from(command: Command, bird: Path, tmp_path: Path) -> None:
    for arguments in (("--class", "Whistlng"), ("--span", "100:")):
        outcome = command("render", bird, "--out", tmp_path / "out", *arguments, "--debug")
        assert outcome.code == 2
        assert "Traceback (most recent call last)" in outcome.err
        assert outcome.messages[-1].startswith("dreamsound: ")


# -- files that are not well (no model is loaded for them either) ---------------------------------


def no_bytes(path: Path) -> None:
    path.write_bytes(b"")


def some_text(path: Path) -> None:
    path.write_text("dreams are made on\n" * 99)


def a_folder(path: Path) -> None:
    path.mkdir()


def no_frames(path: Path) -> None:
    soundfile.write(path, np.zeros((0, 1)), RATE)


def many_channels(path: Path) -> None:
    soundfile.write(path, np.zeros((99, 25)), RATE)


def too_slow(path: Path) -> None:
    soundfile.write(path, np.zeros(99), 7999)


def too_fast(path: Path) -> None:
    soundfile.write(path, np.zeros(99), 400_000)


def not_numbers(path: Path) -> None:
    values = chirp()
    values[0, 8000] = np.nan
    soundfile.write(path, values.T, RATE, subtype="FLOAT")


def header_alone(path: Path) -> None:
    write_sound(path, chirp())
    path.write_bytes(path.read_bytes()[:44])


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (None, "No such file"),
        (no_bytes, "the file is empty"),
        (some_text, "not a readable sound file"),
        (a_folder, "no audio files found in"),
        (no_frames, "no samples"),
        (many_channels, "25 channels"),
        (too_slow, "7999 Hz"),
        (too_fast, "400000 Hz"),
        (not_numbers, "NaN or infinity (samples affected: 1, the first at 0.500 s"),
        (header_alone, "no samples"),
    ],
)
def test_files_that_are_not_well(
    command: Command, tmp_path: Path, make: Callable[[Path], None] | None, word: str
) -> None:
    path = tmp_path / "bad.wav"
    if make is not None:
        make(path)
    outcome = command("render", path, "--out", tmp_path / "out", "--json")
    assert_one_line(outcome, 2, str(path), word)
    assert [(report["input"], report["exit_code"]) for report in outcome.inputs] == [(str(path), 2)]
    assert f"dreamsound: {outcome.inputs[0]['error']}" == outcome.messages[0]
    assert not list(tmp_path.glob("out/*"))


def test_a_span_after_the_end(command: Command, bird: Path, tmp_path: Path) -> None:
    outcome = command("render", bird, "--out", tmp_path / "out", "--span", "5s-6s")
    assert_one_line(outcome, 2, "0.60 s long", "the span from 5.00 s is empty")


def test_an_earlier_dream_that_is_not_there(command: Command, bird: Path, tmp_path: Path) -> None:
    outcome = command("render", bird, "--out", tmp_path / "o", "--from-render", tmp_path / "no.wav")
    assert_one_line(outcome, 2, "no.wav: No such file")


# -- unavailable folders and models ---------------------------------------------------------------


def test_an_out_folder_that_is_a_file(command: Command, bird: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    for out in (tmp_path / "out", tmp_path / "out" / "below"):
        assert_one_line(command("render", bird, "--out", out), 2, f"folder {out}")


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_an_out_folder_in_which_nothing_can_be_made(command: Command, bird: Path) -> None:
    assert_one_line(command("render", bird, "--out", "/proc/dreams"), 2, "/proc/dreams")


def test_a_render_that_is_there_already(command: Command, bird: Path, tmp_path: Path) -> None:
    for name in ("bird_hardcut.wav", "bird_dream_step2.wav"):
        out = tmp_path / name.removesuffix(".wav")
        out.mkdir()
        (out / name).write_text("mine")
        outcome = command("render", bird, "--out", out, "--steps", 4, "--keep-steps", 2)
        assert_one_line(outcome, 2, f"{name}: already exists", "--overwrite")
        assert [path.name for path in out.iterdir()] == [name]
        assert (out / name).read_text() == "mine"


def test_a_model_that_is_not_to_be_had(
    command: Command, bird: Path, bare_machine: Path, tmp_path: Path
) -> None:
    other = write_sound(tmp_path / "other.wav", chirp())
    for model, named in (("yamnet", ["yamnet"]), ("auto", ["yamnet", "mtt-musicnn"])):
        outcome = command(
            "render", bird, other, "--out", tmp_path / "out", "--model", model, "--json"
        )
        lines = outcome.err.splitlines()
        # Nobody listens at port 9 of this machine (discard).
        fetching = [
            f"dreamsound: downloading {name} from http://127.0.0.1:9/{name}/1" for name in named
        ]
        assert lines[: len(named)] == fetching
        outcome = replace(outcome, err="\n".join(lines[len(named) :]) + "\n")
        # The second cannot load it either: it is reported once.
        assert_one_line(outcome, 3, str(bare_machine), "pull yamnet --from", MODELS_VARIABLE)
        assert [report["exit_code"] for report in outcome.inputs] == [3]
    assert not list(tmp_path.glob("out/*"))


# -- several inputs -------------------------------------------------------------------------------


def test_if_all_inputs_are_bad_for_one_reason_that_is_the_exit_code(
    command: Command, tmp_path: Path
) -> None:
    outcome = command("render", tmp_path / "a.wav", tmp_path / "b.wav", "--out", tmp_path / "out")
    assert (outcome.code, len(outcome.messages)) == (2, 2)


# -- what can only be seen with the model at hand -------------------------------------------------


def silent(path: Path) -> None:
    write_sound(path, np.zeros((1, 8000), np.float32))


def as_good_as_silent(path: Path) -> None:
    soundfile.write(path, np.full(8000, 1e-9), RATE, subtype="FLOAT")


def mono(path: Path) -> None:
    write_sound(path, chirp())


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (silent, "", ["bad.wav", "silent"]),
        (as_good_as_silent, "", ["silent"]),
        (mono, "--channels mid-side", ["bad.wav: channels mid-side needs two channels, not 1"]),
        (mono, "--method target --target silent.wav", ["silent.wav", "silent"]),
        (mono, "--from-render silent.wav", ["silent.wav", "silent"]),
        (mono, "--from-render short.wav", ["short.wav", "16000 Hz, 1 channels, 8000 samples"]),
    ],
)
def test_sounds_that_cannot_be_dreamed(
    dream: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], None],
    options: str,
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    silent(tmp_path / "silent.wav")
    write_sound(tmp_path / "short.wav", chirp(0.5))
    make(tmp_path / "bad.wav")
    outcome = dream("bad.wav", "--out", "out", *options.split())
    assert_one_line(outcome, 2, *words)
    assert not list(tmp_path.glob("out/*"))


def test_one_bad_file_does_not_stop_the_others(
    dream: Command, bird: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent(tmp_path / "silent.wav")
    some_text(tmp_path / "text.wav")
    last = write_sound(tmp_path / "last.wav", chirp())
    inputs = [tmp_path / "text.wav", bird, tmp_path / "silent.wav", tmp_path / "none.wav", last]
    before = {path: path.read_bytes() for path in inputs if path.exists()}
    outcome = dream(*inputs, "--out", tmp_path / "out", "--renders", "dream", "--json")
    assert outcome.code == 4
    assert [report["input"] for report in outcome.inputs] == [str(path) for path in inputs]
    assert [report.get("exit_code") for report in outcome.inputs] == [2, None, 2, 2, None]
    assert len(outcome.messages) == 3
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "bird_dream.wav",
        "last_dream.wav",
    }
    assert {path: path.read_bytes() for path in before} == before


def test_an_error_that_nobody_thought_of_does_not_stop_the_others_either(
    dream: Command, bird: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dreamsound_studio.cli.shared.reading as module

    def fails_for_bird(path: str, span: str | None) -> object:
        if path == str(bird):
            raise ZeroDivisionError("a bug,\nin two lines")
        return read_source(path, span)

    read_source = module.read_source
    monkeypatch.setattr(module, "read_source", fails_for_bird)
    last = write_sound(tmp_path / "last.wav", chirp())
    outcome = dream(bird, last, "--out", tmp_path / "out", "--renders", "dream", "--json")
    assert_one_line(outcome, 4, str(bird), "ZeroDivisionError: a bug, in two lines", "--debug")
    assert [report.get("exit_code") for report in outcome.inputs] == [1, None]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["last_dream.wav"]


def test_a_truncated_file_is_dreamed_as_far_as_it_goes(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    bird.write_bytes(bird.read_bytes()[: 44 + 3 * 8000])
    outcome = dream(bird, "--out", tmp_path / "out", "--renders", "dream", "--json")
    assert_one_line(outcome, 0, str(bird), "shorter than its header says", "0.50 s")
    assert outcome.inputs[0]["samples"] == 8000
    assert f"dreamsound: {outcome.inputs[0]['warnings'][0]}" == outcome.messages[0]


def test_a_disk_that_is_full_leaves_no_partial_file(
    dream: Command, bird: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dreamsound_studio.render.write as module

    write_blocks, calls = module.write_blocks, []

    def fill_up(path: Path, blocks: list[Floats], **named: object) -> None:
        calls.append(path)
        # The second render meets the real thing.
        write_blocks(Path("/dev/full") if len(calls) == 2 else path, blocks, **named)

    monkeypatch.setattr(module, "write_blocks", fill_up)
    outcome = dream(bird, "--out", tmp_path / "out")
    assert_one_line(outcome, 2, "bird_gradient.wav: cannot write; the disk may be full")
    assert len(calls) == 2
    assert not (tmp_path / "out").exists()


def test_a_file_system_without_room_leaves_no_partial_file(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted here")
    try:
        outcome = dream(bird, "--out", small / "out", "--bits", "32f")
        assert_one_line(outcome, 2, "cannot write; the disk may be full")
        assert not (small / "out").exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)
