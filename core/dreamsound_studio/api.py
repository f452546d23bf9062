"""Dream and listen from a script: what ``import dreamsound_studio`` gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.audio.source import read_source
from dreamsound_studio.control import Control
from dreamsound_studio.dream import listen as listening
from dreamsound_studio.dream import records
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.dream.verify import verify_weights
from dreamsound_studio.errors import AudioFileError, RecipeError
from dreamsound_studio.jobs.judge import Judge, check_judge
from dreamsound_studio.jobs.run import dreamer_of
from dreamsound_studio.jobs.sounds import Sounds
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.models.ensemble import together
from dreamsound_studio.models.recent import RecentModels
from dreamsound_studio.models.store.find import find_weights
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.tables import known_tables
from dreamsound_studio.recipe.plan import other_models
from dreamsound_studio.recipe.presets import Preset, find_preset, with_fields
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.dream import Dream

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from dreamsound_studio.models.network import Model

    #: A path, a clip, or an array ``[samples]`` or ``[channels, samples]``, full scale 1.0.
    Sound = str | os.PathLike[str] | Clip | ArrayLike


class Dreaming:
    """A dream under way: iterate :meth:`steps`, then take :meth:`result`.

    Parameters
    ----------
    sound : path_like, Clip or array_like
        A file, a clip, or samples ``[samples]`` or ``[channels, samples]``, floating point, full
        scale 1.0. It is not modified.
    sample_rate_hz : int, optional
        Sample rate of an array, 8000 to 384000.
    recipe : Recipe, Preset or str, optional
        What to do; a string is a preset's name or file. By default, amplify the class that the
        model hears most.
    target, target_b, bed_file, start : path_like or Clip, optional
        The sounds of the methods that need a target, by default the recipe's; an earlier dream of
        the same sound, to continue.
    span : str, optional
        Part of a file, such as ``1:30-2:00``.
    model : Model or str, optional
        A loaded model, or the recipe's field: what :func:`load_model` takes. By default, the
        recipe's model is loaded.
    judge : Model or str, optional
        A second model, which hears source and dream; the result's ``judged`` has what it hears. A
        loaded model, what :func:`load_model` takes, ``none``, or ``auto``: musicnn, if it is on
        this machine and has the dreamed class. It changes no sound.
    trust : bool, optional
        Whether a foreign SavedModel, which is a program, may run.
    control : Control, optional
        Cancels the dream or ends it early, from any thread.
    keep_every : int, optional
        Keep the sound after every `keep_every` steps.
    **fields
        Fields of the recipe, over those of `recipe`: ``class_="Bell"``, ``steps=20``.

    Attributes
    ----------
    recipe : Recipe
        The recipe with its fields.
    control : Control
        See `cancel` and `finish`.

    Raises
    ------
    DreamSoundError
        The sound, the recipe or the model is invalid or unavailable.

    Examples
    --------
    >>> dreaming = Dreaming("bird.wav", class_="Bell")           # doctest: +SKIP
    >>> for step in dreaming.steps():                            # doctest: +SKIP
    ...     print(step.step, step.score)
    ...     if step.score > 0.9:
    ...         dreaming.finish()
    >>> dream = dreaming.result()                                # doctest: +SKIP
    """

    def __init__(
        self,
        sound: Sound,
        sample_rate_hz: int | None = None,
        recipe: Recipe | Preset | str | None = None,
        *,
        target: str | os.PathLike[str] | Clip | None = None,
        target_b: str | os.PathLike[str] | Clip | None = None,
        bed_file: str | os.PathLike[str] | Clip | None = None,
        start: str | os.PathLike[str] | Clip | None = None,
        span: str | None = None,
        model: Model | str | None = None,
        judge: Model | str = "auto",
        trust: bool = False,
        control: Control | None = None,
        keep_every: int = 0,
        **fields: Any,
    ) -> None:
        if isinstance(model, str):
            fields, model = fields | {"model": model}, None
        self.recipe = _recipe_of(recipe, fields)
        self.control = control or Control()
        if model is None:
            # Before anything is fetched or read.
            check_names(self.recipe, *known_tables(self.recipe.model))
            if isinstance(judge, str):
                check_judge(judge, self.recipe.model, *other_models(self.recipe))
        self._clip = clip = _clip_of(sound, sample_rate_hz, span)
        targets = {
            "target": _read(self.recipe.target if target is None else target),
            "target_b": _read(self.recipe.target_b if target_b is None else target_b),
            "bed_file": _read(self.recipe.bed_file if bed_file is None else bed_file),
        }
        sounds = Sounds(clip, targets, _read(start))
        spec = JobSpec.model_construct(recipe=self.recipe, keep_every=keep_every)
        if model is None:
            others = {name: load_model(name, trust=trust) for name in other_models(self.recipe)}
            model = together(load_model(self.recipe.model, trust=trust), others)
        self._judge = Judge(lambda name: load_model(name, trust=trust), judge)
        self._judge.prepare(model)
        self._dreamer = dreamer_of(spec, sounds, model, control=self.control)

    def __repr__(self) -> str:
        steps, method = self.recipe.step_count, self.recipe.method
        return f"<Dreaming of {self._clip.name}: {steps} steps of {method}>"

    def steps(self) -> Iterator[records.StepEvent]:
        """Dream, yielding an event after each step.

        Raises
        ------
        DreamSoundError
            The dream was cancelled, nothing in the sound excites the objective, or
            (`MemoryLimitError`) there is too little memory for one patch.
        """
        return self._dreamer.steps()

    def cancel(self) -> None:
        """Stop at the next block: :meth:`steps` raises `RenderCancelled`."""
        self.control.cancel()

    def finish(self) -> None:
        """Stop at the next block; :meth:`result` has the sound after the last whole step."""
        self.control.finish()

    def result(self) -> Dream:
        """Return the dream, after as many steps as were iterated; its judge listens now."""
        dream = Dream(**vars(self._dreamer.result()))
        self._judge.judge(dream, self.control)
        return dream


def dream(
    sound: Sound,
    sample_rate_hz: int | Recipe | Preset | None = None,
    recipe: Recipe | Preset | str | None = None,
    *,
    on_step: Callable[[records.StepEvent], Any] | None = None,
    **settings: Any,
) -> Dream:
    """Dream a sound.

    Parameters
    ----------
    sound, sample_rate_hz, recipe
        As `Dreaming` takes them: a path, a clip, or an array with its rate; and what to do. In the
        second place, too, a recipe is taken: ``dream("bird.wav", recipe)``.
    on_step : callable, optional
        Called with each `StepEvent`.
    **settings
        As `Dreaming` takes them: ``target``, ``start``, ``span``, ``model``, ``judge``,
        ``trust``, ``control``, ``keep_every``, and every field of the recipe.

    Returns
    -------
    Dream
        ``dream.render("dream")`` is the sound, float32 ``[channels, samples]``, at the source's
        loudness; `write_renders` writes the files.

    Raises
    ------
    DreamSoundError
        Bad input, an unavailable model, a cancelled dream, or (`MemoryLimitError`) too little
        memory for one patch. Where memory runs out with more, the dream continues
        with fewer, and ``Dream.warnings`` says so.

    Examples
    --------
    >>> import dreamsound_studio as ds
    >>> loud = ds.dream("bird.wav", class_="Whistling", steps=20)        # doctest: +SKIP
    >>> toward = 0.2 * ds.Channel("layer11/pointwise_conv", 42) - ds.Class("Speech")
    >>> loud = ds.dream(samples, 48_000, objective=toward)               # doctest: +SKIP
    """
    if isinstance(sample_rate_hz, Recipe | Preset):
        if recipe is not None:
            raise RecipeError("two recipes: pass one")
        sample_rate_hz, recipe = None, sample_rate_hz
    dreaming = Dreaming(sound, sample_rate_hz, recipe, **settings)
    for event in dreaming.steps():
        if on_step is not None:
            on_step(event)
    return dreaming.result()


def listen(
    sound: Sound,
    sample_rate_hz: int | None = None,
    *,
    span: str | None = None,
    model: Model | str = "auto",
    trust: bool = False,
    on_warning: Callable[[str], None] | None = None,
) -> listening.Hearing:
    """Play a sound to a model.

    Parameters
    ----------
    sound, sample_rate_hz, span
        As `Dreaming` takes them.
    model : Model or str, optional
        A loaded model, or what :func:`load_model` takes.
    trust : bool, optional
        Whether a foreign SavedModel, which is a program, may run.
    on_warning : callable, optional
        Called with a line where memory runs out and the sound is heard in smaller blocks.

    Returns
    -------
    Hearing
        ``scores`` is ``[patches, classes]``, 0..1; ``top(5)`` and ``passages()`` sum it up.

    Raises
    ------
    DreamSoundError
        The sound cannot be read, or the model is unavailable.

    Examples
    --------
    >>> import dreamsound_studio as ds
    >>> ds.listen("bird.wav").top(3)                                     # doctest: +SKIP
    """
    clip = _clip_of(sound, sample_rate_hz, span)
    loaded = load_model(model, trust=trust) if isinstance(model, str) else model
    return listening.listen(clip, loaded, on_warning)


def load_model(model: str = "auto", *, trust: bool = False) -> Model:
    """Find a model's weights and build the network.

    Called again, it returns the same network, if that is among the three used last and its files
    have not changed.

    Parameters
    ----------
    model : str
        ``auto``, a name in the catalog or of a plug-in, a handle, or a path.
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
    return _recent_models().load(weights)


