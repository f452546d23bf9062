"""musicnn rebuilt: features against librosa, scores against the package's own graph."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.listen import listen
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import ClassObjective
from dreamsound_studio.errors import ModelError, RecipeError
from dreamsound_studio.models.entries import CATALOG
from dreamsound_studio.models.load import build
from dreamsound_studio.models.musicnn import tables as musicnn_table
from dreamsound_studio.models.musicnn.arrays import weight_names
from dreamsound_studio.models.musicnn.network import FFT_SIZE, MusicNetwork, load_musicnn
from dreamsound_studio.models.tables import table_of
from dreamsound_studio.models.weights import MUSICNN_NAMES, Weights

GOLDEN = Path(__file__).parent / "golden"
Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="module", params=MUSICNN_NAMES)
def network(request: pytest.FixtureRequest, musicnn_package: Path) -> MusicNetwork:
    folder = musicnn_package / CATALOG[request.param].files[1]
    return load_musicnn(Weights(request.param, folder, "musicnn"))


@pytest.fixture(scope="module")
def mtt(musicnn_package: Path) -> MusicNetwork:
    return load_musicnn(Weights("mtt-musicnn", musicnn_package / "MTT_musicnn", "musicnn"))


class PublishedGraph:
    """The package's TF1 graph with its checkpoint: an oracle for scores."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        meta = tf.compat.v1.MetaGraphDef()
        meta.ParseFromString((folder / ".meta").read_bytes())
        part = tf.compat.v1.graph_util.extract_sub_graph(meta.graph_def, ["model/Sigmoid"])
        for node in part.node:
            for attribute in ("_output_shapes", "_class"):
                node.attr.pop(attribute, None)
        reader = tf.compat.v1.train.NewCheckpointReader(f"{folder}/")
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(part, name="")
            self.session = tf.compat.v1.Session(graph=graph)
            for node in part.node:
                if node.op in ("VariableV2", "Variable"):
                    assign = tf.compat.v1.raw_ops.Assign(
                        ref=graph.get_tensor_by_name(f"{node.name}:0"),
                        value=tf.constant(reader.get_tensor(node.name)),
                    )
                    self.session.run(assign)
        self.graph = graph

    def scores(self, features: Floats) -> Floats:
        feed = {"model/Placeholder:0": features, "model/Placeholder_2:0": False}
        found: Floats = self.session.run("model/Sigmoid:0", feed)
        return found


@pytest.fixture(scope="module")
def patches() -> Floats:
    """What music might look like: a few smooth shapes and some noise, in the features' range."""
    random = np.random.default_rng(3)
    coarse = random.uniform(0, 3, (4, 24, 12, 1)).astype(np.float32)
    import tensorflow as tf

    smooth = tf.image.resize(coarse, (187, 96)).numpy()[..., 0]
    return np.maximum(0, smooth + 0.2 * random.standard_normal(smooth.shape)).astype(np.float32)


def test_the_rebuilt_network_scores_as_the_published_graph(
    network: MusicNetwork, musicnn_package: Path, patches: Floats
) -> None:
    oracle = PublishedGraph(musicnn_package / CATALOG[network.name].files[1])
    expected = oracle.scores(patches)
    found = network.activations(patches, ())["scores"].numpy()
    assert expected.std() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_the_weights_are_those_published(network: MusicNetwork) -> None:
    assert network.weights_sha256 == CATALOG[network.name].weights_sha256
    # Counted in the checkpoints, without what the optimiser left there.
    values = sum(int(np.prod(shape)) for shape in weight_names(network.name).values())
    assert values == (607_030 if network.name.endswith("vgg") else 792_079)


def test_every_listed_layer_is_there_in_its_shape(network: MusicNetwork, patches: Floats) -> None:
    found = network.activations(patches[:2], list(network.table.layers))
    for name, shape in network.table.layers.items():
        assert found[name].shape == (2, *shape), name
    for name, before in network.table.before_relu.items():
        assert found[name].shape[-1] == found[before].shape[-1], name
    assert found["logits"].shape == found["scores"].shape == (2, 50)
    assert found["embeddings"].shape == (2, 256 if network.name.endswith("vgg") else 200)


