"""Which foreign SavedModels a job needs, and whether this user trusts them.

Trust lies in the user's own ledger, by fingerprint, and only a person gives it: with ``--trust``,
an answer on a terminal, or a button in the window. No job, recipe or preset can.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dreamsound_studio.errors import ModelError
from dreamsound_studio.jobs.judge import WORDS
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.models.store import ledger
from dreamsound_studio.models.store.local import looks_like_path, probable_weights
from dreamsound_studio.recipe.plan import other_models


def models_of(spec: JobSpec) -> list[str]:
    """Return the models that a job names, each once: the recipe's, then its judge."""
    judge = () if spec.judge in WORDS else (spec.judge,)
    return list(dict.fromkeys([spec.recipe.model, *other_models(spec.recipe), *judge]))


def paths_of_models(spec: JobSpec) -> list[str]:
    """Return the models that a job names by their paths."""
    return [name for name in models_of(spec) if looks_like_path(name)]


def foreign_models(names: Iterable[str]) -> list[Path]:
    """Return the folders of those models that are foreign SavedModels on this machine."""
    return [path for name in names if (path := _foreign(name)) is not None]


def untrusted_models(names: Iterable[str]) -> list[Path]:
    """Return the folders of those models that this user has not trusted."""
    return [
        folder
        for folder in foreign_models(names)
        if not ledger.is_trusted(ledger.fingerprint(folder))
    ]


def trust_models(names: Iterable[str]) -> list[Path]:
    """Trust those models as they are now, because a person said so; return the new ones."""
    folders = untrusted_models(names)
    for folder in folders:
        ledger.trust(ledger.fingerprint(folder))
    return folders


def trusted_fingerprints(names: Iterable[str]) -> tuple[str, ...]:
    """Return the fingerprints of those models that this user has trusted."""
    prints = [ledger.fingerprint(folder) for folder in foreign_models(names)]
    return tuple(one for one in prints if ledger.is_trusted(one))


def _foreign(name: str) -> Path | None:
    try:
        weights = probable_weights(name)
    except ModelError:
        return None
    is_foreign = weights is not None and weights.kind == "savedmodel"
    return weights.path if weights is not None and is_foreign else None
