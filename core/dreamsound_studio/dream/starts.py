"""What a dream starts from: the sound, noise, near silence or an earlier dream, and the targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from dreamsound_studio.audio.channels import Layout, check_audible, check_continues, fit_target
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import BLOCK_SAMPLES, FloatArray, Samples
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.morph import Morph, Targets
from dreamsound_studio.recipe.recipe import Recipe

StartKind = Literal["sound", "noise", "silence"]

#: Step size of a 16-bit quantiser, full scale -1..1.
LSB = 2.0**-15


def start_sound(
    kind: StartKind, source: Samples, rms: float, seed: int, block_samples: int = BLOCK_SAMPLES
) -> Samples:
    """Return the sound to start from, in new storage.

    Parameters
    ----------
    kind : {"sound", "noise", "silence"}
        The source itself; white Gaussian noise; or the dither of a 16-bit quantiser, the quietest
        sound with a usable gradient (digital silence has none).
    source : Samples
        ``[channels, length]``.
    rms : float
        RMS of the noise in each channel, linear.
    seed : int
        Seed of the generator, 0 or more; noise is independent in each channel.
    block_samples : int, optional
        Samples per block; the result does not depend on it.

    Returns
    -------
    Samples
        Of the source's shape.

    Notes
    -----
    The dither is triangular (TPDF): the sum of two uniform values of 1 LSB width each, so +-1 LSB
    around 0 with a variance of 1/6 LSB^2 [1]_.

    References
    ----------
    .. [1] S. P. Lipshitz, R. A. Wannamaker and J. Vanderkooy, "Quantization and dither: a
       theoretical survey", J. Audio Eng. Soc. 40(5), 1992.
    """
    if kind == "sound":
        return source.copy()
    random = np.random.default_rng(seed)
    sound = Samples(source.channels, source.length)
    for start in range(0, sound.length, block_samples):
        # Draw sample by sample, all channels of each, so that block lengths do not matter.
        shape = min(block_samples, sound.length - start), sound.channels
        made = rms * random.standard_normal(shape) if kind == "noise" else _dither(random, shape)
        sound.write(start, made.astype(np.float32).T)
    return sound


def _dither(random: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    made: FloatArray = LSB * (random.random((*shape, 2)).sum(axis=2) - 1)
    return made


def earlier_dream(start: Clip, clip: Clip, layout: Layout) -> Samples:
    """Return an earlier dream of a clip to continue from, in the layout of the recipe's channels.

    Raises
    ------
    AudioFileError
        The earlier dream is silent, or not as long as the clip.
    """
    check_audible(start)
    check_continues(start, clip)
    return layout.encoded(start.samples)


def fitted_targets(
    recipe: Recipe, clips: Mapping[str, Clip | None], clip: Clip, layout: Layout
) -> Targets:
    """Return the targets at a clip's rate and length, in the layout of the recipe's channels.

    Parameters
    ----------
    recipe : Recipe
        A filled recipe.
    clips : mapping
        The clips of target and target_b, in this order.
    clip : Clip
        The source.
    layout : Layout
        Of the channels.

    Raises
    ------
    RecipeError
        The recipe names a target, and its clip is missing.
    AudioFileError
        A target is silent, or does not fit.
    """
    fitted: list[Samples | None] = []
    for name, target in clips.items():
        if target is None:
            if getattr(recipe, name) is not None:
                raise RecipeError(f"Missing {name}: pass the sound of {getattr(recipe, name)}")
            fitted.append(None)
            continue
        check_audible(target)
        fitted.append(layout.encoded(fit_target(target, clip)))
    first, second = fitted
    if first is None or second is None:
        return Targets(first, None, first)
    carrier = Morph.of(recipe).mix(first, second, clip.sample_rate_hz)
    return Targets(first, second, carrier)
