"""``dreamsound render``: what it writes, says and prints for a sound that can be dreamed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from dreamsound_studio.cli.shared.progress import StepLine
from dreamsound_studio.recipe.recipe import Recipe

from .conftest import RATE, Command, chirp, process, write_sound

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

# The loop's own values, so that sounds can be compared bit by bit.
RAW = ("--level", "raw", "--bits", "32f", "--renders", "dream")


def stored(path: str | Path) -> npt.NDArray[np.float64]:
    return soundfile.read(path, dtype="float64", always_2d=True)[0].T


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# -- what is reported -----------------------------------------------------------------------------


def test_json_holds_all_that_the_issue_lists(
    dream: Command, yamnet: YamNet, bird: Path, tmp_path: Path
) -> None:
    out = tmp_path / "made" / "on the way"
    before = bird.read_bytes()
    outcome = dream(bird, "--out", out, "--json", "--renders", "all")
    assert outcome.code == 0
    [report] = outcome.inputs
    kinds = {
        "input": str,
        "model": str,
        "weights_sha256": str,
        "device": str,
        "sample_rate_hz": int,
        "channels": int,
        "samples": int,
        "gain_db": float,
        "steps": list,
        "final": dict,
        "renders": dict,
        "recipe": dict,
    }
    assert {name: type(report[name]) for name in kinds} == kinds
    for step in report["steps"]:
        kinds = {"step": int, "class": str, "score": float, "loss": float, "seconds": float}
        assert {name: type(step[name]) for name in kinds} == kinds
    assert {name: type(report["final"][name]) for name in ("class", "score", "loss")} == {
        "class": str,
        "score": float,
        "loss": float,
    }
    assert (report["input"], report["model"]) == (str(bird), "yamnet")
    assert report["weights_sha256"] == yamnet.weights_sha256
    assert report["device"].startswith(("CPU", "GPU"))
    assert (report["sample_rate_hz"], report["channels"], report["samples"]) == (RATE, 1, 9600)
    assert [step["step"] for step in report["steps"]] == [1, 2]
    recipe = Recipe.model_validate(report["recipe"])
    assert (recipe.model, recipe.steps) == ("yamnet", 2)
    # All five, where the report says, as long as the source, and the source untouched.
    assert list(report["renders"]) == ["dream", "gradient", "hardcut", "filtered", "difference"]
    for name, path in report["renders"].items():
        assert path == str(out / f"bird_{name}.wav")
        info = soundfile.info(path)
        assert (info.frames, info.samplerate, info.subtype) == (9600, RATE, "PCM_24")
    assert names(out) == {Path(path).name for path in report["renders"].values()}
    assert bird.read_bytes() == before
    total = stored(bird) + stored(report["renders"]["difference"])
    assert np.max(np.abs(total - stored(report["renders"]["dream"]))) <= 2.0**-23


def test_progress_is_in_plain_lines_where_there_is_no_terminal(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    outcome = dream(bird, "--out", tmp_path / "out", "--class", "Cat", "--steps", 3)
    assert (outcome.code, outcome.out) == (0, "")
    steps = [line for line in outcome.err.splitlines() if ": step " in line]
    for number, line in enumerate(steps, 1):
        assert line.startswith(f"{bird}: step {number}/3, loss -")
        assert ", Cat" in line
        assert re.search(r" s, ETA \d+:\d\d$", line) or number in (1, 3)
    assert len(steps) == 3
    assert "?" not in outcome.err
    # The last step's line has the score of the result, not that of a jittered step.
    again = dream(bird, "--out", tmp_path / "b", "--class", "Cat", "--steps", 3, "--json")
    before, after = (again.inputs[0][which]["score"] for which in ("initial", "final"))
    assert f"{bird}: Cat {before:.3f} → {after:.3f}" in outcome.err.splitlines()
    assert f", Cat {after:.3f}, " in steps[-1]
    assert "\x1b" not in outcome.err
    assert all(line.startswith(f"dreamsound: {bird}: ") for line in outcome.messages)


def test_options_reach_the_recipe_and_a_recipe_decides_every_byte(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    fields = {
        "method": "filter-add",
        "class": "Whistling",
        "at": "score",
        "strength": 0.05,
        "threshold_db": -30.5,
        "threshold_ref": "span",
        "knee_db": 6.0,
        "fft_size": 1024,
        "hop_samples": 256,
        "follow_envelope": 0.5,
        "channels": "independent",
        "air": "mask",
        "seed": 7,
        "patch_hop": 0.75,
        "block_patches": 8,
    }
    options = [part for name, value in fields.items() for part in (f"--{name}", value)]
    arguments = [str(part).replace("_", "-") for part in options]
    flags = ["--invert-mask", "--no-jitter", "--no-restore-level", "--json"]
    made = []
    for out in ("a", "b"):
        outcome = dream(bird, "--out", tmp_path / out, *arguments, *flags)
        assert outcome.code == 0
        [report] = outcome.inputs
        made.append({name: Path(path).read_bytes() for name, path in report["renders"].items()})
    recipe = report["recipe"]
    assert {name: recipe[name] for name in fields} == fields
    assert (recipe["invert_mask"], recipe["jitter"], recipe["restore_level"]) == (
        True,
        False,
        False,
    )
    assert made[0] == made[1]
    assert len(made[0]) == 3


def test_paper_is_short_for_the_papers_fields(dream: Command, bird: Path, tmp_path: Path) -> None:
    outcome = dream(bird, "--out", tmp_path / "out", "--paper", "--jitter", "--json")
    recipe = outcome.inputs[0]["recipe"]
    values = [
        recipe[name] for name in ("strength_ref", "normalise", "at", "restore_level", "jitter")
    ]
    assert values == ["absolute", "before", "score", False, True]


# -- spans, recursion, kept steps -----------------------------------------------------------------


def test_a_span_is_rendered_as_asked_and_nulls_with_its_part_of_the_source(
    dream: Command, tmp_path: Path
) -> None:
    song = write_sound(tmp_path / "song.wav", chirp(2.0))
    outcome = dream(
        song, "--out", tmp_path / "out", "--span", "1.2s-1.5s", "--json", "--renders", "all"
    )
    assert outcome.code == 0
    [report] = outcome.inputs
    # 1.2 s is not on the patch grid of 0.48 s, and is not moved onto it.
    assert (report["start"], report["samples"]) == (19_200, 24_000 - 19_200)
    renders = {name: stored(path) for name, path in report["renders"].items()}
    assert all(values.shape == (1, report["samples"]) for values in renders.values())
    part = stored(song)[:, 19_200:24_000]
    assert np.max(np.abs(part + renders["difference"] - renders["dream"])) <= 2.0**-23
    assert np.max(np.abs(renders["difference"])) > 1e-3


def test_going_on_from_a_render_is_going_on(dream: Command, bird: Path, tmp_path: Path) -> None:
    # Without jitter no step knows its number: two and two steps are four.
    plain = (*RAW, "--no-jitter", "--class", "Cat")
    for out, options in (
        ("four", ("--steps", 4, "--keep-steps", 2)),
        ("two", ("--steps", 2)),
        ("more", ("--steps", 2, "--from-render", tmp_path / "two" / "bird_dream.wav")),
    ):
        assert dream(bird, "--out", tmp_path / out, *plain, *options).code == 0
    four, more = stored(tmp_path / "four/bird_dream.wav"), stored(tmp_path / "more/bird_dream.wav")
    np.testing.assert_allclose(more, four, atol=1e-5)
    assert np.max(np.abs(four - stored(tmp_path / "two/bird_dream.wav"))) > 1e-3
    # A kept step is what as many steps alone make.
    assert names(tmp_path / "four") == {"bird_dream.wav", "bird_dream_step2.wav"}
    kept = stored(tmp_path / "four/bird_dream_step2.wav")
    np.testing.assert_array_equal(kept, stored(tmp_path / "two/bird_dream.wav"))


def test_all_steps_may_be_kept(dream: Command, bird: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = dream(bird, "--out", out, *RAW, "--keep-steps", "all", "--steps", 3, "--json")
    assert outcome.code == 0
    assert set(outcome.inputs[0]["renders"]) == {"dream", "dream_step1", "dream_step2"}
    assert len({path.read_bytes() for path in out.iterdir()}) == 3


# -- sounds at the limits -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "rate", "channels", "options"),
    [
        (1, RATE, 1, ()),
        (1, RATE, 2, ("--channels", "mid-side")),
        (5000, RATE, 8, ("--method", "filter")),
    ],
)
def test_sounds_at_the_limits_are_dreamed(
    dream: Command, tmp_path: Path, length: int, rate: int, channels: int, options: tuple[str, ...]
) -> None:
    values = chirp(1.0, rate, channels)[:, 100 : 100 + length]
    path = write_sound(tmp_path / "edge.wav", values, rate)
    outcome = dream(path, "--out", tmp_path / "out", "--json", *options)
    assert outcome.code == 0, outcome.err
    for render in outcome.inputs[0]["renders"].values():
        assert stored(render).shape == (channels, length)
        assert np.all(np.isfinite(stored(render)))


def test_a_target_lends_its_class_and_its_timbre(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    target = write_sound(tmp_path / "target.wav", chirp(0.3)[:, ::-1])
    before = target.read_bytes()
    outcome = dream(
        bird, "--out", tmp_path / "out", "--method", "target", "--target", target, "--json"
    )
    assert outcome.code == 0
    recipe = outcome.inputs[0]["recipe"]
    assert (recipe["target"], recipe["class"]) == (str(target), "target")
    assert target.read_bytes() == before


# -- nothing is replaced by accident --------------------------------------------------------------


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_two_inputs_of_one_name_the_first_is_kept(
    dream: Command, bird: Path, tmp_path: Path, overwrite: bool
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_sound(other / "bird.wav", chirp()[:, ::-1])
    out = tmp_path / "out"
    options = ["--overwrite"] if overwrite else []
    outcome = dream(bird, other / "bird.wav", "--out", out, *RAW, *options, "--json")
    assert outcome.code == 4
    [line] = outcome.messages
    assert f"{out / 'bird_dream.wav'}: already exists" in line
    assert str(other / "bird.wav") in line
    assert stored(outcome.inputs[0]["renders"]["dream"])[0] @ chirp()[0] > 0
    assert dream(bird, "--out", tmp_path / "alone", *RAW).code == 0
    alone = (tmp_path / "alone" / "bird_dream.wav").read_bytes()
    assert (out / "bird_dream.wav").read_bytes() == alone


def test_overwrite_replaces_renders_but_no_input(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    assert dream(bird, "--out", tmp_path, *RAW).code == 0
    earlier = tmp_path / "bird_dream.wav"
    first = earlier.read_bytes()
    # As an input of the same command it must not be replaced by the render of another.
    outcome = dream(bird, earlier, "--out", tmp_path, *RAW, "--overwrite", "--class", "Cat")
    assert outcome.code == 4
    assert "bird_dream.wav: already exists as a source" in outcome.messages[0]
    assert earlier.read_bytes() == first
    assert (tmp_path / "bird_dream_dream.wav").exists()
    # Nor what it continues from.
    outcome = dream(bird, "--out", tmp_path, *RAW, "--overwrite", "--from-render", earlier)
    assert (outcome.code, earlier.read_bytes()) == (2, first)
    assert dream(bird, "--out", tmp_path, *RAW, "--overwrite", "--class", "Cat").code == 0
    assert earlier.read_bytes() != first


# -- interruptions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGTERM, 5, "Cancelled. No files written."),
        (signal.SIGINT, 130, "Interrupted. No partial files left."),
    ],
)
@pytest.mark.parametrize("when", ["stepping", "writing"])
def test_a_signal_ends_the_command_without_partial_files(
    dream: Command,
    bird: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    code: int,
    line: str,
    when: str,
) -> None:
    def strike(self: StepLine, *_: object) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr(StepLine, "step" if when == "stepping" else "note", strike)
    other = write_sound(tmp_path / "other.wav", chirp())
    handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    outcome = dream(bird, other, "--out", tmp_path / "out", "--steps", 50)
    assert outcome.code == code
    assert len(outcome.messages) == 1
    assert outcome.messages[0].startswith("dreamsound: ")
    assert line in outcome.messages[0]
    assert not (tmp_path / "out").exists()
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == handlers


def test_only_folders_that_the_command_made_and_left_empty_go(
    dream: Command, bird: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    here = tmp_path / "here"
    here.mkdir()
    assert dream(broken, "--out", here / "deep" / "out").code == 2
    assert names(here) == set()
    assert dream(broken, "--out", here).code == 2
    assert here.is_dir()
    assert dream(bird, "--out", here / "deep" / "out", "--renders", "dream").code == 0
    assert names(here / "deep" / "out") == {"bird_dream.wav"}


def test_a_signal_before_the_first_step_counts_too(
    dream: Command, bird: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yamnet: YamNet
) -> None:
    def slow_to_load(_: str) -> YamNet:
        signal.raise_signal(signal.SIGTERM)
        return yamnet

    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", slow_to_load)
    outcome = dream(bird, "--out", tmp_path / "out", "--json")
    assert (outcome.code, (tmp_path / "out").exists()) == (5, False)
    assert outcome.inputs[0]["exit_code"] == 5


# -- in a process of its own ----------------------------------------------------------------------


@pytest.mark.yamnet
def test_a_process_prints_json_and_nothing_but_progress_beside_it(
    yamnet: YamNet, bird: Path, tmp_path: Path
) -> None:
    words = ("render", bird, "--out", tmp_path / "out", *RAW, "--method", "add", "--steps", 2)
    with process(*words, "--json") as run:
        out, err = run.communicate(timeout=300)
    assert run.returncode == 0, err
    [report] = json.loads(out)["inputs"]
    assert report["weights_sha256"] == yamnet.weights_sha256
    # TensorFlow's chatter, above all, is not to be seen.
    scores = [report[which]["score"] for which in ("initial", "final")]
    assert [line.partition(", ")[0] for line in err.splitlines()] == [
        f"{bird}: step 1/2",
        f"{bird}: step 2/2",
        f"{bird}: {report['final']['class']} {scores[0]:.3f} → {scores[1]:.3f}",
    ]


@pytest.mark.yamnet
@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")
@pytest.mark.usefixtures("yamnet")
def test_on_a_terminal_one_live_line_shows_step_class_loss_and_eta_until_ctrl_c(
    tmp_path: Path,
) -> None:
    import pty

    name = "a bird that was heard long ago and far away"
    sound = write_sound(tmp_path / f"{name}.wav", chirp())
    out = tmp_path / "out"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "dreamsound_studio", "render", sound, "--out", out]
    options = ["--method", "add", "--steps", "900", "--class", "Whistling"]
    with subprocess.Popen(
        [*command, *options],
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
        # Its own session, with the terminal to receive Ctrl-C from.
        preexec_fn=lambda: take_terminal(theirs),
    ) as run:
        os.close(theirs)
        # The line is drawn a few times a second: not every step is seen.
        drawn = rb"step \d\d+/900, ETA \d+:\d\d, loss -?[\d.e-]+, Whistling 0\.\d{3}"
        shown = read_until(ours, drawn)
        os.write(ours, b"\x03")
        shown += read_until(ours, None)
        assert run.stdout is not None
        assert run.stdout.read() == b""
    os.close(ours)
    assert run.returncode == 130
    assert not out.exists()
    text = shown.decode()
    assert "a bird …way.wav" in text
    assert "Interrupted. No partial files left." in text
    assert "Traceback" not in text
    # One line that is drawn again, not a line a step.
    assert text.count("\n") < 10


def take_terminal(descriptor: int) -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


def read_until(descriptor: int, mark: bytes | None, seconds: float = 240) -> bytes:
    """Read a terminal until it shows `mark`, a regular expression, or to the end."""
    shown, last = b"", time.monotonic() + seconds
    while (mark is None or not re.search(mark, shown)) and time.monotonic() < last:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # the other side was closed
            break
        if not piece:
            break
        shown += piece
    assert mark is None or re.search(mark, shown), shown[-2000:].decode(errors="replace")
    return shown


def test_a_finished_line_says_what_became_of_the_score(
    monkeypatch: pytest.MonkeyPatch, dream: Command, bird: Path, tmp_path: Path
) -> None:
    notes: list[Any] = []
    monkeypatch.setattr(StepLine, "note", lambda _, text: notes.append(text))
    outcome = dream(bird, "--out", tmp_path / "out", "--class", "Cat", "--json")
    [report] = outcome.inputs
    assert notes == [
        "writing dream",
        "writing gradient",
        "writing hardcut",
        f"Cat {report['initial']['score']:.3f} → {report['final']['score']:.3f}",
    ]
