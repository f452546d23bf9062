"""Progress of a model's download, and the question whether a foreign one may run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamsound_studio.cli.shared.progress import detail, say
from dreamsound_studio.cli.shared.questions import agreed
from dreamsound_studio.cli.shared.verbosity import verbosity
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.dream.verify import verify_weights
from dreamsound_studio.jobs.models import Loaded, all_loaded, load
from dreamsound_studio.models.store.find import find_weights
from dreamsound_studio.models.store.local import probable_weights
from dreamsound_studio.models.store.watch import Watch
from dreamsound_studio.models.tables import table_of
from dreamsound_studio.models.weights import Weights
from dreamsound_studio.recipe.plan import other_models
from dreamsound_studio.recipe.recipe import Recipe

if TYPE_CHECKING:
    pass

#: Shortest time between two lines without a terminal.
LINE_SECONDS = 10.0
#: Shortest time between two lines for a program that reads them.
JSON_SECONDS = 0.2


class FetchLine:
    """Progress of a download: a live bar on a terminal, a line now and then elsewhere.

    Parameters
    ----------
    as_json : bool
        Whether each line is a JSON object with ``done`` and ``total``, bytes, for a program.
    """

    def __init__(self, as_json: bool = False) -> None:
        self._as_json = as_json
        self._bar: Any = None
        self._task: Any = None
        self._shown_at = time.monotonic()

    def progress(self, done: int, total: int | None) -> None:
        """Show how many bytes have arrived."""
        if self._as_json:
            if done == total or time.monotonic() - self._shown_at >= JSON_SECONDS:
                self._shown_at = time.monotonic()
                say(json.dumps({"done": done, "total": total}))
        elif verbosity.quiet:
            return
        elif sys.stderr.isatty():
            self._show(done, total)
        elif done != total and time.monotonic() - self._shown_at >= LINE_SECONDS:
            self._shown_at = time.monotonic()
            say(f"{done / 1e6:.1f} MB" + (f" of {total / 1e6:.1f} MB" if total else ""))

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self, done: int, total: int | None) -> None:
        if self._bar is None:
            from rich import progress
            from rich.console import Console

            self._bar = progress.Progress(
                progress.BarColumn(),
                progress.DownloadColumn(),
                progress.TransferSpeedColumn(),
                progress.TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=total)
        self._bar.update(self._task, completed=done, total=total)
        if done == total:
            self.close()


@contextmanager
def watching(
    trust: bool = False,
    check: Callable[[Weights], object] = verify_weights,
    as_json: bool = False,
    accepts_licence: bool = False,
) -> Iterator[Watch]:
    """Show downloads on standard error, and ask there whether a SavedModel may run.

    Parameters
    ----------
    trust : bool
        Whether a foreign SavedModel may run without a question.
    check : callable, optional
        As in :class:`Watch`; by default, what the model hears.
    as_json : bool, optional
        As in :class:`FetchLine`.
    accepts_licence : bool, optional
        Whether a licence that has to be accepted is accepted without a question; it is shown in
        any case.
    """
    line = FetchLine(as_json)

    def note(text: str) -> None:
        line.close()
        say(f"dreamsound: {text}")

    def may_run(folder: Path) -> bool:
        return trust or _asked(folder)

    def accepts(terms: str) -> bool:
        if accepts_licence:
            note(terms)
        return accepts_licence or agreed(f"{terms}. Do you accept that?")

    try:
        yield Watch(check, note, line.progress, may_run, accepts)
    finally:
        line.close()


def load_with_warnings(weights: Weights) -> Loaded:
    """Load a model; print its warnings."""
    loaded = load(weights)
    detail(f"dreamsound: model {weights.name} on {loaded.device}")
    for note in loaded.notes:
        say(f"dreamsound: {note}")
    return loaded


def load_model_of(recipe: Recipe, trust: bool = False, further: Iterable[str] = ()) -> Loaded:
    """Find and load a recipe's model, with progress on standard error.

    Parameters
    ----------
    recipe : Recipe
        Its `model` and names are read.
    trust : bool
        Whether a foreign SavedModel may run without a question.
    further : iterable of str, optional
        Further models to load with it, beside those that the recipe's objective names.
    """
    # Before TensorFlow is imported, which takes long: the model may be unavailable.
    with watching(trust) as watch:
        weights = find_weights(recipe.model, watch)
        names = sorted({*other_models(recipe), *further})
        others = {name: find_weights(name, watch) for name in names}
    check_names(recipe, table_of(weights))
    loaded = {name: load_with_warnings(one) for name, one in others.items()}
    return all_loaded(load_with_warnings(weights), loaded)


def settle_trust(names: Iterable[str], trust: bool) -> None:
    """Ask now about the foreign SavedModels of jobs that a worker carries out later.

    Parameters
    ----------
    names : iterable of str
        Models of the jobs.
    trust : bool
        Whether they may run without a question; one that is not on this machine is then
        downloaded.

    Raises
    ------
    ModelError
        One is not trusted, or unavailable.
    """
    with watching(trust) as watch:
        for name in names:
            weights = None if name == "auto" else probable_weights(name)
            is_foreign = weights is not None and weights.kind == "savedmodel"
            if is_foreign or (weights is None and trust and name != "auto"):
                find_weights(name, watch)


def _asked(folder: Path) -> bool:
    return agreed(
        f"{folder} is a SavedModel: a program that runs with your rights. Do you trust its author?"
    )
