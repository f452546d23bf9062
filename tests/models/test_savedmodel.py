"""Foreign SavedModels: tiny ones that hear three bands, and many that cannot be dreamed with."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import dreamsound_studio as dreamsound
from dreamsound_studio.dream.guide import layer_of
from dreamsound_studio.errors import ModelError, RecipeError
from dreamsound_studio.models.load import load_weights
from dreamsound_studio.models.savedmodel.card import CARD_FILE
from dreamsound_studio.models.store.find import find_weights
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.tables import table_of
from dreamsound_studio.models.weights import Weights, weights_at
from dreamsound_studio.recipe.recipe import Recipe

RATE, PATCH = 8_000, 2_000
CARD = {"sample_rate_hz": RATE, "classes": "classes.csv", "patch_s": PATCH / RATE}
KINDS = ("plain", "embeddings", "signature", "two", "batch", "logits", "flat", "noisy")

UNCHECKED = Watch(check=lambda _weights: None)


def _save(kind: str, folder: Path) -> None:
    """Save a network that hears how loud three bands are."""
    import tensorflow as tf

    time = np.arange(64) / RATE
    filters = np.stack([np.cos(2 * np.pi * hz * time) for hz in (300, 1000, 3000)], axis=1)
    kernel = (filters * np.hanning(64)[:, None] / 16).astype(np.float32)[:, None]

    def energies(waveform: Any) -> Any:
        bands = tf.nn.conv1d(waveform[None, :, None], kernel, 5, "SAME")[0]
        return tf.reduce_mean(tf.square(bands), axis=0, keepdims=True)

    def scores(waveform: Any) -> Any:
        logits = 4 * tf.math.log(energies(waveform) + 1e-4) + 10
        if kind == "logits":
            return logits
        if kind == "flat":
            return tf.one_hot(tf.argmax(logits, axis=1), 3)
        return tf.sigmoid(logits)

    class Net(tf.Module):  # type: ignore[misc, name-defined]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, waveform: Any) -> Any:
            if kind == "noisy":
                tf.debugging.assert_less(tf.shape(waveform)[0], 10)
            if kind == "embeddings":
                return scores(waveform), tf.sqrt(energies(waveform))
            return scores(waveform)

    class Signatures(tf.Module):  # type: ignore[misc, name-defined]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def hear(self, sound: Any) -> Any:
            return {"scores": scores(sound)}

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
        def hear_batch(self, sounds: Any) -> Any:
            return {"scores": tf.map_fn(lambda sound: scores(sound)[0], sounds)}

    if kind in ("signature", "two", "batch"):
        net = Signatures()
        signatures: dict[str, Any] = {"listen": net.hear}
        if kind == "two":
            signatures["other"] = net.hear_batch
        if kind == "batch":
            signatures = {"serving_default": net.hear_batch}
        tf.saved_model.save(net, str(folder), signatures=signatures)
    else:
        tf.saved_model.save(Net(), str(folder))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One SavedModel of each kind, without a card."""
    folder = tmp_path_factory.mktemp("foreign")
    for kind in KINDS:
        _save(kind, folder / kind)
    return folder


@pytest.fixture
def model_of(made: Path, tmp_path: Path) -> Callable[..., Weights]:
    def make(kind: str, card: Any = CARD, classes: str = "index,display_name") -> Weights:
        folder = tmp_path / kind
        shutil.copytree(made / kind, folder)
        if card is not None:
            (folder / CARD_FILE).write_text(card if isinstance(card, str) else json.dumps(card))
        if classes:
            rows = "0,low\n1,middle\n2,high\n" if "," in classes else "low\nmiddle\nhigh\n"
            header = f"{classes}\n" if "," in classes else ""
            (folder / "classes.csv").write_text(header + rows)
        return weights_at(folder)

    return make


def tone(hz: float, seconds: float = 0.6) -> dreamsound.Clip:
    time = np.arange(round(RATE * seconds)) / RATE
    noise = np.random.default_rng(1).standard_normal(len(time))
    sound = 0.3 * np.sin(2 * np.pi * hz * time) + 0.01 * noise
    return dreamsound.Clip.from_array(sound.astype(np.float32), RATE)


