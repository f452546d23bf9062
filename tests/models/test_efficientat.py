"""The plug-in of examples/efficientat: an ONNX graph, rebuilt, that dreams."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dreamsound_studio.models import plugins

onnx = pytest.importorskip("onnx", reason="the optional package onnx is not installed")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "efficientat"
BANDS, FRAMES, CLASSES, UNITS = 128, 40, 5, 12


def graph_of(nodes: list[Any], arrays: dict[str, Any], batch: str | int = "batch") -> Any:
    """Return a graph from mel spectrograms to logits and features."""
    make = onnx.helper.make_tensor_value_info
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "net",
        [make("mel", kind, [batch, 1, BANDS, FRAMES])],
        [make("logits", kind, [batch, CLASSES]), make("features", kind, [batch, UNITS])],
        [onnx.numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    opset = onnx.helper.make_opsetid("", 17)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)


def mobile_net(batch: str | int = "batch") -> Any:
    """Return a small one of the blocks of MobileNetV3: depthwise, squeeze and excite, residual."""
    random = np.random.default_rng(0)

    def weights(*shape: int) -> Any:
        return (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    node = onnx.helper.make_node
    two = {"strides": [2, 2], "pads": [1, 1, 1, 1]}
    arrays = {
        "k1": weights(8, 1, 3, 3),
        "b1": weights(8),
        "k2": weights(8, 1, 3, 3),
        "scale": 1 + weights(8) / 9,
        "shift": weights(8),
        "mean": weights(8),
        "variance": 1 + weights(8) ** 2,
        "w1": weights(4, 8),
        "c1": weights(4),
        "w2": weights(8, 4),
        "c2": weights(8),
        "k3": weights(8, 8, 1, 1),
        "k4": weights(UNITS, 8, 1, 1),
        "w3": weights(CLASSES, UNITS),
        "c3": weights(CLASSES),
        "k5": weights(8, 4, 3, 3),
        "to": np.array([0, 8, 1, 1]),
    }
    nodes = [
        node("Conv", ["mel", "k1", "b1"], ["a"], **two),
        node("HardSwish", ["a"], ["b"]),
        node("Conv", ["b", "k2"], ["c"], group=8, strides=[2, 1], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c", "scale", "shift", "mean", "variance"], ["d"]),
        node("Relu", ["d"], ["e"]),
        node("ReduceMean", ["e"], ["f"], axes=[2, 3], keepdims=0),
        node("Gemm", ["f", "w1", "c1"], ["g"], transB=1),
        node("Relu", ["g"], ["h"]),
        node("Gemm", ["h", "w2", "c2"], ["i"], transB=1),
        node("HardSigmoid", ["i"], ["j"], alpha=1 / 6),
        node("Reshape", ["j", "to"], ["k"]),
        node("Mul", ["e", "k"], ["l"]),
        node("Conv", ["l", "k3"], ["m"]),
        node("Conv", ["m", "k5"], ["m2"], group=2, pads=[1, 1, 1, 1]),
        node("Add", ["m2", "l"], ["n"]),
        node("Conv", ["n", "k4"], ["o"]),
        node("GlobalAveragePool", ["o"], ["p"]),
        node("Flatten", ["p"], ["features"]),
        node("Gemm", ["features", "w3", "c3"], ["logits"], transB=1),
    ]
    return graph_of(nodes, arrays, batch)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare_machine: Path) -> Path:
    """An installed plug-in, and the folder that it reads."""
    site = tmp_path / "site" / "dreamsound_efficientat-0.1.0.dist-info"
    site.mkdir(parents=True)
    name = "Metadata-Version: 2.1\nName: dreamsound-efficientat\nVersion: 0.1.0\n"
    (site / "METADATA").write_text(name)
    entry = f"[{plugins.GROUP}]\nefficientat = dreamsound_efficientat:plugin\n"
    (site / "entry_points.txt").write_text(entry)
    for place in (EXAMPLE, site.parent):
        monkeypatch.syspath_prepend(str(place))
    for module in [one for one in sys.modules if one.startswith("dreamsound_efficientat")]:
        monkeypatch.delitem(sys.modules, module)
    importlib.invalidate_caches()
    plugins.plugin_of.cache_clear()
    monkeypatch.setenv("DREAMSOUND_EFFICIENTAT", str(tmp_path))
    rows = [f"{number},/m/{number},class {number}" for number in range(CLASSES)]
    table = "\n".join(["index,mid,display_name", *rows])
    (tmp_path / "class_labels_indices.csv").write_text(table)
    return tmp_path


def test_the_entry_point_is_that_of_the_package() -> None:
    import tomllib

    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    assert project["entry-points"][plugins.GROUP] == {
        "efficientat": "dreamsound_efficientat:plugin"
    }


@pytest.mark.parametrize("batch", ["batch", 1])
def test_the_rebuilt_graph_gives_what_onnx_gives(folder: Path, batch: str | int) -> None:
    import tensorflow as tf
    from onnx.reference import ReferenceEvaluator

    made = mobile_net(batch)
    onnx.save(made, str(folder / "efficientat.onnx"))
    model = plugins.load_plugin("efficientat")
    mel = np.random.default_rng(2).standard_normal((3, FRAMES, BANDS)).astype(np.float32)
    patches = tf.constant(mel)
    with tf.GradientTape() as tape:
        tape.watch(patches)
        found = model.activations(patches, ())
        total = tf.reduce_sum(found["logits"][:, 1])
    evaluator = ReferenceEvaluator(made)
    for at in range(3):
        logits, features = evaluator.run(None, {"mel": mel[at].T[None, None]})
        np.testing.assert_allclose(found["logits"][at], logits[0], atol=1e-5)
        np.testing.assert_allclose(found["embeddings"][at], features[0], atol=1e-5)
    slope = tape.gradient(total, patches).numpy()
    # The gradient is that of the function: a small step changes it by as much.
    step = np.zeros_like(mel)
    step[1, 7, 20:40] = 1e-2
    moved = evaluator.run(None, {"mel": (mel + step)[1].T[None, None]})[0][0, 1]
    before = evaluator.run(None, {"mel": (mel - step)[1].T[None, None]})[0][0, 1]
    np.testing.assert_allclose((moved - before) / 2, np.sum(slope * step), rtol=0.02, atol=1e-6)


def test_the_front_end_is_kaldis_mel_spectrogram(folder: Path) -> None:
    onnx.save(mobile_net(), str(folder / "efficientat.onnx"))
    model = plugins.load_plugin("efficientat")
    time = np.arange(model.patch_samples) / 32_000
    frames = model.features((0.1 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)).numpy()
    assert frames.shape == (FRAMES, BANDS)
    edges = 700 * np.expm1(np.linspace(0, 1127 * np.log1p(15_000 / 700), BANDS + 2) / 1127)
    loudest = int(np.argmax(frames[5]))
    assert edges[loudest] < 1000 < edges[loudest + 2]
    assert np.argmax(frames, axis=1).tolist() == [loudest] * FRAMES
    silence = model.features(np.zeros(model.patch_samples, np.float32)).numpy()
    np.testing.assert_allclose(silence, (np.log(1e-5) + 4.5) / 5, rtol=1e-5)


def test_it_dreams_from_the_command_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from dreamsound_studio.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return (code, *capfd.readouterr())

    # Without the graph, the other models are listed all the same.
    code, out, err = run("models", "list")
    assert (code, "efficientat" in out) == (0, True), err
    code, _, err = run("classes", "--model", "efficientat")
    assert (code, "has no efficientat.onnx" in err) == (3, True)
    onnx.save(mobile_net(), str(folder / "efficientat.onnx"))
    noise = 0.05 * np.random.default_rng(1).standard_normal(32_000)
    soundfile.write(folder / "noise.wav", noise, 32_000)
    render = ("render", folder / "noise.wav", "--model", "efficientat", "--class", "class 3")
    options = ("--method", "add", "--steps", 2, "--out", folder / "out", "--json")
    code, out, err = run(*render, *options)
    assert code == 0, err
    report = json.loads(out)["inputs"][0]
    assert report["final"]["loss"] > report["initial"]["loss"]


def test_an_operation_that_is_not_known_is_named(folder: Path) -> None:
    node = onnx.helper.make_node
    odd = [
        node("Erf", ["mel"], ["a"]),
        node("Flatten", ["a"], ["features"]),
        node("Flatten", ["a"], ["logits"]),
    ]
    onnx.save(graph_of(odd, {}), str(folder / "efficientat.onnx"))
    with pytest.raises(plugins.ModelError, match="not in OPERATIONS: Erf"):
        plugins.load_plugin("efficientat")
