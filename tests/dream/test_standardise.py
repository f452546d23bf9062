"""A gradient's deviation: at any size, of any shape, and when there is none."""

from __future__ import annotations

import numpy as np
import pytest

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.standardise import standardise
from dreamsound_studio.errors import RecipeError


@pytest.mark.parametrize("scale", [1.0, 1e-25, 1e25])
def test_a_gradient_is_divided_by_its_standard_deviation(scale: float) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 200_000))
    values = (noise.astype(np.float32) + np.float32(0.3)) * np.float32(scale)
    factor = standardise(Samples.of(values), "Whistling")
    assert factor * float(np.std(values / np.float32(scale))) * scale == pytest.approx(1, rel=1e-4)


def test_a_gradient_that_is_the_same_everywhere_is_divided_by_its_size() -> None:
    assert standardise(Samples.of(np.full((1, 1), -4, np.float32)), "x") == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "Nothing in this sound excites Chainsaw"),
        (1e-35, "Nothing in this sound excites Chainsaw"),
        (np.nan, "The gradient of Chainsaw is NaN"),
        (np.inf, "The gradient of Chainsaw is NaN"),
    ],
)
def test_gradients_that_cannot_be_divided_say_so(value: float, words: str) -> None:
    gradient = np.zeros((1, 100_000), np.float32)
    gradient[0, 70_000] = value
    with pytest.raises(RecipeError, match=words):
        standardise(Samples.of(gradient), "Chainsaw")
