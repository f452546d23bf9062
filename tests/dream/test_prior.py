"""Naturalness: activations held to the statistics of the training, and windows of the features."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.ears import prior_of, unheard
from dreamsound_studio.dream.graphs import interpolation
from dreamsound_studio.dream.mono import EQUALISER_POINTS, Mono
from dreamsound_studio.dream.objective_functions import ClassObjective, Natural, Sum
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe

RATE = 16_000


def noise(seconds: float = 1.0) -> FloatArray:
    random = np.random.default_rng(0)
    return (0.1 * random.standard_normal((1, round(seconds * RATE)))).astype(np.float32)


def test_activations_like_those_of_training_have_distance_zero() -> None:
    tf = pytest.importorskip("tensorflow")
    random = np.random.default_rng(0)
    training = random.standard_normal(5).astype(np.float32)
    natural = Natural({"a": training})
    standard = random.standard_normal((3, 40, 50, 5))
    standard = (standard - standard.mean((0, 1, 2))) / standard.std((0, 1, 2))

    def value(scale: float, shift: float) -> FloatArray:
        found = {"a": tf.constant(scale * standard + training + shift, tf.float32)}
        found["logits"] = tf.zeros([3, 7])
        return np.asarray(natural.values(found, tf.constant([0])))

    np.testing.assert_allclose(value(1, 0), np.zeros(3), atol=1e-4)
    # m^2, and (log s)^2, by the formula.
    np.testing.assert_allclose(value(1, 0.5), np.full(3, -0.25), rtol=1e-3)
    np.testing.assert_allclose(value(2, 0), np.full(3, -(np.log(2) ** 2)), rtol=1e-3)


def test_the_priors_gradient_is_that_of_its_formula() -> None:
    tf = pytest.importorskip("tensorflow")
    random = np.random.default_rng(0)
    training = random.standard_normal(5).astype(np.float32)
    found = tf.constant(2 * random.standard_normal((3, 4, 6, 5)) + 3, tf.float32)

    def formula(activations: Any) -> Any:
        mean, variance = tf.nn.moments(tf.reshape(activations, [-1, 5]), 0)
        return -tf.reduce_mean((mean - training) ** 2 + (tf.math.log(variance + 1e-4) / 2) ** 2)

    def prior(activations: Any) -> Any:
        known = {"a": activations, "logits": tf.zeros([1, 7])}
        return Natural({"a": training}).values(known, tf.constant([0]))[0]

    def slope(of: Any) -> FloatArray:
        # In a graph, as dreams are: elsewhere the gradient is TensorFlow's.
        @tf.function(autograph=False)
        def in_graph(activations: Any) -> Any:
            return tf.gradients(of(activations), activations)[0]

        return np.asarray(in_graph(found))

    np.testing.assert_allclose(slope(prior), slope(formula), rtol=1e-4, atol=1e-7)


@pytest.mark.yamnet
def test_the_prior_is_climbed_and_not_reported(yamnet: Model) -> None:
    plan = Plan.of(Recipe.make(method="sculpt", class_="Bird", natural=50.0))
    prior = prior_of(plan, yamnet)
    objective = ClassObjective("logit")
    plain = Ear(yamnet, objective, RATE, hop_frames=96)
    with_prior = Ear(yamnet, objective, RATE, hop_frames=96, prior=prior)
    layers = list(yamnet.training_means.items())
    lower, upper = Natural(dict(layers[:13])), Natural(dict(layers[13:]))
    judge = Ear(yamnet, Sum(((1.0, lower), (0.15, upper))), RATE, hop_frames=96)

    def gradient(ear: Ear, sound: FloatArray) -> tuple[FloatArray, float]:
        into = Samples(1, sound.shape[1])
        loss = ear.gradient(
            Mono(Samples.of(sound)), ear.grid(sound.shape[1], None), (106,), into
        ).loss
        return into.array(), loss

    sound = noise()
    slope, loss = gradient(with_prior, sound)
    bare, bare_loss = gradient(plain, sound)
    statistics, before = gradient(judge, sound)
    assert loss == pytest.approx(bare_loss, abs=1e-4)
    np.testing.assert_allclose(
        slope, bare + 50 * statistics, atol=1e-3 * float(np.abs(slope).max())
    )
    # A small step up the prior's gradient brings the statistics nearer.
    moved = sound + 1e-3 * statistics / float(np.abs(statistics).max())
    assert gradient(judge, moved)[1] > before


@pytest.mark.parametrize(
    ("fields", "weight"),
    [
        ({"method": "sculpt", "class_": "Bird"}, 10.0),
        ({"method": "sculpt", "objective": "class:Bird + 0.5*class:Siren"}, 10.0),
        ({"method": "sculpt", "objective": "class:Bird + mtt-musicnn/class:rock"}, 10.0),
        ({"method": "sculpt", "objective": "class:Bird + basic-pitch/chord:Am"}, 0.0),
        ({"method": "sculpt", "class_": "Bird", "at": "score"}, 0.0),
        ({"method": "sculpt", "layer": "layer3/relu"}, 0.0),
        ({"method": "sculpt", "layer": "layer3/relu", "natural": 2.0}, 2.0),
        ({"method": "add", "class_": "Bird"}, 0.0),
    ],
)
def test_its_weight_fits_logits(fields: dict[str, object], weight: float) -> None:
    assert Plan.of(Recipe.make(**fields)).natural == weight


@pytest.mark.yamnet
def test_a_window_of_another_length_has_the_same_middles_and_level(yamnet: Model) -> None:
    tf = pytest.importorskip("tensorflow")
    sound = tf.constant(noise()[0])
    published = np.asarray(yamnet.features(sound))
    np.testing.assert_array_equal(np.asarray(yamnet.features_through(sound, 1.0)), published)
    click = np.full(RATE, 1e-6, np.float32)
    click[8000] = 1.0
    at = int(np.asarray(yamnet.features(tf.constant(click))).mean(axis=1).argmax())
    for window in yamnet.windows:
        heard = np.asarray(yamnet.features_through(sound, window))
        assert heard.shape == published.shape
        assert abs(float(np.mean(heard[5:-5] - published[5:-5]))) < 0.2
        loud = np.asarray(yamnet.features_through(tf.constant(click), window)).mean(axis=1)
        inside = np.flatnonzero(loud > loud.min() + 1.0)
        assert inside.mean() == pytest.approx(at, abs=1)
    # A steady tone is sharper through the longer window.
    tone = tf.constant((0.1 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)).astype(np.float32))
    _, short, long = (np.asarray(yamnet.features_through(tone, w))[50] for w in yamnet.windows)
    assert np.sum(long > long.max() - 3) < np.sum(short > short.max() - 3)


@pytest.mark.yamnet
def test_an_ear_hears_through_the_window_that_a_signal_names(yamnet: Model) -> None:
    ear = Ear(yamnet, ClassObjective("logit"), RATE, hop_frames=96, varied=True)
    plain = Ear(yamnet, ClassObjective("logit"), RATE, hop_frames=96)
    sound = noise()
    signal = Mono(Samples.of(sound))
    grid = ear.grid(sound.shape[1], None)
    losses = []
    for window in range(len(yamnet.windows)):
        signal.window = window
        into = Samples(1, sound.shape[1])
        losses.append(ear.gradient(signal, grid, (106,), into).loss)
        # The gradient is that of this window: by a finite difference along it.
        slope = into.array()
        unit = slope / float(np.sqrt(np.sum(slope**2)))
        size = 2e-4
        around = []
        for sign in (-1, 1):
            moved = Mono(Samples.of(sound + np.float32(sign * size) * unit))
            moved.window = window
            around.append(ear.hear(moved, grid, (106,)).loss)
        rise = (around[1] - around[0]) / (2 * size)
        assert rise == pytest.approx(float(np.sqrt(np.sum(slope**2))), rel=0.05)
    signal.window = 2
    assert plain.hear(signal, grid, (106,)).loss == pytest.approx(losses[0], abs=1e-3)
    assert len({round(loss, 2) for loss in losses}) == 3


@pytest.mark.yamnet
def test_a_flat_equaliser_is_a_change_of_level(yamnet: Model) -> None:
    ear = Ear(yamnet, ClassObjective("logit"), RATE, hop_frames=96, varied=True)
    sound = noise()

    def heard(gain_db: float, equaliser: float) -> float:
        signal = Mono(Samples.of(sound * np.float32(10 ** (gain_db / 20))))
        signal.equaliser = np.full(EQUALISER_POINTS, equaliser, np.float32)
        # The last patch reaches into silence, which no equaliser of a sound would raise.
        return float(ear.values(signal, ear.grid(sound.shape[1], None))[0])

    # Up to the offset inside the logarithm.
    assert heard(0, 6) == pytest.approx(heard(6, 0), abs=0.05)
    assert abs(heard(0, 6) - heard(0, 0)) > 0.2


def test_a_curve_goes_through_its_points() -> None:
    curve = interpolation(8, 64)
    assert curve.shape == (64, 8)
    np.testing.assert_allclose(curve.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(curve @ np.arange(8), np.linspace(0, 7, 64), atol=1e-5)


def test_what_a_network_cannot_follow_is_named() -> None:
    plain: Any = SimpleNamespace(windows=(1.0,), per_db=0.0, training_means={}, precisions=())
    asked = Recipe.make(
        method="sculpt", class_="Bird", natural=5.0, listen_eq_db=3.0, listen_windows=True
    )
    assert unheard(asked, plain) == ("listen_windows", "listen_eq_db", "natural")
    # What the method fills in, or is off, was not asked for.
    left = Recipe.make(method="sculpt", class_="Bird", natural=0.0)
    assert unheard(left, plain) == unheard(Plan.of(asked), plain) == ()
    able: Any = SimpleNamespace(windows=(1.0, 2.0), per_db=0.1, training_means={"a": 1})
    assert unheard(asked, able) == ()