def test_the_features_are_librosas(mtt: MusicNetwork) -> None:
    from .golden.make_librosa_features import sound

    with np.load(GOLDEN / "librosa_features.npz") as golden:
        expected = golden["features"]
    padded = np.pad(sound(), FFT_SIZE // 2)  # librosa's frames are centred, silence around them
    found = mtt.features(padded).numpy()
    assert found.shape == expected.shape
    assert expected.max() > 3
    assert np.abs(found - expected).max() < 1e-3


def test_the_gradient_is_that_of_the_loss(mtt: MusicNetwork) -> None:
    """A small step along the gradient changes the loss as the gradient says."""
    random = np.random.default_rng(1)
    time = np.arange(40_000) / 16_000
    sound = (0.2 * np.sin(2 * np.pi * 330 * time) + 0.01 * random.standard_normal(40_000)).astype(
        np.float32
    )
    ear = Ear(mtt, ClassObjective("logit"), 16_000, hop_frames=94)
    grid = ear.grid(len(sound), None)
    assert grid.first == -FFT_SIZE // 2
    slope = Samples(1, len(sound))
    before = ear.gradient(Mono(Samples.of(sound[None])), grid, (0,), slope)
    g = slope.array()[0].astype(np.float64)
    step = 1e-3 / np.sqrt(np.sum(g**2))
    losses = [
        ear.hear(
            Mono(Samples.of((sound + sign * step * g).astype(np.float32)[None])), grid, (0,)
        ).loss
        for sign in (-1, 1)
    ]
    assert losses[0] < before.loss < losses[1]
    measured = (losses[1] - losses[0]) / (2 * step)
    assert measured == pytest.approx(np.sum(g**2), rel=0.05)


def test_published_patches_are_three_seconds_side_by_side(mtt: MusicNetwork) -> None:
    from dreamsound_studio.audio.clip import Clip

    noise = np.random.default_rng(2).standard_normal((1, 100_000)).astype(np.float32) * 0.1
    hearing = listen(Clip.from_array(noise, 16_000), mtt)
    assert hearing.hop_s == pytest.approx(187 * 256 / 16_000)
    assert len(hearing.scores) == 3
    assert len(hearing.class_names) == 50


def test_tags_are_the_packages() -> None:
    mtt, msd = (musicnn_table.names(f"{name}-vgg").class_names for name in ("mtt", "msd"))
    assert len(mtt) == len(set(mtt)) == len(msd) == len(set(msd)) == 50
    # musicnn/configuration.py of the package.
    assert (mtt[0], mtt[25], mtt[49]) == ("guitar", "flute", "choral")
    assert (msd[0], msd[17], msd[49]) == ("rock", "Mellow", "happy")
    table = musicnn_table.names("msd-vgg")
    assert table.find_class("mellow") == 17
    assert table.find_class("80s") == msd.index("80s")


@pytest.mark.parametrize("file", [".index", ".data-00000-of-00001"])
def test_a_damaged_checkpoint_is_reported(musicnn_package: Path, tmp_path: Path, file: str) -> None:
    folder = shutil.copytree(musicnn_package / "MTT_vgg", tmp_path / "mtt-vgg")
    (folder / file).write_bytes(b"not a checkpoint")
    with pytest.raises(ModelError, match="cannot be read as mtt-vgg") as raised:
        load_musicnn(Weights("mtt-vgg", folder, "musicnn"))
    assert "\n" not in str(raised.value)


def test_another_networks_checkpoint_is_reported(musicnn_package: Path) -> None:
    with pytest.raises(ModelError, match="not mtt-vgg: tensor"):
        load_musicnn(Weights("mtt-vgg", musicnn_package / "MTT_musicnn", "musicnn"))


def test_an_unknown_layer_is_reported(mtt: MusicNetwork) -> None:
    from dreamsound_studio.errors import RecipeError

    resolve: Any = mtt.table.resolve_layer
    assert resolve("embeddings") == "penultimate"
    with pytest.raises(RecipeError, match=r"mtt-musicnn has no layer 'cnn9'. Did you mean cnn"):
        resolve("cnn9")


@pytest.mark.usefixtures("bare_machine")
def test_a_class_that_only_yamnet_has_is_named_as_its(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = Weights("mtt-musicnn", None, "musicnn")
    with pytest.raises(
        RecipeError, match="YAMNet has it: install it with dreamsound models pull yamnet"
    ):
        table_of(weights).find_class("bird")
    monkeypatch.setattr(
        "dreamsound_studio.models.tables.local_weights", lambda name: Weights(name, Path("here"))
    )
    with pytest.raises(RecipeError, match=r"YAMNet has it: pass --model yamnet\.$"):
        table_of(weights).find_class("bird")
    with pytest.raises(RecipeError, match="Did you mean flute"):
        table_of(Weights("mtt-musicnn", None, "musicnn")).find_class("flutes")


def test_a_loaded_model_knows_which_classes_yamnet_has(musicnn_package: Path) -> None:
    weights = Weights("mtt-musicnn", musicnn_package / "MTT_musicnn", "musicnn")
    assert build(weights).table == table_of(weights)
    assert {"bird", "dog"} <= set(table_of(weights).elsewhere)
    assert not table_of(Weights("msd-musicnn", None, "musicnn")).elsewhere