@pytest.mark.parametrize("kind", ["plain", "embeddings", "signature", "two", "batch"])
def test_it_scores_as_it_does_by_itself(
    model_of: Callable[..., Weights], made: Path, kind: str
) -> None:
    import tensorflow as tf

    weights = model_of(kind)
    assert (weights.name, weights.kind) == (kind, "savedmodel")
    model = load_weights(weights)
    found = layer_of(tone(1000), model, "scores")
    loaded = tf.saved_model.load(str(made / "plain"))
    heard = np.pad(tone(1000).samples.array()[0], (0, PATCH))
    for patch, scores in enumerate(found):
        part = heard[patch * PATCH // 2 :][:PATCH]
        np.testing.assert_allclose(scores, loaded(part)[0], atol=1e-5)
    assert np.argmax(found.mean(axis=0)) == 1
    layers = {"scores", "embeddings"} if kind == "embeddings" else {"scores"}
    assert set(model.table.layers) == layers


@pytest.mark.parametrize(("kind", "layer"), [("plain", "scores"), ("embeddings", "embeddings")])
def test_it_dreams(model_of: Callable[..., Weights], kind: str, layer: str) -> None:
    model = load_weights(model_of(kind))
    result = dreamsound.dream(
        tone(1000), Recipe.make(method="add", class_="high", steps=5), model=model
    )
    assert result.final.class_name == "high"
    assert result.final.loss > result.initial.loss + 0.5
    result = dreamsound.dream(
        tone(1000), Recipe.make(layer=layer, steps=3, strength=0.02), model=model
    )
    assert result.steps[-1].loss > result.steps[0].loss
    with pytest.raises(RecipeError, match=f"{kind} has no layer 'layer7'"):
        dreamsound.dream(tone(1000), Recipe.make(layer="layer7"), model=model)


def test_listenings_at_several_speeds_are_traced_one_after_the_other(
    model_of: Callable[..., Weights],
) -> None:
    """TensorFlow builds the gradient of a function that it restored in one thread at a time."""
    model = load_weights(model_of("embeddings"))
    for seed in range(8):
        model.graphs.clear()
        recipe = Recipe.make(class_="high", steps=1, listens=4, seed=seed)
        assert dreamsound.dream(tone(1000), recipe, model=model).final.class_name == "high"


def test_logits_are_taken_as_such(model_of: Callable[..., Weights]) -> None:
    with pytest.raises(ModelError, match=r'outside 0 to 1. .* add "outputs": "logits"'):
        load_weights(model_of("logits"))
    folder = model_of("plain").place.parent / "logits"
    (folder / CARD_FILE).write_text(json.dumps(CARD | {"outputs": "logits"}))
    logits, scores = (
        layer_of(tone(1000), load_weights(weights_at(folder.parent / kind)), "scores")
        for kind in ("logits", "plain")
    )
    np.testing.assert_allclose(logits, scores, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "card", "classes", "words"),
    [
        ("plain", None, "i,name", r"unknown sample rate.*--rate HZ"),
        ("plain", {"sample_rate_hz": RATE}, "", r"unknown table of classes .*none"),
        ("plain", "{", "i,name", "invalid JSON"),
        ("plain", CARD | {"rate": 1}, "i,name", "rate: unknown field. Use sample_rate_hz,"),
        ("plain", [CARD], "i,name", "not a JSON object"),
        ("plain", {"classes": "classes.csv"}, "i,name", "sample_rate_hz: missing. Add it."),
        ("plain", CARD | {"sample_rate_hz": "fast"}, "i,name", "sample_rate_hz: use a whole n"),
        ("plain", CARD | {"outputs": "x"}, "i,name", "use one of scores, logits, not 'x'"),
        ("plain", CARD | {"classes": "../classes.csv"}, "i,name", "must be in the model's folder"),
        ("plain", CARD | {"classes": "none.csv"}, "", "none.csv: cannot read the classes"),
        ("plain", CARD, "i,j", "no column display_name"),
        ("plain", CARD | {"classes": CARD_FILE}, "i,name", "no list of class names"),
        (
            "two",
            CARD | {"signature": "none"},
            "i,name",
            "no signature none .*: hear, hear_",
        ),
        ("plain", CARD | {"output": "none"}, "i,name", r"no output none \(available: output_0 "),
        ("plain", CARD | {"embeddings": "none"}, "i,name", "no output none .*embeddings"),
        ("flat", CARD, "i,name", "no gradient"),
        ("noisy", CARD, "i,name", "does not accept a waveform of 2000 samples"),
    ],
)
def test_what_cannot_be_dreamed_with_is_reported_in_one_line(
    model_of: Callable[..., Weights], kind: str, card: Any, classes: str, words: str
) -> None:
    with pytest.raises(ModelError, match=words) as raised:
        load_weights(model_of(kind, card, classes))
    assert "\n" not in str(raised.value)


