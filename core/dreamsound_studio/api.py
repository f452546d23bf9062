"""Dream a sound from a script, in one call."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.audio.source import read_source
from dreamsound_studio.control import Control
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.dream.records import Dream, StepEvent
from dreamsound_studio.dream.verify import verify_weights
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models import load
from dreamsound_studio.models.store.find import find_weights
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.recipe.recipe import Recipe

if TYPE_CHECKING:
    from dreamsound_studio.models.network import Model

__all__ = ["Dream", "dream", "load_model"]


def dream(
    clip: Clip | str | os.PathLike[str],
    recipe: Recipe | None = None,
    *,
    target: Clip | None = None,
    start: Clip | None = None,
    span: str | None = None,
    model: Model | None = None,
    on_step: Callable[[StepEvent], Any] | None = None,
    control: Control | None = None,
    keep_every: int = 0,
) -> Dream:
    """Dream a sound.

    Parameters
    ----------
    clip : Clip or path_like
        The sound. A clip in memory is not modified.
    recipe : Recipe, optional
        What to do. By default, amplify the class that the model hears most.
    target : Clip, optional
        For the method ``target``. By default, the file named in the recipe.
    start : Clip, optional
        An earlier dream of the same sound, to continue from.
    span : str, optional
        Part of a file: ``START:END`` in seconds, or ``START-END`` as ``1:30-2:00``.
    model : Model, optional
        A loaded model. By default, the recipe's model is loaded.
    on_step : callable, optional
        Called with each `StepEvent`.
    control : Control, optional
        Cancels the dream or ends it early from another thread.
    keep_every : int, optional
        Keep the sound after every `keep_every` steps.

    Returns
    -------
    Dream
        ``dream.samples.array()`` is the sound, float32 ``[channels, samples]``;
        ``render.write.write_renders`` writes the files.

    Raises
    ------
    DreamSoundError
        Bad input, an unavailable model, a cancelled dream, or (`MemoryLimitError`) too little
        memory for one patch. Where memory runs out with more, the dream continues
        with fewer, and ``Dream.warnings`` says so.

    Examples
    --------
    >>> import dreamsound_studio as dreamsound
    >>> recipe = dreamsound.Recipe.make(method="filter-add", class_="Whistling")
    >>> result = dreamsound.dream("bird.wav", recipe)            # doctest: +SKIP
    """
    recipe = recipe or Recipe()
    if model is None:
        # Before anything is fetched or read.
        check_names(recipe, *known_tables(recipe.model))
    if not isinstance(clip, Clip):
        clip = read_source(clip, span)
    elif span is not None:
        raise RecipeError("A span needs a file: pass a path instead of a clip")
    if target is None and recipe.target is not None:
        target = read_clip(recipe.target)
    target_b = None if recipe.target_b is None else read_clip(recipe.target_b)
    model = model or load_model(recipe.model)
    dreamer = PatientDreamer(
        clip,
        recipe,
        model,
        target=target,
        target_b=target_b,
        start=start,
        control=control,
        keep_every=keep_every,
    )
    for event in dreamer.steps():
        if on_step is not None:
            on_step(event)
    return dreamer.result()


def load_model(model: str = "auto", *, trust: bool = False) -> Model:
    """Find a model's weights and build the network.

    Parameters
    ----------
    model : str
        ``auto``, a name in the catalog or of a plug-in, or a path.
    trust : bool, optional
        Whether a foreign SavedModel, which is a program, may run.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        The model is unavailable or invalid.

    Warns
    -----
    ModelWarning
        The weights have changed since their first use.
    """
    weights = find_weights(model, Watch(check=verify_weights, may_run=lambda _: trust))
    return load.load_weights(weights)
