"""YAMNet rebuilt: scores, layers and gradients against the published graph, and broken files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import ClassObjective
from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.weights import Weights
from dreamsound_studio.models.yamnet import tables as yamnet_table
from dreamsound_studio.models.yamnet.arrays import weight_names
from dreamsound_studio.models.yamnet.network import YamNet, load_yamnet

pytestmark = pytest.mark.yamnet

Sound = npt.NDArray[np.float32]
#: Largest error allowed re. the peak of what is compared.
TOLERANCE = 1e-4
#: Of a gradient's RMS: moving a sound by a millionth of its level moves its gradient by as much.
GRADIENT_TOLERANCE = 5e-3
#: Around the steps of the padding rule: 15600 samples a patch, then one more every 7680.
LENGTHS = (1, 1600, 15_599, 15_600, 15_601, 23_280, 23_281, 48_000)
WAVS = ("whistle", "cat", "drums", "bouzouki")
SOUNDS = (*WAVS, "silence", *(f"noise {length}" for length in LENGTHS))
WHISTLING, ANIMAL = 35, 67


class Oracle:
    """The SavedModel: scores, and gradients by its own graph."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self.model = tf.saved_model.load(str(folder))
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        dense = "_yamnet/layer_with_weights-54/{}/.ATTRIBUTES/VARIABLE_VALUE"
        self.kernel = reader.get_tensor(dense.format("kernel"))
        self.bias = reader.get_tensor(dense.format("bias"))

    def hear(self, sound: Sound, class_index: int) -> tuple[Sound, dict[str, Sound]]:
        """Return scores ``[patches, 521]`` and gradients of the class's mean score and logit."""
        import tensorflow as tf

        waveform = tf.constant(sound)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(waveform)
            scores, embeddings, _ = self.model(waveform)
            logits = tf.linalg.matvec(embeddings, self.kernel[:, class_index])
            means = {
                "score": tf.reduce_mean(scores[:, class_index]),
                "logit": tf.reduce_mean(logits + self.bias[class_index]),
            }
        gradients = {at: tape.gradient(mean, waveform).numpy() for at, mean in means.items()}
        return scores.numpy(), gradients


@pytest.fixture(scope="module")
def oracle(saved_model_folder: Path) -> Oracle:
    return Oracle(saved_model_folder)


@pytest.fixture(scope="module")
def sound_named(shared_audio: Path) -> Callable[[str], Sound]:
    def make(name: str) -> Sound:
        if name == "silence":
            return np.zeros(30_000, np.float32)
        if name.startswith("noise"):
            length = int(name.split()[1])
            values = 0.1 * np.random.default_rng(length).standard_normal(length)
            return values.astype(np.float32)
        values, rate = soundfile.read(shared_audio / f"{name}.wav", dtype="float32", always_2d=True)
        mono = np.ascontiguousarray(values.mean(axis=1))
        return np.asarray(soxr.resample(mono, rate, 16_000, "VHQ"), np.float32)

    return make


def ear_of(model: YamNet, at: str = "logit") -> Ear:
    return Ear(model, ClassObjective(at), 16_000, hop_frames=model.published_hop_frames)


def scores_of(model: YamNet, sound: Sound) -> Sound:
    """Return the scores of each patch, padded as the published model pads."""
    import tensorflow as tf

    grid = ear_of(model).grid(len(sound), None)
    padded = np.zeros((grid.count - 1) * grid.hop + grid.patch, np.float32)
    padded[: len(sound)] = sound
    patches = model.patches(tf.constant(padded), grid.count, model.published_hop_frames)
    return np.asarray(model.activations(patches, ())["scores"])


def gradient_of(model: YamNet, sound: Sound, class_index: int, at: str) -> Sound:
    ear = ear_of(model, at)
    into = Samples(1, len(sound))
    ear.gradient(Mono(Samples.of(sound[None])), ear.grid(len(sound), None), (class_index,), into)
    return into.array()[0]


@pytest.mark.parametrize("name", SOUNDS)
def test_scores_and_gradients_equal_the_published_models(
    yamnet: YamNet, oracle: Oracle, sound_named: Callable[[str], Sound], name: str
) -> None:
    sound = sound_named(name)
    class_index = ANIMAL if name == "cat" else WHISTLING
    expected, gradients = oracle.hear(sound, class_index)
    scores = scores_of(yamnet, sound)
    assert scores.shape == expected.shape
    assert np.max(np.abs(scores - expected)) <= TOLERANCE * np.max(expected)
    for at, slope in gradients.items():
        found = gradient_of(yamnet, sound, class_index, at)
        if name == "silence":
            assert not np.any(found)
        else:
            # Where a ReLU is about to open, the last bit of a sum decides: single samples may
            # differ by more, the gradient as a whole does not.
            error = float(np.linalg.norm(found - slope))
            assert error <= GRADIENT_TOLERANCE * float(np.linalg.norm(slope)), at


