"""What a shell completes: presets, classes, layers, models and jobs, without TensorFlow.

Everything here is silent: whatever goes wrong, there is nothing to complete.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress

import typer

#: What the field ``class`` takes beside names of classes.
CLASS_WORDS = ("first", "follow", "target", "patch")
#: Bash inserts a completion as it is: what it would read as a separator is escaped.
BASH_SPECIAL = re.compile(r"([\s'\"()&;,<>|$`\\!*?])")
#: Jobs that are offered, the latest first.
MOST_JOBS = 200

Completion = str | tuple[str, str]


def complete_preset(incomplete: str) -> list[Completion]:
    """Return presets whose name begins so, with their notes."""
    with suppress(Exception):
        from dreamsound_studio.recipe.presets import factory_presets, user_presets

        every = [*(stored.preset for stored in user_presets()[0]), *factory_presets()]
        return _matching(((preset.name, preset.note) for preset in every), incomplete)
    return []


def complete_class(ctx: typer.Context, incomplete: str) -> list[Completion]:
    """Return the classes of the chosen model whose name begins so."""
    with suppress(Exception):
        from dreamsound_studio.models.tables import table_named

        names = table_named(ctx.params.get("model") or "auto").class_names
        return _matching(((name, "") for name in (*CLASS_WORDS, *names)), incomplete)
    return []


def complete_layer(ctx: typer.Context, incomplete: str) -> list[Completion]:
    """Return the layers of the chosen model whose name begins so."""
    with suppress(Exception):
        from dreamsound_studio.models.tables import table_named

        table = table_named(ctx.params.get("model") or "auto")
        return _matching(
            ((name, "") for name in (*table.layers, *table.aliases.values())), incomplete
        )
    return []


def complete_model(incomplete: str) -> list[Completion]:
    """Return the models whose name begins so."""
    with suppress(Exception):
        from dreamsound_studio.models.entries import CATALOG
        from dreamsound_studio.models.plugins import plugin_entries
        from dreamsound_studio.models.store.local import own_models

        names = ["auto", *CATALOG, *plugin_entries(), *(found.name for found in own_models())]
        return _matching(((name, "") for name in dict.fromkeys(names)), incomplete)
    return []


def complete_judge(incomplete: str) -> list[Completion]:
    """Return the models whose name begins so, and ``none``."""
    return [*complete_model(incomplete), *_matching([("none", "")], incomplete)]


def complete_choice(choices: str) -> Callable[[str], list[Completion]]:
    """Return what completes one of some words, separated by ``|``."""

    def complete(incomplete: str) -> list[Completion]:
        return _matching(((word, "") for word in choices.split("|")), incomplete)

    return complete


def complete_job(incomplete: str) -> list[Completion]:
    """Return the jobs of the queue whose number begins so, with their state and sound."""
    with suppress(Exception):
        from dreamsound_studio.queue.store.store import open_store

        store, _ = open_store(for_user=False)
        with store:
            jobs = store.jobs(limit=MOST_JOBS)
        return _matching(((str(job.id), f"{job.state} {job.name}") for job in jobs), incomplete)
    return []


def _matching(items: Iterable[tuple[str, str]], incomplete: str) -> list[Completion]:
    wanted = incomplete.casefold()
    found = [(name, about) for name, about in items if name.casefold().startswith(wanted)]
    if os.environ.get("_DREAMSOUND_COMPLETE", "").endswith("bash"):
        found = [(BASH_SPECIAL.sub(r"\\\1", name), about) for name, about in found]
    return [(name, about) if about else name for name, about in found]
