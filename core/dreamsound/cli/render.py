"""``dreamsound render``: dream sounds and write the renders."""

from __future__ import annotations

import datetime as dt
import json
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound.audio import Clip, check_folder_writable
from dreamsound.cli import EXIT_SOME_FAILED, line_and_code
from dreamsound.cli.fetching import loading
from dreamsound.cli.options import (
    BitsOption,
    CatidOption,
    ClashOption,
    CreatorOption,
    FormatOption,
    FxnameOption,
    LevelOption,
    NameOption,
    PaperOption,
    PresetOption,
    RecipeOption,
    RendersOption,
    SidecarOption,
    SourceOption,
    TrustOption,
    with_recipe_options,
)
from dreamsound.cli.presets import preset_name, recipe_of
from dreamsound.cli.progress import StepLine, say
from dreamsound.cli.reading import read_telling
from dreamsound.cli.stopping import cancelled_by_sigterm
from dreamsound.control import Control
from dreamsound.dreaming import Dreaming
from dreamsound.errors import ModelError, RecipeError, RenderCancelled
from dreamsound.formats import check_holds
from dreamsound.methods import filled
from dreamsound.models.catalog import probable_weights
from dreamsound.models.tables import table_of
from dreamsound.naming import DEFAULT_TEMPLATE
from dreamsound.objective import check_names
from dreamsound.recipe import Recipe
from dreamsound.render import RENDER_NAMES, RenderOptions
from dreamsound.span import parse_span

app = typer.Typer(add_completion=False)


@app.command()
@with_recipe_options
def render(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Sound files.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the renders.")],
    preset: PresetOption = None,
    recipe_file: RecipeOption = None,
    paper: PaperOption = False,
    span: Annotated[
        str | None, typer.Option(metavar="START:END", help="Seconds; dream only this part.")
    ] = None,
    from_render: Annotated[
        str | None, typer.Option(metavar="FILE", help="Go on from an earlier dream of INPUT.")
    ] = None,
    keep_steps: Annotated[
        str | None, typer.Option(metavar="N|all", help="Also write every Nth step's sound.")
    ] = None,
    renders: RendersOption = "dream,gradient,hardcut",
    level: LevelOption = "match",
    file_format: FormatOption = "wav",
    bits: BitsOption = None,
    sidecar: SidecarOption = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace renders.")] = False,
    name: NameOption = DEFAULT_TEMPLATE,
    clash: ClashOption = "refuse",
    catid: CatidOption = "",
    fxname: FxnameOption = "",
    creator: CreatorOption = "",
    source: SourceOption = "",
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
    trust: TrustOption = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    **fields: Any,
) -> int:
    """Dream sounds and write the renders."""
    recipe = checked_recipe(preset, recipe_file, paper, fields)
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
    # What this command reads is never to be replaced by it.
    named = (*inputs, recipe.target, recipe.target_b, from_render)
    protected = [Path(path) for path in named if path is not None]
    targets = read_targets(recipe)
    dreaming = Dreaming(
        recipe, loading(trust), options, targets, values, protected, keep_every=keep_every
    )
    batch = _Inputs(inputs, dreaming, out, span, from_render, debug)
    with cancelled_by_sigterm(batch.control):
        code = batch.run()
    if json_output:
        typer.echo(json.dumps({"inputs": batch.reports}, indent=1))
    return code


@dataclass
class _Inputs:
    """Several inputs, one model: one that fails does not stop the others."""

    paths: list[str]
    dreaming: Dreaming
    out: Path
    span: str | None
    from_render: str | None
    debug: bool
    reports: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._line: StepLine | None = None
        self.control = Control(self._between_blocks)

    def run(self) -> int:
        """Dream every input; return the exit code."""
        codes: list[int] = []
        for path in self.paths:
            try:
                self.control.check(0.0)
                self.reports.append(self._dream(path))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                codes.append(self._failed(path, error))
                if isinstance(error, ModelError | RenderCancelled):
                    # What is not to be had, or called off, is so for all.
                    return codes[-1]
        if len(codes) == len(self.paths) and len(set(codes)) == 1:
            return codes[0]
        return EXIT_SOME_FAILED if codes else 0

    def _dream(self, path: str) -> dict[str, Any]:
        number = len(self.reports) + 1
        if self.dreaming.is_skipped(Path(path), self.out, number):
            say(f"dreamsound: {path}: skipped, its renders are there")
            return {"input": path, "skipped": True}
        told: list[str] = []
        clip = read_telling(path, self.span, told)
        options = self.dreaming.options
        check_holds(options.format, clip.sample_rate_hz, clip.channels, path)
        start = read_telling(self.from_render) if self.from_render is not None else None
        self.dreaming.model()
        with StepLine(path, self.dreaming.recipe.steps) as self._line:
            report, dream = self.dreaming.dream(
                clip, path, self.out, number, self._line, self.control, start
            )
            dream.close()
        report["warnings"] = told + report["warnings"]
        return report

    def _failed(self, path: str, error: Exception) -> int:
        """Tell of an input that failed; return the exit code it means."""
        if self.debug:
            traceback.print_exception(error)
        line, code = line_and_code(error)
        self.reports.append({"input": path, "error": line, "exit_code": code})
        if len(self.paths) > 1 and path not in line:
            line = f"{path}: {line}"
        say(f"dreamsound: {line}")
        return code

    def _between_blocks(self, share: float) -> None:
        if self._line is not None:
            self._line.between_blocks(share)


def checked_recipe(
    preset: str | None, recipe_file: Path | None, paper: bool, fields: dict[str, Any]
) -> Recipe:
    """Return the recipe that a command is asked for, checked as far as it can be beforehand."""
    recipe = recipe_of(preset, recipe_file, paper, fields)
    filled(recipe)
    probable = probable_weights(recipe.model)
    if probable is not None:
        check_names(recipe, table_of(probable))
    return recipe


def read_targets(recipe: Recipe) -> dict[str, Clip | None]:
    """Read the sounds that a recipe names."""
    return {
        name: None if path is None else read_telling(path)
        for name, path in (("target", recipe.target), ("target_b", recipe.target_b))
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