def test_a_sine_is_heard_as_the_published_weights_hear_it(yamnet: YamNet) -> None:
    # MODELS.md section 1, measured with the SavedModel: 440 Hz for 3 s, top 383, 388, 387.
    sine = np.sin(2 * np.pi * 440 * np.arange(48_000) / 16_000).astype(np.float32)
    means = scores_of(yamnet, sine).mean(axis=0)
    assert list(np.argsort(means)[::-1][:3]) == [383, 388, 387]
    assert means[[383, 388, 387]] == pytest.approx([0.996, 0.983, 0.982], abs=2e-3)


# -- layers ---------------------------------------------------------------------------------------


def keras_activations(h5: Path, patches: Sound) -> dict[str, Sound]:
    """Return every layer of YAMNet by Keras's own layers, batch norm as it was trained."""
    import tensorflow as tf

    layers = tf.keras.layers
    weights = {}
    with h5py.File(h5) as file:
        root = file.get("model_weights", file)
        root.visititems(
            lambda name, item: (
                weights.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )

    def of(layer: str, tensor: str) -> Any:
        return next(weights[name] for name in weights if name.endswith(f"/{layer}/{tensor}:0"))

    def batch_norm(name: str, x: Any) -> Any:
        norm = layers.BatchNormalization(scale=False, epsilon=1e-4)
        norm.build(x.shape)
        norm.set_weights([of(name, part) for part in ("beta", "moving_mean", "moving_variance")])
        return norm(x, training=False)

    found: dict[str, Any] = {}
    x = tf.constant(patches)[..., None]

    def block(layer: Any, base: str, relu: str, kernel: str, x: Any) -> Any:
        layer.build(x.shape)
        layer.set_weights([of(base, kernel)])
        found[base] = layer(x)
        found[f"{base}/bn"] = batch_norm(f"{base}/bn", found[base])
        found[relu] = layers.ReLU()(found[f"{base}/bn"])
        return found[relu]

    same = {"padding": "same", "use_bias": False}
    x = block(layers.Conv2D(32, 3, strides=2, **same), "layer1/conv", "layer1/relu", "kernel", x)
    for number, (stride, filters) in enumerate(yamnet_table.LAYERS[1:], 2):
        base = f"layer{number}/depthwise_conv"
        layer = layers.DepthwiseConv2D(3, strides=stride, **same)
        x = block(layer, base, f"{base}/relu", "depthwise_kernel", x)
        base = f"layer{number}/pointwise_conv"
        x = block(layers.Conv2D(filters, 1, **same), base, f"{base}/relu", "kernel", x)
    found["global_average_pooling2d"] = layers.GlobalAveragePooling2D()(x)
    dense = layers.Dense(521)
    dense.build((None, 1024))
    dense.set_weights([of("dense", "kernel"), of("dense", "bias")])
    found["dense"] = dense(found["global_average_pooling2d"])
    found["activation"] = tf.keras.activations.sigmoid(found["dense"])
    return {name: np.asarray(value) for name, value in found.items()}


def test_every_layer_can_be_tapped_and_equals_keras(
    yamnet: YamNet, yamnet_h5: Path, sound_named: Callable[[str], Sound]
) -> None:
    import tensorflow as tf

    sound = sound_named("whistle")[:31_000]
    patches = yamnet.patches(tf.constant(sound), 3, yamnet.published_hop_frames)
    names = yamnet_table.layer_table()
    taps = yamnet.activations(patches, tuple(names))
    expected = keras_activations(yamnet_h5, patches.numpy())
    assert set(names) == set(expected)
    for name, shape in names.items():
        found = taps[name].numpy()
        assert found.shape == (3, *shape), name
        error = np.max(np.abs(found - expected[name])) / np.max(np.abs(expected[name]))
        assert error <= TOLERANCE, name


def test_only_the_layers_asked_for_are_returned_beside_the_last_three(yamnet: YamNet) -> None:
    patches = np.zeros((1, 96, 64), np.float32)
    found = yamnet.activations(patches, ("layer7/pointwise_conv",))
    assert set(found) == {"layer7/pointwise_conv", "embeddings", "logits", "scores"}


def test_fast_hears_nearly_the_same_and_returns_float32(
    yamnet: YamNet, sound_named: Callable[[str], Sound]
) -> None:
    import tensorflow as tf

    sound = sound_named("whistle")[:15_600]
    patches = yamnet.patches(tf.constant(sound), 1, yamnet.published_hop_frames)
    exact = yamnet.activations(patches, ("layer5/pointwise_conv/relu",))
    rough = yamnet.activations(patches, ("layer5/pointwise_conv/relu",), "fast")
    assert all(value.dtype == tf.float32 for value in rough.values())
    difference = np.abs(rough["scores"] - exact["scores"])
    # 8 bits of mantissa in 13 products: near, and visibly not the same arithmetic.
    assert 1e-5 < np.max(difference) < 0.02


# -- files ----------------------------------------------------------------------------------------


def read(path: Path) -> YamNet:
    return load_yamnet(Weights("yamnet", path))


def test_both_layouts_hold_the_same_weights(saved_model_folder: Path, yamnet_h5: Path) -> None:
    first, second = read(saved_model_folder), read(yamnet_h5)
    assert first.weights_sha256 == second.weights_sha256
    assert len(first.weights_sha256) == 64


def test_the_hash_is_that_of_the_values(yamnet_h5: Path, tmp_path: Path) -> None:
    changed = edited_h5(yamnet_h5, tmp_path, "dense/bias", lambda bias: bias + 1e-3)
    assert read(changed).weights_sha256 != read(yamnet_h5).weights_sha256


def test_there_are_as_many_weights_as_published() -> None:
    # MODELS.md section 1: 110 tensors, 3 751 369 values.
    assert len(weight_names()) == 110
    assert sum(int(np.prod(shape)) for shape in weight_names().values()) == 3_751_369


def test_an_h5_with_keras_numbered_dense_layer_is_read(yamnet_h5: Path, tmp_path: Path) -> None:
    # Keras numbers unnamed layers: a rebuilt network saves dense_1/dense_1/kernel:0.
    path = tmp_path / "numbered.h5"
    shutil.copy(yamnet_h5, path)
    with h5py.File(path, "r+") as file:
        root = file.get("model_weights", file)
        root.move("dense/dense", "dense/dense_1")
        root.move("dense", "dense_1")
    assert read(path).weights_sha256 == read(yamnet_h5).weights_sha256


def edited_h5(h5: Path, folder: Path, tensor: str, edit: Callable[[Sound], Sound] | None) -> Path:
    """Return a copy in which one tensor is edited, or taken out."""
    path = folder / "edited.h5"
    shutil.copy(h5, path)
    layer, _, name = tensor.rpartition("/")
    with h5py.File(path, "r+") as file:
        root = file.get("model_weights", file)
        place = f"{layer}/{layer}/{name}:0"
        values = root[place][()]
        del root[place]
        if edit is not None:
            root[place] = edit(values)
    return path


def with_nan(values: Sound) -> Sound:
    values = values.copy()
    values.flat[7] = np.nan
    return values


@pytest.mark.parametrize(
    ("tensor", "edit", "words"),
    [
        ("layer9/pointwise_conv/kernel", None, "tensor 'layer9/pointwise_conv/kernel' is missing"),
        ("dense/bias", lambda bias: bias[:520], "dense/bias has shape (520,), expected (521,)"),
        ("layer3/depthwise_conv/bn/beta", with_nan, "layer3/depthwise_conv/bn/beta contains NaN"),
    ],
)
def test_an_h5_that_is_not_quite_yamnet_is_refused(
    yamnet_h5: Path, tmp_path: Path, tensor: str, edit: Any, words: str
) -> None:
    assert_refused(edited_h5(yamnet_h5, tmp_path, tensor, edit), words)


def test_a_truncated_h5_is_refused(yamnet_h5: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.h5"
    path.write_bytes(yamnet_h5.read_bytes()[:1_000_000])
    assert_refused(path, ": cannot be read as YAMNet")


def test_foreign_h5_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.h5"
    text.write_text("these are\nnot weights")
    assert_refused(text, ": cannot be read as YAMNet")
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["conv/conv/kernel:0"] = np.zeros(3, np.float32)
        file["loose"] = np.zeros(3, np.float32)
        file["layer1"] = h5py.SoftLink("/nowhere")
    assert_refused(other, "tensor 'layer1/conv/kernel' is missing")
    words = tmp_path / "words.h5"
    with h5py.File(words, "w") as file:
        file["layer1/conv/layer1/conv/kernel:0"] = "a kernel"
    assert_refused(words, "YAMNet")


def test_a_saved_model_without_variables_is_refused(
    saved_model_folder: Path, tmp_path: Path
) -> None:
    shutil.copy(saved_model_folder / "saved_model.pb", tmp_path)
    assert_refused(tmp_path, "a SavedModel without variables")


def test_damaged_saved_models_are_refused(saved_model_folder: Path, tmp_path: Path) -> None:
    for number, file_name in enumerate(("variables.index", "variables.data-00000-of-00001")):
        folder = tmp_path / str(number)
        shutil.copytree(saved_model_folder, folder)
        part = folder / "variables" / file_name
        part.chmod(0o644)
        part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
        assert_refused(folder, ": cannot be read as YAMNet")
        part.unlink()
        assert_refused(folder, "YAMNet" if number else "without variables")


def test_another_networks_saved_model_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    (tmp_path / "saved_model.pb").write_bytes(b"")
    tf.train.Checkpoint(gain=tf.Variable(1.0)).write(str(tmp_path / "variables" / "variables"))
    assert_refused(tmp_path, "tensor '_yamnet/layer_with_weights-0/kernel")


def test_a_saved_model_with_other_classes_is_refused(
    saved_model_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "renamed"
    shutil.copytree(saved_model_folder, folder)
    classes = folder / "assets" / "yamnet_class_map.csv"
    classes.chmod(0o644)
    classes.write_text(classes.read_text("utf-8").replace("Whistling", "Hissing"), "utf-8")
    assert_refused(folder, "the classes differ")
    classes.write_text("a map without the columns\n1,2,3\n", "utf-8")
    assert_refused(folder, "YAMNet")


def assert_refused(path: Path, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert words in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 250
