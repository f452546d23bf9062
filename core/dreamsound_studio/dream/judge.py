"""What a second model, which the dream did not climb, hears in a source and in its dream.

A dream climbs what one network hears, and that network's own score says little about how others
hear it. A judge is any other model: it listens to both sounds as the dream's own model does, on its
published patch grid, and changes neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.judgement import Judgement, ScoredClass
from dreamsound_studio.dream.out_of_memory import in_smaller_blocks
from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.shared_classes import shared_class
from dreamsound_studio.recipe.objective import Class
from dreamsound_studio.recipe.plan import terms_by_model

if TYPE_CHECKING:
    from dreamsound_studio.dream.evaluation import Evaluation
    from dreamsound_studio.dream.records import RawDream
    from dreamsound_studio.models.network import Model

#: How many of the classes heard most a judgement has of each sound.
MOST_HEARD = 5
#: Patches that go through the judge at once: 32 of musicnn's, which last three seconds, take 1 GB,
#: 8 take 0.5 GB in the same time.
BLOCK_PATCHES = 8


def dreamed_class(dream: RawDream) -> str | None:
    """Return the class that a dream names, the first of several; None if it names none.

    A layer, a channel or a guide names none, and ``class:@patch`` no single one. Where an objective
    has several models, the recipe's own counts, whose class is reported.
    """
    terms = terms_by_model(dream.recipe).get(dream.recipe.model)
    atoms = () if terms is None else terms.atoms
    named = any(isinstance(atom, Class) and atom.choice != "patch" for atom in atoms)
    return dream.final.class_name if named else None


def judge_dream(
    dream: RawDream,
    model: Model,
    between_blocks: Callable[[float], None] | None = None,
    on_warning: Callable[[str], None] | None = None,
) -> Judgement:
    """Let a judge hear a source and its dream.

    Parameters
    ----------
    dream : RawDream
        The dream. Both sounds are heard at the loop's own level, as for the dream's own score.
    model : Model
        The judge.
    between_blocks : callable, optional
        Called with the finished share of each of the two passes, 0..1; may raise to stop.
    on_warning : callable, optional
        Called with a line where memory runs out and the sounds are heard in smaller blocks.

    Returns
    -------
    Judgement

    Raises
    ------
    MemoryLimitError
        Memory runs out with a single patch.
    ModelError
        The judge's scores are not finite.
    """
    from dreamsound_studio.dream.mono import heard_channel

    rate, channel = dream.source.sample_rate_hz, heard_channel(dream.source)
    before, after = (
        _heard(sound, channel, rate, model, between_blocks, on_warning)
        for sound in (dream.source.samples, dream.samples)
    )
    name = dreamed_class(dream)
    index = None if name is None else shared_class(name, model.table)
    return Judgement(
        model.name,
        model.weights_sha256,
        None if index is None else model.class_names[index],
        None if index is None else float(before.scores[index]),
        None if index is None else float(after.scores[index]),
        _top(before, model),
        _top(after, model),
    )


def _heard(
    sound: Samples,
    channel: int | None,
    sample_rate_hz: int,
    model: Model,
    between_blocks: Callable[[float], None] | None,
    on_warning: Callable[[str], None] | None,
) -> Evaluation:
    from dreamsound_studio.dream.ear import BEST, Ear
    from dreamsound_studio.dream.gradient_pass import never_stop
    from dreamsound_studio.dream.mono import Mono
    from dreamsound_studio.dream.objective_functions import ClassObjective

    def hear(patches: int) -> Evaluation:
        ear = Ear(
            model,
            ClassObjective("score"),
            sample_rate_hz,
            hop_frames=model.published_hop_frames,
            block_patches=patches,
        )
        grid = ear.grid(sound.length, None)
        return ear.hear(Mono(sound, channel), grid, BEST, between_blocks or never_stop)

    heard = in_smaller_blocks(hear, on_warning, BLOCK_PATCHES)
    if not np.isfinite(heard.scores).all():
        raise ModelError(f"{model.name} has no finite scores for this sound")
    return heard


def _top(heard: Evaluation, model: Model) -> tuple[ScoredClass, ...]:
    order = np.argsort(-heard.scores, kind="stable")[:MOST_HEARD]
    return tuple(ScoredClass(model.class_names[n], float(heard.scores[n])) for n in order)
