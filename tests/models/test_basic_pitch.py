"""basic-pitch rebuilt: its outputs and gradient against the package's own SavedModel."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.listen import listen
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.notes import Chord
from dreamsound_studio.dream.verify import verify_weights
from dreamsound_studio.errors import ModelError, RecipeError
from dreamsound_studio.models.basic_pitch import tables
from dreamsound_studio.models.basic_pitch.arrays import weight_names
from dreamsound_studio.models.basic_pitch.network import (
    PATCH_SAMPLES,
    BasicPitch,
    load_basic_pitch,
)
from dreamsound_studio.models.entries import CATALOG
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.tables import table_of
from dreamsound_studio.models.weights import Weights, weights_at

Floats = npt.NDArray[np.float32]
RATE_HZ = 22_050


def tone(*hertz: float, seconds: float = 2.0, rate_hz: int = RATE_HZ) -> Floats:
    """Notes with a few partials, as a plucked string has them, and a little noise."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    parts = [np.sin(2 * np.pi * k * f * time) / k for f in hertz for k in range(1, 6)]
    noise = np.random.default_rng(4).standard_normal(len(time))
    return (0.2 * np.sum(parts, axis=0) * np.exp(-time) + 0.003 * noise).astype(np.float32)


@pytest.fixture(scope="module")
def waveforms() -> Floats:
    random = np.random.default_rng(3)
    rows = [tone(440.0), tone(220.0, 329.6), 0.1 * random.standard_normal(2 * RATE_HZ)]
    return np.stack([row[:PATCH_SAMPLES] for row in rows]).astype(np.float32)


def outputs(network: BasicPitch, waveforms: Any, taps: tuple[str, ...]) -> dict[str, Any]:
    import tensorflow as tf

    rows = tf.pad(waveforms, [[0, 0], [0, tables.PATCH_FRAMES * 256 - PATCH_SAMPLES]])
    return network.activations(tf.reshape(rows, [-1, tables.PATCH_FRAMES, 256]), taps)


def test_the_rebuilt_network_hears_as_the_published_one(
    basic_pitch: BasicPitch, basic_pitch_folder: Path, waveforms: Floats
) -> None:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(basic_pitch_folder))
    published = loaded.signatures["serving_default"]
    sound = tf.constant(waveforms)
    slopes, heard = [], []
    for call in (
        lambda: published(input_2=sound[..., None]),
        lambda: outputs(basic_pitch, sound, ("note", "onset", "contour")),
    ):
        with tf.GradientTape() as tape:
            tape.watch(sound)
            found = call()
            total = tf.reduce_sum(found["note"][:, :, 48])
        heard.append(found)
        slopes.append(tape.gradient(total, sound).numpy())
    for name in ("note", "onset", "contour"):
        assert heard[0][name].numpy().max() > 0.3, name
        np.testing.assert_allclose(heard[1][name], heard[0][name], atol=1e-5, rtol=0)
    np.testing.assert_allclose(slopes[1], slopes[0], atol=1e-4 * np.abs(slopes[0]).max(), rtol=0)


def test_the_weights_are_those_published(basic_pitch_folder: Path, basic_pitch: BasicPitch) -> None:
    assert basic_pitch.weights_sha256 == CATALOG["basic-pitch"].weights_sha256
    # Counted in the checkpoint, without what the optimiser left there.
    assert sum(int(np.prod(shape)) for shape in weight_names().values()) == 16_864
    assert verify_weights(weights_at(basic_pitch_folder)) == basic_pitch.weights_sha256


def test_every_listed_layer_is_there_in_its_shape(
    basic_pitch: BasicPitch, waveforms: Floats
) -> None:
    found = outputs(basic_pitch, waveforms[:2], tuple(basic_pitch.table.layers))
    for name, shape in basic_pitch.table.layers.items():
        assert found[name].shape == (2, *shape), name
    for name, before in basic_pitch.table.before_relu.items():
        np.testing.assert_array_equal(found[name], np.maximum(found[before], 0))


def test_silence_has_a_finite_gradient(basic_pitch: BasicPitch) -> None:
    import tensorflow as tf

    silence = tf.zeros([1, PATCH_SAMPLES])
    with tf.GradientTape() as tape:
        tape.watch(silence)
        total = tf.reduce_sum(outputs(basic_pitch, silence, ())["logits"])
    assert np.isfinite(tape.gradient(total, silence)).all()


