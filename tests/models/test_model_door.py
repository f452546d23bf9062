"""The model door: foreign SavedModels of every published form, added by one command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import dreamsound_studio as dreamsound
from dreamsound_studio.errors import ModelError, RecipeError
from dreamsound_studio.models.load import load_weights
from dreamsound_studio.models.savedmodel.card import read_card
from dreamsound_studio.models.savedmodel.labels import read_classes, tables_in, tables_of
from dreamsound_studio.models.savedmodel.profiles import stated_rates
from dreamsound_studio.models.savedmodel.trust import Pulled, pull_foreign
from dreamsound_studio.models.savedmodel.wishes import Wishes
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.tables import table_of
from dreamsound_studio.recipe.recipe import Recipe

from .shapes import (
    BANDS,
    CENTRES,
    NAMES,
    SHAPES,
    UNITS,
    embedding,
    logits,
    save_called,
    save_outputs,
    spectrogram,
)

TRUSTING = Watch(
    check=lambda _weights: None, may_run=lambda _folder: True, accepts=lambda _terms: True
)
Add = Callable[..., Pulled]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The SavedModels of published forms, made when they are asked for."""
    folder = tmp_path_factory.mktemp("shapes")

    def make(name: str) -> Path:
        if not (folder / name).exists():
            SHAPES[name](folder / name)
        return folder / name

    return make


@pytest.fixture
def add(bare_machine: Path, tmp_path: Path) -> Add:
    """Add a SavedModel under its folder's name."""

    def call(source: Path, watch: Watch = TRUSTING, **wanted: Any) -> Pulled:
        labels = wanted.pop("labels", None)
        return pull_foreign(source.name, str(source), Wishes(**wanted), labels, watch)

    return call


def noise(rate: int, seconds: float) -> dreamsound.Clip:
    values = 0.05 * np.random.default_rng(1).standard_normal(round(rate * seconds))
    return dreamsound.Clip.from_array(values.astype(np.float32), rate)


