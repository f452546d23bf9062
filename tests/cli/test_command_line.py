"""The command line as a user meets it: real sounds in, real files, one-line errors, exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

from dreamsound.cli import main
from dreamsound.recipe import Recipe

if TYPE_CHECKING:
    from dreamsound.models.base import Model

RATE = 16_000


def tone(seconds: float = 1.2, channels: int = 1) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).standard_normal((len(t), channels)) * 0.003
    return 0.2 * np.sin(2 * np.pi * (1200 * t + 100 * np.sin(9 * t)))[:, None] + noise


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(), RATE, "PCM_16")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.yamnet
def test_a_render_tells_all_of_itself_in_json(
    yamnet: Model, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sound.read_bytes()
    code, out, err = run(
        capsys, "render", sound, "--out", tmp_path / "o", "--steps", 2, "--renders", "all",
        "--keep-steps", "all", "--json",
    )  # fmt: skip
    assert code == 0
    told: dict[str, Any] = json.loads(out)["inputs"][0]
    assert told["input"] == str(sound)
    assert (told["sample_rate_hz"], told["channels"]) == (RATE, 1)
    assert told["samples"] == round(1.2 * RATE)
    assert told["model"] == "yamnet"
    assert told["weights_sha256"] == yamnet.weights_sha256
    assert {"device", "gain_db"} <= set(told)
    assert [set(step) >= {"step", "class", "score", "loss", "seconds"} for step in told["steps"]]
    assert [step["step"] for step in told["steps"]] == [1, 2]
    assert set(told["final"]) >= {"class", "score", "loss"}
    assert set(told["renders"]) == {
        "dream", "gradient", "hardcut", "filtered", "difference", "dream_step1",
    }  # fmt: skip
    assert Recipe.model_validate(told["recipe"]).steps == 2
    for name, place in told["renders"].items():
        path = Path(place)
        assert path.name == f"tone_{name}.wav"
        info = soundfile.info(path)
        assert (info.frames, info.samplerate, info.subtype) == (told["samples"], RATE, "PCM_24")
    assert sound.read_bytes() == before
    assert "step 1/2" in err
    assert "loss" in err
    source = soundfile.read(sound, dtype="int32")[0] >> 8
    dream, difference = (
        soundfile.read(told["renders"][name], dtype="int32")[0] >> 8
        for name in ("dream", "difference")
    )
    assert np.max(np.abs(source + difference - dream)) <= 1


@pytest.mark.yamnet
def test_the_same_command_gives_the_same_bytes(
    yamnet: Model, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for name in ("a", "b"):
        code, _, _ = run(
            capsys, "render", sound, "--out", tmp_path / name, "--steps", 2, "--bits", "32f",
            "--method", "filter-add", "--renders", "all",
        )  # fmt: skip
        assert code == 0
        files.append({p.name: p.read_bytes() for p in sorted((tmp_path / name).iterdir())})
    assert len(files[0]) == 5
    assert files[0] == files[1]


@pytest.mark.yamnet
def test_one_bad_file_does_not_stop_the_others(
    yamnet: Model, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o"
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    code, _, err = run(capsys, "render", bad, sound, "--out", out, "--steps", 1)
    assert code == 4
    assert sorted(p.name for p in out.iterdir()) == [
        "tone_dream.wav", "tone_gradient.wav", "tone_hardcut.wav",
    ]  # fmt: skip
    assert "bad.wav" in err
    # What is there is not replaced unless that is asked for; the source is not in any case.
    assert run(capsys, "render", sound, "--out", out, "--steps", 1)[0] == 2
    assert run(capsys, "render", sound, "--out", out, "--steps", 1, "--overwrite")[0] == 0
    assert not list(out.glob(".*"))


@pytest.mark.yamnet
def test_a_span_starts_on_the_grid_and_a_render_goes_on(
    yamnet: Model, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(
        capsys,
        "render",
        sound,
        "--out",
        tmp_path / "s",
        "--span",
        "0.6:1.0",
        "--steps",
        1,
        "--json",
    )
    told = json.loads(out)["inputs"][0]
    assert code == 0
    assert (told["start"], told["samples"]) == (round(0.48 * RATE), round(0.52 * RATE))
    earlier = tmp_path / "e"
    assert run(capsys, "render", sound, "--out", earlier, "--steps", 1)[0] == 0
    code, _, _ = run(
        capsys, "render", sound, "--out", tmp_path / "on", "--steps", 1,
        "--from-render", earlier / "tone_dream.wav",
    )  # fmt: skip
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--class", "Whistlin"], "Whistling"),
        (["--layer", "layer77"], "layer"),
        (["--method", "ad"], "method"),
        (["--steps", "0"], "steps"),
        (["--strength", "-1"], "strength"),
        (["--hop-samples", "2000"], "hop_samples"),
        (["--flip"], "flip"),
        (["--method", "filter", "--flip", "--carrier", "target"], "flip"),
        (["--method", "target"], "target"),
        (["--target", "tone.wav"], "does not use"),
        (["--level", "raw"], "32f"),
        (["--format", "flac", "--bits", "32f"], "wav"),
        (["--span", "3"], "START:END"),
        (["--renders", "drem"], "drem"),
        (["--keep-steps", "0"], "keep_steps"),
        (["--layer", "layer7", "--class", "Dog"], "objective"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_bad_options_are_one_line_and_exit_2(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    out = tmp_path / "o"
    code, printed, err = run(capsys, "render", sound, "--out", out, *arguments)
    assert code == 2
    assert word in err
    assert err.startswith("dreamsound: ")
    assert len(err.strip().splitlines()) == 1
    assert printed == ""
    assert not out.exists() or not list(out.iterdir())


def test_bad_sounds_are_one_line_and_exit_2(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("not a sound at all")
    (tmp_path / "frames.wav").write_bytes(sound.read_bytes()[:44])
    broken = tone()
    broken[5] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, RATE, "FLOAT")
    soundfile.write(tmp_path / "rate.wav", tone(), 7999)
    soundfile.write(tmp_path / "nine.wav", tone(channels=9), RATE)
    for name in ("missing", "empty", "text", "frames", "nan", "rate", "nine"):
        code, _, err = run(capsys, "render", tmp_path / f"{name}.wav", "--out", tmp_path / "o")
        lines = [line for line in err.splitlines() if line.startswith("dreamsound: ")]
        assert (code, len(lines)) == (2, 1), err
        assert f"{name}.wav" in lines[0]
    assert not list((tmp_path / "o").iterdir())
    assert run(capsys, "render", tmp_path, "--out", tmp_path / "o")[0] == 2
    assert run(capsys, "render", sound, "--out", sound)[0] == 2


@pytest.mark.yamnet
def test_a_silent_sound_is_one_line_and_exit_2(
    yamnet: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "mute.wav", np.zeros(8000), RATE)
    code, _, err = run(capsys, "render", tmp_path / "mute.wav", "--out", tmp_path / "o")
    assert code == 2
    assert "silent" in err


def test_a_model_that_is_not_to_be_had_is_exit_3(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(
        capsys, "render", sound, "--out", tmp_path / "o", "--model", tmp_path / "no.h5"
    )
    assert code == 3
    assert len(err.strip().splitlines()) == 1


def test_nothing_that_only_looks_imports_tensorflow() -> None:
    code = (
        "import sys; from dreamsound.cli import main; import dreamsound, dreamsound.render; "
        "codes = [main(a) for a in (['--help'], ['classes', '--search', 'bell'], ['layers'], "
        "['render', '--help'], ['render', 'missing.wav', '--out', 'o', '--steps', '0'])]; "
        "sys.exit(1 if 'tensorflow' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Church bell" in done.stdout
    assert "layer14/pointwise_conv" in done.stdout


@pytest.mark.yamnet
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 5)])
def test_a_signal_leaves_nothing_half_written(
    yamnet: Model, sound: Path, tmp_path: Path, number: signal.Signals, expected: int
) -> None:
    out = tmp_path / "o"
    process = subprocess.Popen(
        [sys.executable, "-m", "dreamsound", "render", sound, "--out", out, "--steps", "9999"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "step 2/" in line:
            break
    process.send_signal(number)
    started = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == expected
    assert time.monotonic() - started < 60
    assert not list(out.iterdir())