def test_the_keys_are_named_and_heard(basic_pitch: BasicPitch) -> None:
    names = basic_pitch.class_names
    assert (len(names), names[0], names[39], names[48], names[87]) == (88, "A0", "C4", "A4", "C8")
    assert basic_pitch.table.find_class("c#4") == 40
    for rate_hz in (RATE_HZ, 48_000):
        clip = Clip.from_array(tone(440.0, 261.63, seconds=3, rate_hz=rate_hz), rate_hz)
        hearing = listen(clip, basic_pitch)
        assert {one.name for one in hearing.top(2)} == {"A4", "C4"}
        assert hearing.of(48).highest > 0.4


def test_the_gradient_is_that_of_the_loss(basic_pitch: BasicPitch) -> None:
    """A small step along the gradient changes the loss as the gradient says."""
    sound = tone(330.0, seconds=3)
    objective = Chord("A3 C4 E4").objective(basic_pitch)
    ear = Ear(basic_pitch, objective, RATE_HZ, hop_frames=basic_pitch.published_hop_frames)
    grid = ear.grid(len(sound), None)
    slope = Samples(1, len(sound))
    ear.gradient(Mono(Samples.of(sound[None])), grid, (0,), slope)
    g = slope.array()[0].astype(np.float64)
    step = 1e-3 / np.sqrt(np.sum(g**2))
    below, above = (
        ear.values(Mono(Samples.of((sound + sign * step * g).astype(np.float32)[None])), grid)
        for sign in (-1, 1)
    )
    measured = (above.mean() - below.mean()) / (2 * step)
    assert measured == pytest.approx(np.sum(g**2), rel=0.05)


def test_published_patches_are_two_seconds_that_overlap(basic_pitch: BasicPitch) -> None:
    noise = np.random.default_rng(2).standard_normal((1, 100_000)).astype(np.float32) * 0.1
    hearing = listen(Clip.from_array(noise, RATE_HZ), basic_pitch)
    assert hearing.hop_s == pytest.approx(141 * 256 / RATE_HZ)
    assert len(hearing.scores) == 3


def test_the_table_needs_no_weights() -> None:
    table = table_of(Weights("basic-pitch", None, "basic-pitch"))
    assert table.resolve_layer("note/logits") == "note/logits"
    with pytest.raises(RecipeError, match=r"basic-pitch has no layer 'notes'. Did you mean note"):
        table.resolve_layer("notes")
    with pytest.raises(RecipeError, match="basic-pitch has no class 'H4'"):
        table.find_class("H4")


def test_a_folder_is_known_by_its_graph(basic_pitch_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(basic_pitch_folder, tmp_path / "any name")
    found = weights_at(folder)
    assert (found.name, found.kind) == ("basic-pitch", "basic-pitch")


@pytest.mark.parametrize("file", ["variables.index", "variables.data-00000-of-00001"])
def test_a_damaged_checkpoint_is_reported(
    basic_pitch_folder: Path, tmp_path: Path, file: str
) -> None:
    folder = shutil.copytree(basic_pitch_folder, tmp_path / "basic-pitch")
    (folder / "variables" / file).write_bytes(b"not a checkpoint")
    with pytest.raises(ModelError, match="cannot be read as basic-pitch") as raised:
        load_basic_pitch(Weights("basic-pitch", folder, "basic-pitch"))
    assert "\n" not in str(raised.value)


def test_the_graph_is_never_read_to_dream(basic_pitch_folder: Path, tmp_path: Path) -> None:
    """A SavedModel is a program; only the numbers beside it count."""
    folder = shutil.copytree(basic_pitch_folder, tmp_path / "basic-pitch")
    (folder / "saved_model.pb").write_bytes(b"not a graph")
    network = load_basic_pitch(Weights("basic-pitch", folder, "basic-pitch"))
    assert network.weights_sha256 == CATALOG["basic-pitch"].weights_sha256


def test_the_wheel_installs_it(basic_pitch_wheel: Path, bare_machine: Path, tmp_path: Path) -> None:
    from dreamsound_studio.models.savedmodel.trust import pull_listed
    from dreamsound_studio.models.store.find import find_weights

    watch = Watch(check=verify_weights)
    entry = CATALOG["basic-pitch"]
    found = pull_listed(entry, str(basic_pitch_wheel), watch)
    assert found.place == bare_machine / "basic-pitch"
    files = {path.relative_to(found.place) for path in found.place.rglob("*") if path.is_file()}
    assert entry.wheel_part is not None
    assert files == {Path(file) for file in entry.wheel_part.files}
    assert find_weights("basic-pitch", watch) == found
    (tmp_path / "other.whl").write_bytes(basic_pitch_wheel.read_bytes()[:1000])
    with pytest.raises(ModelError, match="not a complete model"):
        pull_listed(entry, str(tmp_path / "other.whl"), watch)