def test_a_damaged_graph_is_reported(model_of: Callable[..., Weights]) -> None:
    weights = model_of("plain")
    (weights.place / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_weights(weights)


def test_classes_are_found_in_the_assets(model_of: Callable[..., Weights]) -> None:
    weights = model_of("plain", {"sample_rate_hz": RATE}, "")
    (weights.place / "assets").mkdir(exist_ok=True)
    (weights.place / "assets" / "names.txt").write_text("low\n\nmiddle\nhigh\n")
    assert table_of(weights).class_names == ("low", "middle", "high")
    (weights.place / "assets" / "more.csv").write_text("label\na\n")
    with pytest.raises(ModelError, match=r"\(in assets: more\.csv, names\.txt\)"):
        table_of(weights)


@pytest.mark.usefixtures("bare_machine")
def test_a_program_of_others_runs_only_where_it_is_trusted(
    model_of: Callable[..., Weights],
) -> None:
    folder = model_of("plain").place
    with pytest.raises(ModelError, match=r"program that runs with your rights. .*--trust"):
        find_weights(str(folder), UNCHECKED)
    asked: list[Path] = []

    def may_run(path: Path) -> bool:
        asked.append(path)
        return True

    trusting = Watch(check=lambda _weights: None, may_run=may_run)
    assert find_weights(str(folder), trusting).path == folder
    # It is asked once, until a file of it is another.
    assert find_weights(str(folder), UNCHECKED).kind == "savedmodel"
    assert asked == [folder]
    (folder / "classes.csv").write_text("name\na\nb\nc\n")
    with pytest.raises(ModelError, match="--trust"):
        find_weights(str(folder), UNCHECKED)


@pytest.mark.usefixtures("bare_machine")
def test_it_is_dreamed_with_from_the_command_line(
    model_of: Callable[..., Weights], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from dreamsound_studio.cli import main

    folder = model_of("plain", None, "").place
    classes = tmp_path / "bands.csv"
    classes.write_text("name\nlow\nmiddle\nhigh\n")
    sound = tmp_path / "tone.wav"
    soundfile.write(sound, tone(1000).samples.array()[0], 8000)

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return (code, *capfd.readouterr())

    pull = ("models", "pull", "bands", "--from", folder)
    code, _, err = run(*pull, "--rate", RATE, "--classes", classes)
    assert (code, "--trust" in err) == (3, True)
    assert run("models", "path", "bands")[0] == 2
    code, _, err = run(*pull, "--trust")
    assert (code, "unknown sample rate" in err) == (3, True)
    code, out, err = run(*pull, "--rate", RATE, "--classes", classes, "--trust", "--json")
    assert code == 0, err
    assert json.loads(out)["name"] == "bands"
    assert "bands" in run("models", "list")[1]
    assert run("classes", "--model", "bands")[1].split() == ["0", "low", "1", "middle", "2", "high"]
    code, out, err = run("listen", sound, "--model", "bands", "--json")
    assert code == 0, err
    assert json.loads(out)["classes"][0]["name"] == "middle"
    dreamed = ("render", sound, "--out", tmp_path / "out", "--model", "bands", "--steps", 2)
    code, _, err = run(*dreamed, "--class", "high")
    assert code == 0, err
    code, _, err = run(*dreamed, "--class", "hihg")
    assert (code, "Did you mean high" in err) == (2, True)
    assert run("models", "remove", "bands")[0] == 0
    assert run("models", "path", "bands")[0] == 2
    for name in ("../x", "auto", "a b"):
        assert run("models", "pull", name, "--from", folder, "--trust")[0] == 3
    assert run("models", "pull", "yamnet", "--from", folder, "--rate", RATE)[0] == 3


def test_hub_loads_it_without_a_word(model_of: Callable[..., Weights]) -> None:
    folder = model_of("plain").place
    code = (
        "from pathlib import Path\n"
        "from dreamsound_studio.models.load import load_weights\n"
        "from dreamsound_studio.models.weights import weights_at\n"
        f"model = load_weights(weights_at(Path({str(folder)!r})))\n"
        "print(hasattr(model._loaded, '_is_hub_module_v1'), model.class_names)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True ('low', 'middle', 'high')\n"
    assert done.stderr == ""


@pytest.mark.usefixtures("bare_machine")
def test_it_is_dreamed_with_from_the_cache_of_hub(
    model_of: Callable[..., Weights], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from dreamsound_studio.cli import main
    from dreamsound_studio.models.store.caches import hub_folder
    from dreamsound_studio.render.note import read_note

    handle = "https://tfhub.dev/somebody/bands/1"
    hub_folder(handle).parent.mkdir(parents=True)
    model_of("plain").place.rename(hub_folder(handle))
    sound = tmp_path / "tone.wav"
    soundfile.write(sound, tone(1000).samples.array()[0], 8000)
    render = ["render", str(sound), "--out", str(tmp_path / "out"), "--steps", "2"]
    render += ["--model", f"{handle}?tf-hub-format=compressed", "--class"]
    assert main([*render, "high"]) == 3
    assert "pass --trust" in capfd.readouterr().err
    assert main([*render, "high", "--trust"]) == 0
    note = read_note(next((tmp_path / "out").glob("*.wav")))
    # The name in the note finds the model again.
    assert note["recipe"]["model"] == handle
    assert main(["classes", "--model", handle]) == 0
    assert main([*render, "hihg"]) == 2
    assert f"{handle} has no class 'hihg'" in capfd.readouterr().err
    assert main(["models", "path", handle]) == 0
    assert capfd.readouterr().out.strip() == str(hub_folder(handle))
