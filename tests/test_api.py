"""``import dreamsound_studio as dreamsound``: a dream in one call."""

from __future__ import annotations

import ast
import base64
import inspect
import io
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

import dreamsound_studio as dreamsound
from dreamsound_studio import api
from dreamsound_studio.audio.clip import AudioFileWarning
from dreamsound_studio.audio.source import CONTEXT_SECONDS, read_source
from dreamsound_studio.control import Control
from dreamsound_studio.dream.records import StepEvent

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

RATE = 16_000


def chirp(seconds: float = 0.6) -> npt.NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * (900 * time + 600 * time**2))).astype(np.float32)[None]


@pytest.fixture
def bird(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "bird.wav", chirp().T, RATE, subtype="FLOAT")
    return tmp_path / "bird.wav"


def recipe(**fields: object) -> dreamsound.Recipe:
    return dreamsound.Recipe.make(**({"steps": 2, "class_": "Whistling"} | fields))


def test_every_public_name_is_there() -> None:
    for name in dreamsound.__all__:
        assert getattr(dreamsound, name) is not None
    assert dir(dreamsound) == sorted(dreamsound.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nightmare'"):
        _ = dreamsound.nightmare  # type: ignore[attr-defined]


def test_the_folder_called_dream_is_called_as_the_function() -> None:
    import dreamsound_studio.dream.dreamer as dreamer

    assert dreamsound.dream.dreamer is dreamer  # type: ignore[attr-defined]
    assert inspect.signature(dreamsound.dream) == inspect.signature(api.dream)
    assert dreamsound.dream.__doc__ == api.dream.__doc__
    with pytest.raises(dreamsound.AudioFileError, match="No such file"):
        dreamsound.dream("none.wav")


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, dreamsound_studio; print({'numpy', 'pydantic', 'tensorflow'} & {*sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"


@pytest.mark.yamnet
@pytest.mark.parametrize("channels", [None, 1, 2])
def test_an_array_with_its_rate_gives_what_a_clip_gives(
    channels: int | None, yamnet: YamNet
) -> None:
    values = chirp()[0] if channels is None else np.repeat(chirp(), channels, axis=0)
    before = values.copy()
    result = dreamsound.dream(values, RATE, model=yamnet, class_="Whistling", steps=1)
    clip = dreamsound.Clip.from_array(values, RATE)
    named = dreamsound.dream(values, RATE, model="yamnet", class_="Whistling", steps=1)
    np.testing.assert_array_equal(named.render("dream"), result.render("dream"))
    assert named.recipe.model == "yamnet"
    same = dreamsound.dream(clip, recipe(steps=1), model=yamnet)
    assert result.sample_rate_hz == RATE
    assert result.samples.array().shape == (channels or 1, 9600)
    assert np.array_equal(result.samples.array(), same.samples.array())
    assert np.array_equal(values, before)


@pytest.mark.parametrize(
    ("sound", "rate", "message"),
    [
        (np.zeros(100, np.float32), None, "Pass sample_rate_hz"),
        (np.full(100, 1000, np.int16), RATE, "Invalid samples: int16. Pass floats"),
        (np.zeros((16_000, 2)), RATE, "Transpose it to"),
        (np.zeros((2, 2, 100)), RATE, "Invalid shape"),
        ("bird.wav", RATE, "a file has its own sample rate"),
        ([0.1, float("nan")], RATE, "NaN"),
        (np.zeros(100, np.float32), 44_100.5, "Invalid sample rate 44100.5"),
    ],
)
def test_a_bad_array_is_refused(sound: object, rate: float | None, message: str) -> None:
    with pytest.raises(dreamsound.AudioFileError, match=message):
        dreamsound.dream(sound, rate)  # type: ignore[arg-type]
    with pytest.raises(dreamsound.AudioFileError, match=message):
        dreamsound.listen(sound, rate)  # type: ignore[arg-type]


def test_fields_go_over_a_recipe_and_a_preset() -> None:
    base = recipe(method="filter-add", steps=7)
    settled = api._recipe_of(base, {"steps": 3})
    assert (settled.method, settled.steps, settled.class_) == ("filter-add", 3, "Whistling")
    preset = dreamsound.find_preset("Turn to bells").preset
    assert api._recipe_of("Turn to bells", {}) == api._recipe_of(preset, {}) == preset.recipe
    with pytest.raises(dreamsound.RecipeError, match="did you mean steps"):
        dreamsound.dream("bird.wav", stpes=3)
    with pytest.raises(dreamsound.RecipeError, match="two recipes"):
        dreamsound.dream("bird.wav", base, base)


@pytest.mark.yamnet
def test_steps_are_iterated_and_a_dream_is_ended_from_within(yamnet: YamNet) -> None:
    dreaming = dreamsound.Dreaming(chirp(), RATE, recipe(steps=9), model=yamnet)
    for event in dreaming.steps():
        if event.step == 2:
            dreaming.finish()
    assert [event.step for event in dreaming.result().steps] == [1, 2]
    dreaming = dreamsound.Dreaming(chirp(), RATE, recipe(steps=9), model=yamnet)
    steps = dreaming.steps()
    next(steps)
    dreaming.cancel()
    with pytest.raises(dreamsound.RenderCancelled):
        next(steps)


@pytest.mark.yamnet
def test_every_render_is_an_array_as_loud_as_its_file(tmp_path: Path, yamnet: YamNet) -> None:
    stereo = np.repeat(chirp(), 2, axis=0) * np.array([[1.0], [0.5]], np.float32)
    given = recipe(method="filter-add", steps=2)
    result = dreamsound.dream(stereo, RATE, given, model=yamnet, keep_every=1)
    names = ("dream", "gradient", "hardcut", "filtered", "difference")
    assert result.render_names == (*names, "dream_step1")
    options = dreamsound.RenderOptions(renders=names, bits="32f")
    written = dreamsound.write_renders(result, tmp_path, options)
    for name in result.render_names:
        values, rate = soundfile.read(written.paths[name], dtype="float32", always_2d=True)
        render = result.render(name)
        assert (rate, render.dtype, render.shape) == (RATE, np.float32, (2, 9600))
        assert np.array_equal(render, values.T)
    assert np.array_equal(result.render("dream", level="raw"), result.samples.array())
    with pytest.raises(dreamsound.RecipeError, match="unknown render 'dreem'"):
        result.render("dreem")


@pytest.mark.yamnet
def test_a_dream_prints_in_a_line_and_plays_in_a_notebook(
    bird: Path, yamnet: YamNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = dreamsound.dream(bird, recipe(method="add"), model=yamnet)
    line = repr(result)
    assert "\n" not in line
    assert line.startswith("<Dream of bird.wav: 2 steps of add, Whistling ")
    assert line.endswith("0.60 s, 16000 Hz, 1 channel>")
    players = re.findall(r"data:audio/wav;base64,([\w+/=]+)", result._repr_html_())
    sounds = [soundfile.read(io.BytesIO(base64.b64decode(data))) for data in players]
    assert [(len(values), rate) for values, rate in sounds] == [(9600, RATE)] * 2
    np.testing.assert_allclose(sounds[0][0], chirp()[0], atol=2**-14)
    np.testing.assert_allclose(sounds[1][0], result.render()[0], atol=2**-14)
    monkeypatch.setattr("dreamsound_studio.render.dream.PLAYED_SECONDS", 0.25)
    page = result._repr_html_()
    assert "The players have the first 0.25 s." in page
    first = re.findall(r"base64,([\w+/=]+)", page)[0]
    assert len(soundfile.read(io.BytesIO(base64.b64decode(first)))[0]) == 4000


@pytest.mark.yamnet
def test_listen_hears_what_is_there(bird: Path, yamnet: YamNet) -> None:
    hearing = dreamsound.listen(bird, model=yamnet)
    assert hearing.scores.shape == (len(hearing.starts_s), 521)
    assert isinstance(hearing.top(3)[0], dreamsound.ClassHeard)
    given = dreamsound.listen(chirp()[0], RATE, model=yamnet)
    np.testing.assert_array_equal(given.scores, hearing.scores)
    half = dreamsound.listen(bird, span="0s-0.3s", model=yamnet)
    assert half.length_s == pytest.approx(0.3)
    best = hearing.top(1)[0]
    assert repr(hearing).startswith(
        f"<Hearing of 0.60 s in 1 patches: {best.name} {best.mean:.3f}, "
    )


@pytest.mark.parametrize("command", ["render", "listen"])
def test_a_command_needs_nothing_but_the_public_names(command: str) -> None:
    tree = ast.parse((Path(str(dreamsound.__file__)).parent / "cli" / f"{command}.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    engine = [node for node in imports if str(node.module).startswith("dreamsound_studio")]
    public = [node for node in engine if node.module == "dreamsound_studio"]
    assert public
    assert {alias.name for node in public for alias in node.names} <= set(dreamsound.__all__)
    beside = {str(node.module) for node in engine if node not in public}
    assert all(name.split(".")[1] == "cli" for name in beside)


@pytest.mark.yamnet
def test_objectives_are_added_scaled_and_dreamed(yamnet: YamNet) -> None:
    toward = 0.2 * dreamsound.Channel("layer11/pointwise_conv", 42) + dreamsound.Class("Bird")
    toward = toward - dreamsound.Class("Speech")
    text = "0.2*channel:layer11/pointwise_conv:42 + class:Bird - class:Speech"
    assert str(toward) == text
    given = dreamsound.dream(chirp(), RATE, model=yamnet, objective=toward, steps=1)
    same = dreamsound.dream(chirp(), RATE, model=yamnet, objective=text, steps=1)
    assert np.array_equal(given.samples.array(), same.samples.array())


@pytest.mark.yamnet
def test_a_dream_in_five_lines(bird: Path, tmp_path: Path, yamnet: YamNet) -> None:
    before = bird.read_bytes()
    result = dreamsound.dream(bird, recipe(), model=yamnet)
    written = dreamsound.write_renders(result, tmp_path / "out", dreamsound.RenderOptions())
    assert result.samples.array().shape == (1, 9600)
    assert [step.class_name for step in result.steps] == ["Whistling"] * 2
    assert (result.final.class_name, result.model_name) == ("Whistling", "yamnet")
    assert sorted(written.paths) == ["dream", "gradient", "hardcut"]
    assert all(path.is_file() for path in written.paths.values())
    assert bird.read_bytes() == before


@pytest.mark.yamnet
def test_a_clip_in_memory_gives_the_same_and_is_not_changed(bird: Path, yamnet: YamNet) -> None:
    values = chirp()
    heard: list[StepEvent] = []
    clip = dreamsound.Clip.from_array(values, RATE)
    result = dreamsound.dream(clip, recipe(), model=yamnet, on_step=heard.append, keep_every=1)
    assert heard == result.steps
    assert list(result.kept) == [1]
    assert np.array_equal(values, chirp())
    from_file = dreamsound.dream(bird, recipe(), model=yamnet)
    assert np.array_equal(result.samples.array(), from_file.samples.array())
    assert np.max(np.abs(result.samples.array() - values)) > 1e-3


@pytest.mark.yamnet
def test_without_a_model_the_recipes_is_loaded(
    bird: Path, yamnet: YamNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load(name: str, *, trust: bool) -> YamNet:
        asked.append(name)
        return yamnet

    monkeypatch.setattr("dreamsound_studio.api.load_model", load)
    assert len(dreamsound.dream(bird, recipe(steps=1, model="yamnet")).steps) == 1
    dreamsound.dream(bird, recipe(steps=1))
    assert asked == ["yamnet", "auto"]


@pytest.mark.yamnet
def test_the_recipes_target_is_read(bird: Path, tmp_path: Path, yamnet: YamNet) -> None:
    other = chirp(0.3)[:, ::-1].copy()
    soundfile.write(tmp_path / "target.wav", other.T, RATE, subtype="FLOAT")
    shaped = recipe(steps=1, method="target", target=str(tmp_path / "target.wav"))
    read = dreamsound.dream(bird, shaped, model=yamnet)
    assert read.targets.first is not None
    # 0.3 s of target, looped to the 0.6 s of the source.
    np.testing.assert_array_equal(read.targets.first.array(), np.tile(other, 2))
    clip = dreamsound.Clip.from_array(other, RATE)
    given = dreamsound.dream(bird, shaped, target=clip, model=yamnet)
    assert np.array_equal(read.samples.array(), given.samples.array())


@pytest.mark.yamnet
def test_cancelled_keeps_nothing_and_finished_keeps_what_there_is(
    bird: Path, yamnet: YamNet
) -> None:
    control = Control()
    many = recipe(steps=50)
    with pytest.raises(dreamsound.RenderCancelled):
        dreamsound.dream(
            bird, many, model=yamnet, control=control, on_step=lambda _: control.cancel()
        )
    control = Control()
    result = dreamsound.dream(
        bird, many, model=yamnet, control=control, on_step=lambda _: control.finish()
    )
    assert len(result.steps) == 1
    one = dreamsound.dream(bird, recipe(steps=1), model=yamnet)
    assert np.array_equal(result.samples.array(), one.samples.array())


def test_a_span_brings_along_what_is_heard_around_it(tmp_path: Path) -> None:
    values = chirp(10.0)
    soundfile.write(tmp_path / "song.wav", values.T, RATE, subtype="FLOAT")
    clip = read_source(tmp_path / "song.wav", "5:6")
    around = round(CONTEXT_SECONDS * RATE)
    start, stop = 80_000, 96_000  # 5 s is not on the patch grid of 0.48 s
    assert clip.start == start
    np.testing.assert_array_equal(clip.samples.array(), values[:, start:stop])
    np.testing.assert_array_equal(clip.before, values[:, start - around : start])
    np.testing.assert_array_equal(clip.after, values[:, stop : stop + around])
    # A patch at the span's first sample must not run out of sound: musicnn's is the longest.
    assert around >= 187 * 256 + 256
    whole = read_source(tmp_path / "song.wav")
    assert (whole.start, whole.samples.length, whole.before.shape) == (0, 160_000, (1, 0))


def test_a_span_beyond_the_end_of_the_file_is_reported(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", chirp(3.0).T, RATE, subtype="FLOAT")
    with pytest.warns(AudioFileWarning, match="ends with the file, at 0:03, not at 0:20"):
        assert read_source(tmp_path / "song.wav", "1s-20s").seconds == 2.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_source(tmp_path / "song.wav", "1s-3.02s")
        read_source(tmp_path / "song.wav", "1s-")


def test_a_span_is_of_a_file() -> None:
    with pytest.raises(dreamsound.RecipeError, match="path instead of a clip"):
        dreamsound.dream(dreamsound.Clip.from_array(chirp(), RATE), span="0:1")


def test_bad_input_is_reported_before_a_model_is_loaded(
    bird: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(name: str, *, trust: bool) -> None:
        raise AssertionError(name)

    monkeypatch.setattr("dreamsound_studio.api.load_model", never)
    with pytest.raises(dreamsound.AudioFileError, match="No such file"):
        dreamsound.dream(bird.with_name("none.wav"))
    with pytest.raises(dreamsound.RecipeError, match="pass START-END"):
        dreamsound.dream(bird, span="half")
    with pytest.raises(dreamsound.AudioFileError, match=r"none\.wav: No such file"):
        dreamsound.dream(bird, recipe(method="target", target="none.wav"))


@pytest.mark.yamnet
def test_memory_that_runs_out_halves_the_block(
    bird: Path, yamnet: YamNet, little_memory: Callable[..., None]
) -> None:
    smaller = dreamsound.dream(bird, recipe(block_patches=4), model=yamnet)
    little_memory(4)
    events: list[StepEvent] = []
    result = dreamsound.dream(bird, recipe(), model=yamnet, on_step=events.append)
    assert np.array_equal(result.samples.array(), smaller.samples.array())
    assert result.recipe.block_patches == 4
    assert result.warnings[-1] == "out of memory: block_patches halved from 8 to 4"
    assert events == result.steps
    little_memory(0)
    with pytest.raises(dreamsound.MemoryLimitError, match="one patch at a time"):
        dreamsound.dream(bird, recipe(), model=yamnet)


@pytest.mark.yamnet
def test_a_dream_is_closed_at_the_end_of_a_with(bird: Path, yamnet: YamNet) -> None:
    with dreamsound.dream(bird, recipe(steps=1), model=yamnet) as made:
        assert made.samples.length
    assert not made.samples.length
