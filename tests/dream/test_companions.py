"""Several models in one objective: who hears what, what is added, and what a dream notes of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import dreamsound_studio as dreamsound
from dreamsound_studio.cli import main
from dreamsound_studio.dream.ears import prior_of
from dreamsound_studio.dream.judge import dreamed_class
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.basic_pitch.network import BasicPitch
from dreamsound_studio.models.ensemble import Ensemble, narrowed, together
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.store.local import MODELS_VARIABLE
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.recipe.objective import Class, FromModel, Layer
from dreamsound_studio.recipe.objective_text import parse_objective
from dreamsound_studio.recipe.plan import Plan, other_models
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.note import read_note

RATE_HZ = 16_000
BOTH = "yamnet/class:Bird + 0.5*basic-pitch/chord:Am"


@pytest.fixture
def noise() -> Any:
    return 0.1 * np.random.default_rng(0).standard_normal((1, RATE_HZ)).astype(np.float32)


# -- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        BOTH,
        "class:Bird - 2.0*basic-pitch/note:A4 + layer:layer7/pointwise_conv",
        'basic-pitch/guide:"a/b.wav":contour',
        "mtt-musicnn/channel:cnn1:3 - yamnet/class:Bird:score",
    ],
)
def test_text_and_objects_are_one(text: str) -> None:
    objective = parse_objective(text)
    assert str(objective) == text
    assert parse_objective(str(objective)) == objective


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("basic-pitch/", 12, "expected one of class"),
        ("class:Bird + my-model/class:@follow", 13, "needs a name"),
        ("a/b/class:Bird", 2, "expected one of class"),
        ("../x/class:Bird", 0, "expected one of class"),
    ],
)
def test_what_is_refused_shows_its_place(text: str, position: int, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as raised:
        parse_objective(text)
    assert str(raised.value).endswith(f"\n  {' ' * position}^")


def test_terms_are_sorted_by_their_models() -> None:
    objective = Class("Bird") + 0.5 * FromModel("basic-pitch", Class("A4")) - Layer("layer3")
    found = objective.by_model("yamnet")
    assert {name: str(terms) for name, terms in found.items()} == {
        "yamnet": "class:Bird - layer:layer3",
        "basic-pitch": "0.5*class:A4",
    }
    with pytest.raises(RecipeError, match="not a path"):
        FromModel("models/mine", Class("Bird"))


def test_where_every_term_names_a_model_the_first_is_the_recipes() -> None:
    made = Recipe.make(objective=BOTH)
    assert (made.model, other_models(made)) == ("yamnet", ("basic-pitch",))
    made = Recipe.make(objective="basic-pitch/note:A4")
    assert (made.model, other_models(made)) == ("basic-pitch", ())
    made = Recipe.make(objective="class:Bird + basic-pitch/note:A4")
    assert (made.model, other_models(made)) == ("auto", ("basic-pitch",))


def test_each_models_names_are_checked() -> None:
    for text, words in (
        ("yamnet/class:Brid + basic-pitch/note:A4", "no class 'Brid'"),
        ("yamnet/class:Bird + basic-pitch/layer:notes", "basic-pitch has no layer 'notes'"),
        ("class:Bird + mtt-musicnn/note:A4", "mtt-musicnn hears no notes"),
    ):
        recipe = Recipe.make(objective=text)
        with pytest.raises(RecipeError, match=words):
            check_names(recipe, *known_tables(recipe.model))
    check_names(Recipe.make(objective=BOTH), *known_tables("yamnet"))


# -- dreams ---------------------------------------------------------------------------------------


def one_step(model: Model, noise: Any, objective: str, **fields: Any) -> Any:
    given = {"method": "add", "objective": objective, "steps": 1} | fields
    return dreamsound.dream(noise, RATE_HZ, model=model, **given)


@pytest.mark.yamnet
def test_the_gradient_is_the_weighted_sum_of_unit_gradients(
    yamnet: Model, basic_pitch: BasicPitch, noise: Any
) -> None:
    alone = [
        one_step(model, noise, text)
        for model, text in ((yamnet, "class:Bird"), (basic_pitch, "chord:Am"))
    ]
    both = one_step(Ensemble(yamnet, {"basic-pitch": basic_pitch}), noise, BOTH)
    parts = [dream.gradient.array()[0].astype(np.float64) for dream in alone]
    expected = parts[0] / parts[0].std() + 0.5 * parts[1] / parts[1].std()
    found = both.gradient.array()[0].astype(np.float64)
    np.testing.assert_allclose(
        found / found.std(), expected / expected.std(), atol=1e-3 * np.abs(expected).max()
    )
    # The objective is the plain weighted sum, and the class is the first model's.
    losses = [dream.initial.loss for dream in alone]
    assert both.initial.loss == pytest.approx(losses[0] + 0.5 * losses[1], rel=1e-4)
    assert (both.final.class_name, both.model_name) == ("Bird", "yamnet")
    assert both.final.loss > both.initial.loss


@pytest.mark.yamnet
def test_the_weights_of_every_model_count(yamnet: Model, basic_pitch: BasicPitch) -> None:
    both = together(yamnet, {"basic-pitch": basic_pitch})
    assert together(yamnet, {}) is yamnet
    assert both.name == "yamnet"
    others = {yamnet.weights_sha256, together(basic_pitch, {"yamnet": yamnet}).weights_sha256}
    assert both.weights_sha256 not in others


@pytest.mark.yamnet
def test_each_model_has_its_own_varied_listening(yamnet: Model, basic_pitch: BasicPitch) -> None:
    both = together(yamnet, {"basic-pitch": basic_pitch})
    assert (both.windows, both.per_db) == (yamnet.windows, yamnet.per_db)
    assert len(both.windows) > len(basic_pitch.windows) == 1
    plan = Plan.of(Recipe.make(method="sculpt", objective=BOTH, natural=10.0))
    assert prior_of(plan, both) == prior_of(plan, yamnet) is not None
    assert prior_of(plan, basic_pitch) is None


@pytest.mark.yamnet
def test_a_dream_notes_only_the_models_of_its_objective(
    yamnet: Model, basic_pitch: BasicPitch, noise: Any
) -> None:
    both = together(yamnet, {"basic-pitch": basic_pitch})
    assert one_step(both, noise, "class:Bird").weights_sha256 == yamnet.weights_sha256
    assert narrowed(both, ("basic-pitch",)) is both


@pytest.mark.yamnet
def test_none_of_the_models_judges(yamnet: Model, basic_pitch: BasicPitch, noise: Any) -> None:
    both = together(yamnet, {"basic-pitch": basic_pitch})
    for judge in (yamnet, basic_pitch):
        with pytest.raises(RecipeError, match="climbs this model itself"):
            one_step(both, noise, BOTH, judge=judge)
    for name in ("yamnet", "basic-pitch"):
        with pytest.raises(RecipeError, match="climbs this model itself"):
            dreamsound.dream(noise, RATE_HZ, objective=BOTH, judge=name)


@pytest.mark.yamnet
def test_a_class_that_another_model_hears_is_not_the_dreamed_one(
    yamnet: Model, basic_pitch: BasicPitch, noise: Any
) -> None:
    both = Ensemble(basic_pitch, {"yamnet": yamnet})
    dream = one_step(both, noise, "basic-pitch/chord:Am + yamnet/class:Bird", judge="none")
    assert dream.final.class_name == "A3"
    assert dreamed_class(dream) is None


@pytest.mark.yamnet
def test_a_model_that_is_not_loaded_is_reported(yamnet: Model, noise: Any) -> None:
    with pytest.raises(RecipeError, match="basic-pitch is not loaded"):
        one_step(yamnet, noise, BOTH)


@pytest.mark.yamnet
def test_the_command_line_dreams_and_redoes_it(
    basic_pitch_folder: Path,
    noise: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folders = [str(basic_pitch_folder.parent), os.environ.get(MODELS_VARIABLE, "")]
    monkeypatch.setenv(MODELS_VARIABLE, os.pathsep.join(folders))
    source = tmp_path / "x.wav"
    soundfile.write(source, noise[0], RATE_HZ)
    words = ["--steps", "1", "--out", str(tmp_path / "out"), "--renders", "dream"]
    sculpt = ["--method", "sculpt", "--gain-grid", "12x50ms"]
    assert main(["render", str(source), *words, *sculpt, "--objective", BOTH]) == 0
    render = tmp_path / "out" / "x_dream.wav"
    note = read_note(render)
    assert (note["model"], note["recipe"]["objective"]) == ("yamnet", BOTH)
    capfd.readouterr()
    assert main(["redo", str(render)]) == 0
    assert "made again, the same bytes" in capfd.readouterr().out
    for objective, words_said in (
        ("yamnet/class:Bird + basic-pitch/layer:notes", "basic-pitch has no layer"),
        ("yamnet/class:Bird + basic-pich/note:A4", "Did you mean basic-pitch"),
    ):
        assert main(["render", str(source), *words, "--objective", objective]) == 2
        assert words_said in capfd.readouterr().err


@pytest.mark.yamnet
def test_a_missing_model_is_reported_as_such(
    noise: Any,
    tmp_path: Path,
    bare_machine: Path,
    saved_model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Also where only one of two models is missing, and before TensorFlow is asked."""
    monkeypatch.setenv(MODELS_VARIABLE, str(saved_model_folder.parent))
    del bare_machine
    source = tmp_path / "x.wav"
    soundfile.write(source, noise[0], RATE_HZ)
    words = ["render", str(source), "--out", str(tmp_path / "out"), "--objective", BOTH]
    assert main(words) == 3
    assert "Model basic-pitch not found" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
