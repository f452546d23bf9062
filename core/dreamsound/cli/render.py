"""``dreamsound render``: dream sounds and write the renders."""

from __future__ import annotations

import json
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamsound.api import read_source
from dreamsound.audio import AudioFileWarning, Clip, check_folder_writable, read_clip
from dreamsound.cli import EXIT_SOME_FAILED
from dreamsound.cli.options import with_recipe_options
from dreamsound.cli.progress import StepLine, say
from dreamsound.control import Control
from dreamsound.dreamer import Dream, Dreamer, StepEvent
from dreamsound.errors import DreamSoundError, RecipeError, RenderCancelled
from dreamsound.methods import filled
from dreamsound.recipe import Recipe
from dreamsound.render import RENDER_NAMES, RenderOptions, check_places, planned_paths, write_renders
from dreamsound.span import parse_span

if TYPE_CHECKING:
    from dreamsound.models.base import Model

app = typer.Typer(add_completion=False)


@app.command()
@with_recipe_options
def render(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Sound files.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the renders.")],
    paper: Annotated[
        bool, typer.Option("--paper", help="The paper's formulas, taken literally.")
    ] = False,
    span: Annotated[
        str | None, typer.Option(metavar="START:END", help="Seconds; dream only this part.")
    ] = None,
    from_render: Annotated[
        str | None, typer.Option(metavar="FILE", help="Go on from an earlier dream of INPUT.")
    ] = None,
    keep_steps: Annotated[
        str | None, typer.Option(metavar="N|all", help="Also write every Nth step's sound.")
    ] = None,
    renders: Annotated[
        str, typer.Option(help=f"Comma-separated, of {', '.join(RENDER_NAMES)}; or all.")
    ] = "dream,gradient,hardcut",
    level: Annotated[
        str, typer.Option(metavar="match|raw", help="The source's loudness, or raw float.")
    ] = "match",
    file_format: Annotated[str, typer.Option("--format", metavar="wav|flac|aiff")] = "wav",
    bits: Annotated[
        str | None,
        typer.Option(metavar="16|24|32f", help="Default the source's, at least 24."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace renders.")] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    **fields: Any,
) -> int:
    """Dream sounds and write the renders."""
    recipe = Recipe.make(paper=paper, **fields)
    filled(recipe)
    options = RenderOptions.make(
        renders=_render_names(renders),
        level=level,
        format=file_format,
        bits=bits,
        overwrite=overwrite,
    )
    if from_render is not None and len(inputs) > 1:
        raise RecipeError("from_render goes on from one dream: give one INPUT")
    if span is not None:
        parse_span(span)
    keep_every = _keep_every(keep_steps)
    check_folder_writable(out)
    target = _read(recipe.target, None) if recipe.target is not None else None
    batch = _Batch(recipe, options, out, span, from_render, keep_every, target, debug)
    with batch.cancel_on_termination():
        results = [batch.run(path) for path in inputs]
    if json_output:
        typer.echo(json.dumps({"inputs": results}, indent=1))
    return batch.exit_code(len(inputs))


class _Batch:
    """Several inputs, one model: one that fails does not stop the others."""

    def __init__(
        self,
        recipe: Recipe,
        options: RenderOptions,
        out: Path,
        span: str | None,
        from_render: str | None,
        keep_every: int,
        target: Clip | None,
        debug: bool,
    ) -> None:
        self._recipe = recipe
        self._options = options
        self._out = out
        self._span = span
        self._from_render = from_render
        self._keep_every = keep_every
        self._target = target
        self._debug = debug
        self._model: Model | None = None
        self._device = ""
        self._failures: list[DreamSoundError] = []
        self._cancelled = threading.Event()
        self._control: Control | None = None

    def run(self, path: str) -> dict[str, Any]:
        """Dream one input; return what is told of it in JSON."""
        try:
            if self._cancelled.is_set():
                raise RenderCancelled("cancelled; nothing was written")
            return self._dream(path)
        except DreamSoundError as error:
            if self._debug:
                import traceback

                traceback.print_exc()
            self._failures.append(error)
            say(f"dreamsound: {error}")
            return {"input": path, "error": str(error), "exit_code": error.exit_code}

    def exit_code(self, inputs: int) -> int:
        """Return the process's exit code."""
        if not self._failures:
            return 0
        codes = {error.exit_code for error in self._failures}
        if RenderCancelled.exit_code in codes:
            return RenderCancelled.exit_code
        if inputs == 1:
            return self._failures[0].exit_code
        # A model that is missing is missing for all; anything else is some inputs' own trouble.
        return 3 if codes == {3} else EXIT_SOME_FAILED

    @contextmanager
    def cancel_on_termination(self) -> Iterator[None]:
        """Let SIGTERM cancel the running dream between two blocks."""

        def cancel(*_: object) -> None:
            self._cancelled.set()
            if self._control is not None:
                self._control.cancel()

        try:
            before = signal.signal(signal.SIGTERM, cancel)
        except ValueError:  # not the main thread
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _dream(self, path: str) -> dict[str, Any]:
        check_places(
            planned_paths(Path(path).stem, self._out, self._options),
            [Path(p) for p in (path, self._recipe.target, self._from_render) if p],
            self._options.overwrite,
        )
        clip = _read(path, self._span)
        start = _read(self._from_render, None) if self._from_render else None
        model = self._loaded_model()
        with StepLine(path, self._recipe.steps) as line:
            self._control = Control(line.between_blocks)
            dreamer = Dreamer(
                clip,
                self._recipe,
                model,
                target=self._target,
                start=start,
                control=self._control,
                keep_every=self._keep_every,
                on_warning=lambda text: line.say(f"dreamsound: {path}: {text}"),
            )
            for event in dreamer.steps():
                line.step(event)
            dream = dreamer.result()
            written = write_renders(
                dream,
                self._out,
                self._options,
                sources=[Path(p) for p in (self._recipe.target, self._from_render) if p],
                on_progress=lambda name: line.note(f"writing {name}"),
            )
            for note in written.notes:
                line.say(f"dreamsound: {path}: {note}")
            line.note(f"{dream.final.class_name} {dream.initial.score:.3f} → {dream.final.score:.3f}")
        report = self._report(path, dream)
        report |= {
            "gain_db": written.gain_db,
            "renders": {name: str(place) for name, place in written.paths.items()},
            "warnings": [*dream.warnings, *written.notes],
        }
        dream.close()
        return report

    def _loaded_model(self) -> Model:
        if self._model is None:
            from dreamsound.cli.quiet import device_name
            from dreamsound.models.catalog import find_weights

            find_weights(self._recipe.model)
            self._device = device_name()
            from dreamsound.models.load import load_model

            self._model = load_model(self._recipe.model)
        return self._model

    def _report(self, path: str, dream: Dream) -> dict[str, Any]:
        clip = dream.source
        return {
            "input": path,
            "model": dream.model_name,
            "weights_sha256": dream.weights_sha256,
            "device": self._device,
            "sample_rate_hz": clip.sample_rate_hz,
            "channels": clip.channels,
            "samples": clip.samples.length,
            "start": clip.start,
            "steps": [_step(event) for event in dream.steps],
            "initial": _heard(dream.initial),
            "final": _heard(dream.final),
            "recipe": dream.recipe.model_copy(update={"model": dream.model_name}).as_dict(),
        }


def _step(event: StepEvent) -> dict[str, Any]:
    told = asdict(event)
    told["class"] = told.pop("class_name")
    return told


def _heard(event: StepEvent) -> dict[str, Any]:
    return {
        "class": event.class_name,
        "class_index": event.class_index,
        "score": event.score,
        "loss": event.loss,
    }


def _read(path: str, span: str | None) -> Clip:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clip = read_source(path, span) if span else read_clip(path)
    for warning in caught:
        if issubclass(warning.category, AudioFileWarning):
            say(f"dreamsound: {warning.message}")
    return clip


def _render_names(text: str) -> tuple[str, ...]:
    if text.strip() == "all":
        return tuple(RENDER_NAMES)
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in RENDER_NAMES:
            raise RecipeError(f"there is no render {name!r}; there are {', '.join(RENDER_NAMES)}")
    if not names:
        raise RecipeError("renders: name at least one, or all")
    return names


def _keep_every(text: str | None) -> int:
    if text is None:
        return 0
    if text == "all":
        return 1
    if not text.isdigit() or int(text) < 1:
        raise RecipeError(f"keep_steps: a whole number from 1, or all, not {text!r}")
    return int(text)

