"""``dreamsound render``: dream sounds and write the renders."""

from __future__ import annotations

import datetime as dt
import json
import traceback
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamsound.audio import Clip, check_folder_writable
from dreamsound.cli import EXIT_SOME_FAILED, line_and_code
from dreamsound.cli.fetching import load_telling, watching
from dreamsound.cli.options import with_recipe_options
from dreamsound.cli.presets import preset_name, recipe_of
from dreamsound.cli.progress import StepLine, say
from dreamsound.cli.reading import read_telling
from dreamsound.cli.stopping import cancelled_by_sigterm
from dreamsound.control import Control
from dreamsound.dreamer import Dream, Dreamer, StepEvent
from dreamsound.errors import ModelError, RecipeError, RenderCancelled
from dreamsound.formats import FORMATS, check_holds
from dreamsound.methods import filled
from dreamsound.models.catalog import find_weights, probable_weights
from dreamsound.models.tables import table_of
from dreamsound.naming import DEFAULT_TEMPLATE, EXAMPLE, FIELDS, LATE, expand, fields_in
from dreamsound.objective import check_names
from dreamsound.recipe import Recipe
from dreamsound.render import (
    RENDER_NAMES,
    RenderOptions,
    check_places,
    planned_paths,
    write_renders,
)
from dreamsound.span import parse_span

if TYPE_CHECKING:
    from dreamsound.models.base import Model

app = typer.Typer(add_completion=False)

NAME_HELP = (
    f"How renders are called, of {', '.join(f'{{{field}}}' for field in FIELDS)}; "
    "{catid}_{fxname}_{creator}_{source}_{render} gives "
    f"{expand('{catid}_{fxname}_{creator}_{source}_{render}', EXAMPLE)}.wav."
)


@app.command()
@with_recipe_options
def render(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Sound files.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the renders.")],
    preset: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="A preset; options given here win.")
    ] = None,
    recipe_file: Annotated[
        Path | None,
        typer.Option("--recipe", metavar="FILE", help="A recipe, or a render's; the same."),
    ] = None,
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
    file_format: Annotated[str, typer.Option("--format", metavar="|".join(FORMATS))] = "wav",
    bits: Annotated[
        str | None,
        typer.Option(metavar="16|24|32f", help="Default the source's, at least 24."),
    ] = None,
    sidecar: Annotated[
        bool, typer.Option("--sidecar", help="Also write what made a render beside it, as JSON.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace renders.")] = False,
    name: Annotated[str, typer.Option(metavar="TEMPLATE", help=NAME_HELP)] = DEFAULT_TEMPLATE,
    clash: Annotated[
        str,
        typer.Option(
            metavar="refuse|number|overwrite|skip", help="What to do where a file exists."
        ),
    ] = "refuse",
    catid: Annotated[str, typer.Option(help="For {catid} in --name.")] = "",
    fxname: Annotated[str, typer.Option(help="For {fxname} in --name.")] = "",
    creator: Annotated[str, typer.Option(help="For {creator} in --name.")] = "",
    source: Annotated[str, typer.Option(help="For {source} in --name.")] = "",
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Let a SavedModel of others run on this machine.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    **fields: Any,
) -> int:
    """Dream sounds and write the renders."""
    recipe = recipe_of(preset, recipe_file, paper, fields)
    filled(recipe)
    probable = probable_weights(recipe.model)
    if probable is not None:
        check_names(recipe, table_of(probable))
    options = RenderOptions.make(
        renders=render_names(renders),
        level=level,
        format=file_format,
        bits=bits,
        sidecar=sidecar,
        overwrite=overwrite or clash == "overwrite",
        name=name,
        clash="refuse" if clash == "overwrite" else clash,
    )
    values = {"catid": catid, "fxname": fxname, "creator": creator, "source": source}
    values |= {"preset": preset_name(preset), "date": dt.date.today().isoformat()}
    if from_render is not None and len(inputs) > 1:
        raise RecipeError("from_render goes on from one dream: give one INPUT")
    if span is not None:
        parse_span(span)
    keep_every = _keep_every(keep_steps)
    check_folder_writable(out)
    targets = {
        name: None if path is None else read_telling(path)
        for name, path in (("target", recipe.target), ("target_b", recipe.target_b))
    }
    batch = _Batch(
        inputs, recipe, options, out, span, from_render, keep_every, targets, values, trust, debug
    )
    with cancelled_by_sigterm(batch.control):
        code = batch.run()
    if json_output:
        typer.echo(json.dumps({"inputs": batch.reports}, indent=1))
    return code