@cache
def _recent_models() -> RecentModels:
    return RecentModels()


def _recipe_of(recipe: Recipe | Preset | str | None, fields: dict[str, Any]) -> Recipe:
    if isinstance(recipe, str):
        recipe = find_preset(recipe).preset
    if isinstance(recipe, Preset):
        recipe = recipe.recipe
    if recipe is None:
        return Recipe.make(**fields)
    return with_fields(recipe, False, fields) if fields else recipe


def _clip_of(sound: Sound, sample_rate_hz: int | None, span: str | None) -> Clip:
    """Return a sound as a clip."""
    if isinstance(sound, str | os.PathLike):
        if sample_rate_hz is not None:
            raise AudioFileError(f"{sound}: a file has its own sample rate. Leave sample_rate_hz.")
        return read_source(sound, span)
    if span is not None:
        raise RecipeError("A span needs a file: pass a path instead of a clip")
    if isinstance(sound, Clip):
        if sample_rate_hz is not None:
            raise AudioFileError("A clip has its own sample rate. Leave sample_rate_hz.")
        return sound
    if sample_rate_hz is None:
        raise AudioFileError("An array needs a sample rate. Pass sample_rate_hz.")
    if sample_rate_hz != int(sample_rate_hz):
        raise AudioFileError(f"Invalid sample rate {sample_rate_hz}. Pass a whole number.")
    values = np.asarray(sound)
    if values.dtype.kind != "f":
        # Taken as they are, integers would be thousands of times too loud.
        raise AudioFileError(f"Invalid samples: {values.dtype}. Pass floats, full scale 1.0.")
    return Clip.from_array(values, int(sample_rate_hz))


def _read(sound: str | os.PathLike[str] | Clip | None) -> Clip | None:
    return sound if sound is None or isinstance(sound, Clip) else read_clip(sound)
