"""``dreamsound render``: dream sounds and write the renders."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio import (
    AudioFileError,
    Clip,
    Control,
    JobSpec,
    ModelError,
    RenderCancelled,
    Runner,
    Sounds,
)
from dreamsound_studio.cli import exit_code_of, line_and_code
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.fetching import load_model_of
from dreamsound_studio.cli.shared.levels import say_levels
from dreamsound_studio.cli.shared.options import FILES, DryRunOption
from dreamsound_studio.cli.shared.own_names import own_names
from dreamsound_studio.cli.shared.places import check_folders, common_place, shown_command
from dreamsound_studio.cli.shared.progress import StepLine, inform, say
from dreamsound_studio.cli.shared.reading import (
    read_targets,
    read_to_dream,
    read_with_warnings,
)
from dreamsound_studio.cli.shared.request import RenderRequest, takes_render_request
from dreamsound_studio.cli.shared.signals import cancelled_by_sigterm
from dreamsound_studio.cli.shared.verbosity import verbosity

app = App()


@app.command()
@takes_render_request
def render(
    request: RenderRequest,
    queue: Annotated[
        bool,
        typer.Option("--queue", help="Add it to the render queue instead.", rich_help_panel=FILES),
    ] = False,
    dry_run: DryRunOption = False,
    json_output: Annotated[
        bool,
        typer.Option("--json", help="Print JSON on standard output.", rich_help_panel=FILES),
    ] = False,
) -> int:
    """Dream sounds and write the renders, by default into a folder beside each sound.

    Short form: dreamsound bird.wav
    """
    if queue and not dry_run:
        from dreamsound_studio.cli.queue.add import send

        return send(request, json_output=json_output)
    recipe, options, values = request.recipe(), request.options(), request.values()
    request.check()
    keep_every = request.keep_every()
    sounds = request.sounds()
    check_folders({sound.out for sound in sounds}, request.out is not None and not dry_run)
    # What this command reads is never replaced by it, whichever input it is of.
    named = (*(sound.path for sound in sounds), *recipe.files(), request.from_render)
    protected = [Path(path) for path in named if path is not None]
    names = own_names([(sound.path, sound.out) for sound in sounds], options.name)
    specs = [
        JobSpec.model_construct(
            input=sound.path,
            out=str(sound.out),
            recipe=recipe,
            options=options.model_copy(update={"name": name}),
            span=request.span,
            from_render=request.from_render,
            keep_every=keep_every,
            values=values,
            number=number,
            judge=request.judge,
        )
        for number, (sound, name) in enumerate(zip(sounds, names, strict=True), 1)
    ]
    inputs = _Inputs(
        specs, Runner(partial(load_model_of, trust=request.trust), protected), read_targets(recipe)
    )
    if dry_run:
        code = inputs.check()
    else:
        with cancelled_by_sigterm(inputs.control):
            code = inputs.run()
    if json_output:
        typer.echo(json.dumps({"inputs": inputs.reports}, indent=1))
    elif dry_run:
        for report in inputs.reports:
            _show_plan(report)
    else:
        inform_of_renders(inputs.reports)
        if len(inputs.reports) > 1:
            say_levels(inputs.reports)
    return code


@dataclass
class _Inputs:
    """Several inputs, one model: one that fails does not stop the others."""

    specs: list[JobSpec]
    runner: Runner
    targets: dict[str, Clip | None]
    reports: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._line: StepLine | None = None
        self.control = Control(self._between_blocks)

    def run(self) -> int:
        """Dream every input; return the exit code."""
        codes: list[int] = []
        for spec in self.specs:
            try:
                self.control.check(0.0)
                self.reports.append(self._dream(spec))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                codes.append(self._failed(spec.input, error))
                if isinstance(error, ModelError | RenderCancelled):
                    # A model that is unavailable, and a cancellation, concern all inputs.
                    return codes[-1]
        return exit_code_of(codes, len(self.specs))

    def check(self) -> int:
        """Read every input and list the renders it would get; return the exit code."""
        codes: list[int] = []
        for spec in self.specs:
            try:
                clip = _read(spec.input, spec.span, read_with_warnings)
                self.runner.check_format(spec, clip)
                skipped = self.runner.is_skipped(spec)
                self.reports.append(
                    {
                        "input": spec.input,
                        "out": spec.out,
                        "renders": [] if skipped else list(spec.options.renders),
                        "skipped": skipped,
                    }
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                codes.append(self._failed(spec.input, error))
        return exit_code_of(codes, len(self.specs))

    def _dream(self, spec: JobSpec) -> dict[str, Any]:
        path = spec.input
        if self.runner.is_skipped(spec):
            say(f"dreamsound: {path}: skipped, its renders are there")
            return {"input": path, "skipped": True}
        notes: list[str] = []
        clip = _read(path, spec.span, partial(read_to_dream, notes=notes))
        self.runner.check_format(spec, clip)
        start = None if spec.from_render is None else read_with_warnings(spec.from_render)
        self.runner.model(spec)
        sounds = Sounds(clip, self.targets, start)
        with StepLine(path, spec.recipe.step_count) as self._line:
            hooks = self._line.hooks(tells_levels=len(self.specs) == 1)
            report, dream = self.runner.run(spec, sounds, self._line, self.control, hooks)
            dream.close()
            self._line.result(report.initial, report.final)
            self._line.judged(report.judged)
        report.warnings[:0] = notes
        return dict(report.as_dict())

    def _failed(self, path: str, error: Exception) -> int:
        """Report an input that failed; return the exit code of its error."""
        if verbosity.debug:
            traceback.print_exception(error)
        line, code = line_and_code(error)
        self.reports.append({"input": path, "error": line, "exit_code": code})
        if len(self.specs) > 1 and path not in line:
            line = f"{path}: {line}"
        say(f"dreamsound: {line}")
        return code

    def _between_blocks(self, share: float) -> None:
        if self._line is not None:
            self._line.between_blocks(share)


def _show_plan(report: dict[str, Any]) -> None:
    """Print what an input would become; its error is printed already."""
    if "out" in report:
        what = ", ".join(report["renders"]) or "skipped, its renders are there"
        typer.echo(f"would write to {report['out']}: {report['input']} ({what})")


def _read(path: str, span: str | None, read: Callable[[str, str | None], Clip]) -> Clip:
    if Path(path).is_dir():
        raise AudioFileError(f"no audio files found in {path}")
    return read(path, span)


def inform_of_renders(reports: Iterable[dict[str, Any]]) -> None:
    """Print where renders are, and what one might do next, in one line."""
    places = [Path(place) for report in reports for place in report.get("renders", {}).values()]
    if not places:
        return
    count = "1 render" if len(places) == 1 else f"{len(places)} renders"
    following = shown_command("plot", places[0])
    inform(f"wrote {count} to {common_place(places)}; to see one: {following}")