@dataclass
class _Batch:
    """Several inputs, one model: one that fails does not stop the others."""

    inputs: list[str]
    recipe: Recipe
    options: RenderOptions
    out: Path
    span: str | None
    from_render: str | None
    keep_every: int
    targets: dict[str, Clip | None]
    values: dict[str, str]
    trust: bool
    debug: bool
    reports: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._model: Model | None = None
        self._device = ""
        self._line: StepLine | None = None
        self._warnings: list[str] = []
        self.control = Control(self._between_blocks)
        # What this command reads, and in the end what it wrote: never to be replaced by it.
        named = (*self.inputs, self.recipe.target, self.recipe.target_b, self.from_render)
        self._protected = [Path(path) for path in named if path is not None]

    def run(self) -> int:
        """Dream every input; return the exit code."""
        codes: list[int] = []
        for path in self.inputs:
            try:
                self.control.check(0.0)
                self.reports.append(self._dream(path))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                codes.append(self._failed(path, error))
                if isinstance(error, ModelError | RenderCancelled):
                    # What is not to be had, or called off, is so for all.
                    return codes[-1]
        if len(codes) == len(self.inputs) and len(set(codes)) == 1:
            return codes[0]
        return EXIT_SOME_FAILED if codes else 0

    def _dream(self, path: str) -> dict[str, Any]:
        # Inputs are told apart by their number even where their names are the same.
        self._values = self.values | {"n": f"{len(self.reports) + 1:03d}"}
        kept = range(self.keep_every, self.recipe.steps, self.keep_every or 1)
        steps = tuple(kept) if self.keep_every else ()
        if not fields_in(self.options.name) & set(LATE):
            places = planned_paths(Path(path).stem, self.out, self.options, steps, self._values)
            if self.options.clash == "skip" and any(place.exists() for place in places.values()):
                say(f"dreamsound: {path}: skipped, its renders are there")
                return {"input": path, "skipped": True}
            check_places(places, self._protected, self.options.overwrite)
        self._warnings = []
        clip = read_telling(path, self.span, self._warnings)
        check_holds(self.options.format, clip.sample_rate_hz, clip.channels, path)
        start = read_telling(self.from_render) if self.from_render is not None else None
        model = self._loaded_model()
        with StepLine(path, self.recipe.steps) as self._line:
            dreamer = Dreamer(
                clip,
                self.recipe,
                model,
                **self.targets,
                start=start,
                control=self.control,
                keep_every=self.keep_every,
                on_warning=lambda text: self._note(path, text),
            )
            for event in dreamer.steps():
                self._line.step(event)
            with closing(dreamer.result()) as dream:
                report = self._report(path, dream)
                return report | self._write(path, dream)

    def _write(self, path: str, dream: Dream) -> dict[str, Any]:
        written = write_renders(
            dream,
            self.out,
            self.options,
            values=self._values,
            sources=self._protected,
            on_progress=self._writing,
        )
        self._protected += written.paths.values()
        for text in written.notes:
            self._note(path, text)
        if self._line is not None:
            change = f"{dream.initial.score:.3f} → {dream.final.score:.3f}"
            self._line.note(f"{dream.final.class_name} {change}")
        return {
            "gain_db": written.gain_db,
            "renders": {name: str(place) for name, place in written.paths.items()},
            "warnings": [*self._warnings, *dream.warnings, *written.notes],
        }

    def _loaded_model(self) -> Model:
        if self._model is None:
            # Before TensorFlow is imported, which takes long: the model may not be to be had.
            with watching(self.trust) as watch:
                weights = find_weights(self.recipe.model, watch)
            check_names(self.recipe, table_of(weights))
            from dreamsound.models.runtime import device_name

            self._device = device_name()
            self._model = load_telling(weights, self._warnings)
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

    def _failed(self, path: str, error: Exception) -> int:
        """Tell of an input that failed; return the exit code it means."""
        if self.debug:
            traceback.print_exception(error)
        line, code = line_and_code(error)
        self.reports.append({"input": path, "error": line, "exit_code": code})
        if len(self.inputs) > 1 and path not in line:
            line = f"{path}: {line}"
        say(f"dreamsound: {line}")
        return code

    def _note(self, path: str, text: str) -> None:
        line = f"dreamsound: {path}: {text}"
        if self._line is None:
            say(line)
        else:
            self._line.say(line)

    def _between_blocks(self, share: float) -> None:
        if self._line is not None:
            self._line.between_blocks(share)

    def _writing(self, name: str) -> None:
        self.control.check(1.0)
        if self._line is not None:
            self._line.note(f"writing {name}")


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


def render_names(text: str) -> tuple[str, ...]:
    """Return the renders that ``--renders`` names, or raise `RecipeError`."""
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