#: Of each form: the options that it needs, and what is found.
FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "perch2": (
        {},
        {
            "network": "Perch 2",
            "licence": "Apache-2.0",
            "sample_rate_hz": 32_000,
            "output": "label",
            "outputs": "logits",
            "embeddings": "embedding",
            "classes": "assets/labels.csv",
            "patch_s": 5.0,
            "embedding_units": UNITS,
        },
    ),
    "perch1": (
        {},
        {
            "network": "Perch 1",
            "sample_rate_hz": 32_000,
            "signature": "infer_tf",
            "output": "output_0",
            "outputs": "logits",
            "embeddings": "output_1",
        },
    ),
    "birdnet": (
        {},
        {
            "network": "BirdNET 2.4",
            "licence": "CC BY-NC-SA 4.0",
            "sample_rate_hz": 48_000,
            "signature": "basic",
            "embeddings": "embeddings:embeddings",
            "patch_s": 3.0,
        },
    ),
    "vggish": ({"rate": 16_000}, {"embeddings": "output_0", "embedding_units": 128}),
    "trillsson": ({"rate": 16_000}, {"embeddings": "embedding", "patch_s": 0.975}),
    "keras2": (
        {"rate": 16_000},
        {"outputs": "scores", "classes": "assets/classes.txt", "signature": "__call__"},
    ),
    "pitch": ({"rate": 22_050}, {"embeddings": "contour", "embedding_units": BANDS}),
    "ast": (
        {"rate": 16_000},
        {"output": "a_raw", "outputs": "logits", "embeddings": "hidden_states"},
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_published_form_is_recognised_and_climbs(
    saved: Callable[[str], Path], add: Add, name: str, tmp_path: Path
) -> None:
    wanted, expected = FORMS[name]
    pulled = add(saved(name), **wanted)
    card = pulled.card
    assert card is not None
    assert card.model_dump() | expected == card.model_dump()
    assert ("output" in expected or name in ("birdnet", "keras2")) == card.has_classes
    if name == "perch2":
        assert "perch_v2_ebird_classes.csv fits too (--labels chooses)" in " ".join(pulled.notes)
    # What is known without the weights is what the loaded network has.
    model = load_weights(pulled.weights)
    table = table_of(pulled.weights)
    assert (table.class_names, table.layers) == (model.table.class_names, model.table.layers)
    fields: dict[str, Any] = {"class_": "band 3", "method": "add"}
    if not card.has_classes:
        rate = card.sample_rate_hz
        time = np.arange(7 * rate) / rate
        tone = 0.2 * np.sin(2 * np.pi * CENTRES[3] * rate * time)
        soundfile.write(tmp_path / "tone.wav", tone, rate)
        fields = {"objective": f'guide:"{tmp_path / "tone.wav"}"', "method": "add"}
    sound = noise(card.sample_rate_hz, 1.4 * card.patch_s)
    result = dreamsound.dream(sound, Recipe.make(steps=2, **fields), model=model)
    assert result.final.loss > result.initial.loss + 0.005 * abs(result.initial.loss)
    assert result.final.class_name == ("band 3" if card.has_classes else "")


def test_windows_of_a_fixed_length_give_what_the_network_gives(
    saved: Callable[[str], Path], add: Add
) -> None:
    import tensorflow as tf

    from dreamsound_studio.dream.guide import layer_of

    for name, rate, length in (("birdnet", 48_000, 144_000), ("ast", 16_000, 16_001)):
        model = load_weights(add(saved(name), rate=rate).weights)
        sound = noise(rate, 1.2 * length / rate)
        samples = np.pad(sound.samples.array()[0], (0, 2 * length))
        hop = 2 * model.frame_hop_samples
        first, second = (
            tf.sigmoid(logits(tf.constant(samples[start : start + length][None])))[0]
            for start in (0, hop)
        )
        found = layer_of(sound, model, "scores")
        np.testing.assert_allclose(found[0], first, atol=1e-5)
        np.testing.assert_allclose(found[1], second, atol=1e-5)
        inner = layer_of(sound, model, "embeddings")
        expected = embedding(tf.constant(samples[:length][None]))[0]
        np.testing.assert_allclose(inner[0], expected, atol=1e-5)


@pytest.mark.parametrize("seconds", [0.5, 1.7])
def test_a_network_with_a_learned_front_end_climbs_under_jitter(
    add: Add, tmp_path: Path, seconds: float
) -> None:
    """It hears in frames of 64 samples: a patch grid that shifts by less would never climb."""

    def run(sounds: Any) -> Any:
        import tensorflow as tf

        random = np.random.default_rng(5)
        kernel, head = (
            random.standard_normal(size).astype(np.float32) for size in ((64, 32), (32, 5))
        )
        frames = tf.signal.frame(sounds, 64, 64) @ (kernel / 8)
        return {"logits": tf.reduce_mean(tf.nn.relu(frames), axis=1) @ head}

    source = tmp_path / "net"
    save_called(source, run, [None, 16_000])
    (source / "labels.txt").write_text("\n".join(NAMES))
    model = load_weights(add(source, rate=16_000).weights)
    assert model.grid_step_samples == 1280
    sound = noise(16_000, seconds)
    for method in ("add", "sculpt"):
        recipe = Recipe.make(class_="band 2", method=method, steps=3)
        result = dreamsound.dream(sound, recipe, model=model)
        rise = (result.final.loss - result.initial.loss) / abs(result.initial.loss)
        assert rise > 0.1, method


@pytest.mark.parametrize("names", [("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b")])
def test_a_spectrogram_with_as_many_bins_as_classes_is_not_the_scores(
    add: Add, tmp_path: Path, names: tuple[str, str, str]
) -> None:
    spectrum, scores, inner = names
    outputs = {spectrum: spectrogram, scores: logits, inner: embedding}
    save_outputs(tmp_path / "net", outputs, {"assets/classes.txt": ""})
    card = add(tmp_path / "net", rate=16_000).card
    assert card is not None
    assert (card.output, card.embeddings, card.outputs) == (scores, inner, "logits")


def test_a_spectrogram_alone_is_not_the_scores_unless_it_is_named(add: Add, tmp_path: Path) -> None:
    source = tmp_path / "net"
    save_outputs(source, {"x": spectrogram, "y": embedding}, {"labels.txt": ""})
    pulled = add(source, rate=16_000)
    assert pulled.card is not None
    assert (pulled.card.output, pulled.card.embeddings) == (None, "y")
    assert "fits a table of classes, but changes with time" in " ".join(pulled.notes)
    with pytest.raises(ModelError, match=r"changes with time .* Pass --output NAME"):
        add(source, rate=16_000, labels=source / "labels.txt")
    source.rename(tmp_path / "other")
    card = add(tmp_path / "other", rate=16_000, output="x").card
    assert card is not None
    assert (card.output, card.classes) == ("x", "labels.txt")


def test_several_possible_scores_have_to_be_named(add: Add, tmp_path: Path) -> None:
    def other(sounds: Any) -> Any:
        return embedding(sounds, BANDS)

    source = tmp_path / "net"
    save_outputs(source, {"p": logits, "q": other}, {"labels.txt": ""})
    with pytest.raises(ModelError, match=r"several outputs can be the scores: .*Pass --output"):
        add(source, rate=16_000)
    card = add(source, rate=16_000, output="q").card
    assert card is not None
    assert (card.output, card.embeddings) == ("q", "p")
    # Of a tuple, scores come first, as in every published network.
    source = tmp_path / "pair"
    save_called(source, lambda sounds: (logits(sounds), other(sounds)), [None, 16_000])
    (source / "labels.txt").write_text("\n".join(NAMES))
    card = add(source, rate=16_000).card
    assert card is not None
    assert (card.output, card.embeddings) == ("output_0", "output_1")


def test_each_of_several_classifiers_has_the_table_of_its_name(add: Add, tmp_path: Path) -> None:
    def family(sounds: Any) -> Any:
        return logits(sounds)[:, ::-1]

    source = tmp_path / "net"
    tables = {f"assets/{name}.csv": "ebird2021" for name in ("family", "genus", "label")}
    save_outputs(source, {"family": family, "label": logits, "embedding": embedding}, tables)
    pulled = add(source, rate=16_000)
    assert pulled.card is not None
    assert (pulled.card.output, pulled.card.classes) == ("label", "assets/label.csv")
    assert "from label.csv; genus.csv, family.csv fit too (--labels" in " ".join(pulled.notes)
    source.rename(tmp_path / "other")
    card = add(tmp_path / "other", rate=16_000, output="family").card
    assert card is not None
    assert (card.output, card.classes) == ("family", "assets/family.csv")


def test_what_is_stated_wrongly_names_the_option_that_mends_it(
    saved: Callable[[str], Path], add: Add, tmp_path: Path
) -> None:
    few = tmp_path / "few.txt"
    few.write_text("one\ntwo\n")
    vggish, keras, bird = saved("vggish"), saved("keras2"), saved("birdnet")
    for source, wanted, words in (
        (vggish, {}, r"unknown sample rate\. Pass --rate HZ"),
        (keras, {}, r"unknown sample rate; it hears 16000 samples at a time\. Pass --rate HZ"),
        (keras, {"rate": 16_000, "labels": few}, r"few.txt names 2 classes .* Pass --labels FILE"),
        (keras, {"rate": 16_000, "window_s": 3.0}, r"exactly 16000 samples, 1 s at .* --window-s"),
        (keras, {"rate": 16_000, "signature": "x"}, r"no signature x .*__call__.* --signature"),
        (keras, {"rate": 16_000, "output": "x"}, r"no output x \(available: output_0"),
        (vggish, {"rate": 16_000, "output": "output_0"}, r"no table names .* Pass --labels"),
        (
            vggish,
            {"rate": 16_000, "window_s": 0.5},
            r"waveform of 8000 samples.* --window-s",
        ),
        (bird, {"embeddings": "basic:x"}, r"no output basic:x .*basic:scores .* --embeddings"),
    ):
        with pytest.raises(ModelError, match=words) as raised:
            add(source, **wanted)
        assert "\n" not in str(raised.value)
        assert str(raised.value).startswith(f"{source}: ")
        assert not (tmp_path / "data" / source.name).exists()
    # A window and a fixed length give the rate.
    card = add(keras, window_s=0.5).card
    assert card is not None
    assert (card.sample_rate_hz, card.patch_s) == (32_000, 0.5)


def test_a_longer_window_is_tried_where_one_is_too_short(add: Add, tmp_path: Path) -> None:
    def run(sound: Any) -> Any:
        import tensorflow as tf

        return embedding(tf.signal.frame(sound, 30_000, 30_000))

    save_called(tmp_path / "net", run, [None])
    card = add(tmp_path / "net", rate=16_000).card
    assert card is not None
    assert card.patch_s == 2.0


def test_a_licence_is_shown_and_has_to_be_accepted(saved: Callable[[str], Path], add: Add) -> None:
    shown: list[str] = []

    def accepts(terms: str) -> bool:
        shown.append(terms)
        return False

    watch = Watch(lambda _weights: None, may_run=lambda _folder: True, accepts=accepts)
    with pytest.raises(ModelError, match=r"BirdNET 2\.4 is under CC BY-NC-SA 4\.0.*accept-licence"):
        add(saved("birdnet"), watch)
    assert len(shown) == 1
    assert "no commercial use" in shown[0]
    # A card written by hand does not go around it.
    place = add(saved("birdnet")).weights
    card = place.place / "dreamsound-model.json"
    card.write_text(
        json.dumps({"sample_rate_hz": 48_000, "classes": "assets/classes.csv", "outputs": "logits"})
    )
    with pytest.raises(ModelError, match="accept-licence"):
        load_weights(place)


def test_nothing_runs_that_is_not_trusted(saved: Callable[[str], Path], add: Add) -> None:
    with pytest.raises(ModelError, match=r"program that runs with your rights.*--trust"):
        add(saved("keras2"), Watch(check=lambda _weights: None), rate=16_000)


def test_the_rate_is_read_where_the_model_states_it(add: Add, tmp_path: Path) -> None:
    source = tmp_path / "net"
    save_outputs(source, {"scores": logits, "embedding": embedding}, {"assets/labels.txt": ""})
    (source / "assets" / "config.json").write_text('{"audio": {"sample_rate": 24000}}')
    pulled = add(source)
    assert pulled.card is not None
    assert pulled.card.sample_rate_hz == 24_000
    assert "sample rate 24000 Hz from assets/config.json (--rate)" in pulled.notes
    (source / "other.yaml").write_text("sr: 16000\n")
    assert set(stated_rates(source)) == {24_000, 16_000}
    source.rename(tmp_path / "two")
    with pytest.raises(ModelError, match=r"unknown sample rate \(24000 in .*16000 in other.yaml\)"):
        add(tmp_path / "two")


def test_a_folder_around_the_model_and_its_labels_are_found(add: Add, tmp_path: Path) -> None:
    source = tmp_path / "bundle"
    save_outputs(source / "audio-model", {"scores": logits})
    (source / "labels").mkdir()
    for language in ("de", "en_us", "fr"):
        (source / "labels" / f"{language}.txt").write_text("\n".join(NAMES))
    pulled = add(source, rate=16_000)
    assert pulled.card is not None
    assert pulled.card.classes == "en_us.txt"
    assert read_card(pulled.weights.place).table.class_names == NAMES


def test_tables_of_classes_in_every_form(tmp_path: Path) -> None:
    for name, content in {
        "a.csv": "index,mid,display_name\n0,/m/0,band 0\n1,/m/1,band 1\n",
        "b.csv": "ebird2021\nband 0\nband 1\n",
        "c.txt": "band 0\nband 1\n",
        "d.json": '["band 0", "band 1"]',
        "e.json": '{"1": "band 1", "0": "band 0"}',
        "f.json": '{"band 1": 1, "band 0": 0}',
        "g.tsv": "index\tname\n0\tband 0\n1\tband 1\n",
    }.items():
        (tmp_path / name).write_text(content)
        assert read_classes(tmp_path / name) == ("band 0", "band 1"), name
    # A first line that may be a header, or a class.
    assert [len(table.names) for table in tables_of(tmp_path / "b.csv")] == [2, 3]
    assert read_classes(tmp_path / "b.csv", has_header=False)[0] == "ebird2021"
    (tmp_path / "README.txt").write_text("no table\n")
    (tmp_path / "broken.json").write_text("{")
    assert {table.path.name for table in tables_in(tmp_path)} == {
        f"{name}" for name in ("a.csv", "b.csv", "c.txt", "d.json", "e.json", "f.json", "g.tsv")
    }


def test_a_network_without_classes_from_the_command_line(
    saved: Callable[[str], Path],
    bare_machine: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from dreamsound_studio.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return (code, *capfd.readouterr())

    sound, guide = tmp_path / "noise.wav", tmp_path / "tone.wav"
    soundfile.write(sound, noise(16_000, 1.2).samples.array()[0], 16_000)
    soundfile.write(guide, 0.2 * np.sin(np.arange(20_000) * 0.7), 16_000)
    add = ("models", "add", "ears", "--from", saved("trillsson"), "--trust")
    code, _, err = run(*add)
    assert (code, "Pass --rate HZ" in err) == (3, True)
    code, out, err = run(*add, "--rate", 16_000)
    assert code == 0, err
    assert "embeddings        embedding" in out
    assert "outputs" not in out  # there are no scores
    assert "edit" in err
    about = json.loads(run("models", "info", "ears", "--json")[1])
    assert about["card"]["embedding_units"] == 64
    assert "card            embeddings embedding" in run("models", "info", "ears")[1]
    render = ("render", sound, "--model", "ears", "--steps", 1, "--out", tmp_path / "out")
    for words in (("--class", "Dog"), ()):
        code, _, err = run(*render, *words)
        assert (code, len(err.splitlines())) == (2, 1), err
        assert "ears has no classes, only embeddings. Use a guide, a texture or a dir" in err
    for command in (("listen", sound), ("classes",)):
        code, _, err = run(*command, "--model", "ears")
        assert (code, "has no classes" in err) == (2, True), err
    code, _, err = run(*render, "--objective", f'guide:"{guide}"')
    assert code == 0, err
    assert "noise.wav: loss 0." in err
    assert "0.000" not in err
    with pytest.raises(RecipeError, match="has no classes"):
        table_of(load_ears(bare_machine)).find_class("Dog")


def load_ears(models: Path) -> Any:
    from dreamsound_studio.models.weights import weights_at

    return weights_at(models / "ears")
