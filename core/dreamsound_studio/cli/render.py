"""``dreamsound render``: dream sounds and write the renders."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.formats import check_holds
from dreamsound_studio.cli import EXIT_SOME_FAILED, line_and_code
from dreamsound_studio.cli.shared.fetching import loading
from dreamsound_studio.cli.shared.progress import StepLine, say
from dreamsound_studio.cli.shared.reading import read_telling
from dreamsound_studio.cli.shared.request import RenderWish, takes_render_wish
from dreamsound_studio.cli.shared.signals import cancelled_by_sigterm
from dreamsound_studio.control import Control
from dreamsound_studio.errors import ModelError, RenderCancelled
from dreamsound_studio.files import check_folder_writable
from dreamsound_studio.jobs.dreaming import Dreaming
from dreamsound_studio.recipe.files import FIELDS
from dreamsound_studio.recipe.recipe import Recipe

app = typer.Typer(add_completion=False)


@app.command()
@takes_render_wish
def render(
    wish: RenderWish,
    queue: Annotated[
        bool, typer.Option("--queue", help="Put it into the render queue instead; see queue add.")
    ] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> int:
    """Dream sounds and write the renders."""
    if queue:
        from dreamsound_studio.cli.queue.add import send

        return send(wish, json_output=json_output)
    recipe, options, values = wish.recipe(), wish.options(), wish.values()
    wish.check()
    keep_every = wish.keep_every()
    check_folder_writable(wish.out)
    # What this command reads is never to be replaced by it.
    named = (*wish.inputs, *recipe.files(), wish.from_render)
    protected = [Path(path) for path in named if path is not None]
    targets = read_targets(recipe)
    dreaming = Dreaming(
        recipe, loading(wish.trust), options, targets, values, protected, keep_every=keep_every
    )
    batch = _Inputs(wish.inputs, dreaming, wish.out, wish.span, wish.from_render, debug)
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


def read_targets(recipe: Recipe) -> dict[str, Clip | None]:
    """Read the sounds that a recipe names in fields of their own."""
    named = {name: getattr(recipe, name) for name in FIELDS}
    return {name: None if path is None else read_telling(path) for name, path in named.items()}
