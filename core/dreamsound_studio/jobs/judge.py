"""The judge of a job: which model it is, and when it listens.

The recipe has none: a judge changes no byte of a render, and `redo` needs none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from dreamsound_studio.control import Control
from dreamsound_studio.dream.judge import dreamed_class, judge_dream
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.errors import RecipeError, RenderCancelled, UnknownModelError
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.models.ensemble import members
from dreamsound_studio.models.network import Model
from dreamsound_studio.models.shared_classes import shared_class
from dreamsound_studio.models.store.local import local_weights, probable_weights
from dreamsound_studio.models.tables import table_of
from dreamsound_studio.recipe.plan import other_models

#: The judge of whoever names none: the first of these that is on this machine, knows the dreamed
#: class, and is not among the models climbed. They are never downloaded for it.
DEFAULT_JUDGES = ("mtt-musicnn", "msd-musicnn")
AUTO, NONE = WORDS = "auto", "none"


def judge_of(spec: JobSpec) -> str:
    """Return a job's judge; a preview, which has to be quick, has one only if it is named."""
    return NONE if spec.kind == "preview" and spec.judge == AUTO else spec.judge


def check_judge(judge: str, *models: str) -> None:
    """Raise an error for a judge that cannot judge; nothing is downloaded or loaded.

    Parameters
    ----------
    judge : str
        ``auto``, ``none``, or a model as for ``find_weights``.
    *models : str
        The models that are to be climbed.

    Raises
    ------
    ModelError
        There is no such model.
    RecipeError
        It is one of them.
    """
    if judge in WORDS:
        return
    try:
        found = probable_weights(judge)
        climbed = [probable_weights(model) for model in models]
    except UnknownModelError as error:
        raise UnknownModelError(f"judge: {error}") from error
    if found is not None and found in climbed:
        raise _same(judge)


class Judge:
    """The second model of a job, found and loaded when it is needed.

    Parameters
    ----------
    load : callable
        Finds and loads a model of a name.
    model : str
        ``auto``, ``none``, or a model as for ``find_weights``.
    """

    def __init__(self, load: Callable[[str], Model], model: str | Model = AUTO) -> None:
        self._load = load
        self._name = model if isinstance(model, str) else model.name
        self._loaded: dict[str, Model] = {} if isinstance(model, str) else {model.name: model}
        self._loading = threading.Lock()

    def prepare(self, climbed: Model) -> None:
        """Load a judge that was named, before the dream begins.

        Raises
        ------
        ModelError
            It is unavailable or invalid.
        RecipeError
            It is the model that is climbed, or one of several, or has no classes.
        """
        if self._name in WORDS:
            return
        judge = self._model(self._name)
        judge.table.check_has_classes()
        if judge.weights_sha256 in [model.weights_sha256 for model in members(climbed)]:
            raise _same(self._name)

    def judge(
        self,
        dream: RawDream,
        control: Control,
        on_note: Callable[[str], object] = lambda _: None,
        on_warning: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Let the judge hear a dream, and put its judgement into it.

        A judge that fails costs only the judgement: the dream then has a warning.

        Parameters
        ----------
        dream : RawDream
            The finished dream; its `judged` and its warnings are changed.
        control : Control
            Cancels the listening.
        on_note, on_warning : callable, optional
            Called with what it does, and with each warning.

        Raises
        ------
        RenderCancelled
            The control was cancelled.
        """

        def warn(text: str) -> None:
            dream.warnings.append(f"judge: {text}")
            on_warning(f"judge: {text}")

        name = self._judge_of(dream)
        if name is None:
            return
        on_note(f"{name} listens")
        stop = control.check_cancelled
        try:
            dream.judged = judge_dream(dream, self._model(name), lambda _: stop(), warn)
        except RenderCancelled:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the dream is made
            warn(f"not heard: {' '.join(str(error).split()) or type(error).__name__}")

    def _judge_of(self, dream: RawDream) -> str | None:
        if self._name != AUTO:
            return None if self._name == NONE else self._name
        dreamed = dreamed_class(dream)
        if dreamed is None:
            return None
        climbed = (dream.model_name, *other_models(dream.recipe))
        for name in DEFAULT_JUDGES:
            weights = None if name in climbed else local_weights(name)
            if weights is not None and shared_class(dreamed, table_of(weights)) is not None:
                return name
        return None

    def _model(self, name: str) -> Model:
        with self._loading:
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            return self._loaded[name]


def _same(judge: str) -> RecipeError:
    return RecipeError(
        f"judge {judge}: the dream climbs this model itself. Name another, or pass none."
    )
