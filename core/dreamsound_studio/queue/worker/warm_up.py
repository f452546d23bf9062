"""Get a worker ready while it has nothing to do: TensorFlow, the model, and the usual graphs.

Then it measures how many patches the machine best takes at a time, unless that is known.

What is ready is what the defaults use, at the rates that most sounds have. A recipe of its own may
need another graph of the network, but finds TensorFlow and the model.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress

import numpy as np

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.control import Control
from dreamsound_studio.dream.block_sizes import calibrate
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.errors import RenderCancelled
from dreamsound_studio.jobs.models import Loaded
from dreamsound_studio.models.entries import DEFAULT_MODEL
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.store.local import local_weights
from dreamsound_studio.recipe.recipe import Recipe

#: The graphs that are traced, the one most used first: by default, and by a preview of `add`.
RECIPES = (Recipe.make(steps=1), Recipe.make(method="add", steps=1))
RATES_HZ = (48_000, 44_100)
#: Long enough for one patch of the network.
SECONDS = 1.0
NOISE_RMS = 0.1


class WarmUp:
    """Dreams noise by each of `RECIPES` at each of `RATES_HZ`, in a thread, until it is stopped.

    Parameters
    ----------
    load : callable
        Loads a recipe's model; it is called only where the model is on this machine.
    say : callable
        Receives a line for the log if it fails.
    """

    def __init__(self, load: Callable[[Recipe], Loaded], say: Callable[[str], None]) -> None:
        self._load = load
        self._say = say
        self._control = Control()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Begin, unless it has begun or was stopped."""
        if self._thread is None and not self._control.cancelled:
            self._thread = threading.Thread(target=self._run, name="warm-up")
            self._thread.start()

    def stop(self) -> None:
        """Stop for good, at the next block; a graph that is being traced is finished."""
        self._control.cancel()

    def join(self) -> None:
        """Wait until it has stopped."""
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            with suppress(RenderCancelled):
                self._dream_all()
        except Exception as error:  # noqa: BLE001 - a job would meet it too, and report it
            self._say(f"not ready in advance: {error}")

    def _dream_all(self) -> None:
        # Nothing is downloaded that nobody has asked for.
        if local_weights(DEFAULT_MODEL) is None:
            return
        for rate_hz in RATES_HZ:
            for recipe in RECIPES:
                self._control.check_cancelled()
                dream_noise(recipe, rate_hz, self._load(recipe).model, self._control)
        self._control.check_cancelled()
        calibrate(self._load(RECIPES[0]).model, self._control)


def dream_noise(recipe: Recipe, rate_hz: int, model: Model, control: Control) -> None:
    """Dream a second of noise, which leaves the model with the graphs of the recipe.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    rate_hz : int
        Rate of the noise.
    model : Model
        The model.
    control : Control
        Stops the dream.

    Raises
    ------
    RenderCancelled
        The control was cancelled.
    """
    noise = NOISE_RMS * np.random.default_rng(0).standard_normal((1, round(SECONDS * rate_hz)))
    clip = Clip.from_array(noise.astype(np.float32), rate_hz)
    with closing(clip.samples), control.in_charge():
        dreamer = Dreamer(clip, recipe, model, control=control)
        for _ in dreamer.steps():
            control.check_cancelled()
        dreamer.result().close()
