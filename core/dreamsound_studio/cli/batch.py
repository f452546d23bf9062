"""``dreamsound batch``: dream whole folders, with a report."""

from __future__ import annotations

import functools
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.times import clock
from dreamsound_studio.cli import exit_code_of, line_and_code
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import DryRun, Json
from dreamsound_studio.cli.shared.fetching import load_model_of
from dreamsound_studio.cli.shared.levels import levels_of, without_levels
from dreamsound_studio.cli.shared.made_folders import made_folders
from dreamsound_studio.cli.shared.own_names import own_names
from dreamsound_studio.cli.shared.progress import inform, say
from dreamsound_studio.cli.shared.reading import (
    read_targets,
    read_to_dream,
    read_with_warnings,
)
from dreamsound_studio.cli.shared.request import DreamRequest, takes_render_request
from dreamsound_studio.cli.shared.signals import cancelled_by_sigterm
from dreamsound_studio.cli.shared.verbosity import verbosity
from dreamsound_studio.control import Control
from dreamsound_studio.dream.judgement import Judgement
from dreamsound_studio.dream.records import RawDream, StepEvent
from dreamsound_studio.dsp.spectrogram import thumbnail_levels
from dreamsound_studio.errors import ModelError, RenderCancelled
from dreamsound_studio.jobs.results import RenderResult
from dreamsound_studio.jobs.run import Runner
from dreamsound_studio.jobs.sounds import Sounds
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.pictures.batch_report import BatchReport, LeftOut, Row, sounds_in
from dreamsound_studio.pictures.drawing import write_thumbnail

app = App()

#: Files that were left out, as the terminal shows them; the report has all.
MOST_LEFT_OUT = 10


@dataclass(kw_only=True)
class BatchRequest(DreamRequest):
    """The options of ``batch``, as they were given."""

    places: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders of sounds, or files.")
    ]
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="DIR", help="Folder for the renders and the report."),
    ]


@app.command()
@functools.partial(takes_render_request, kind=BatchRequest)
def batch(
    request: BatchRequest,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Also take sounds from the folders below.")
    ] = False,
    keep_tree: Annotated[
        bool, typer.Option("--keep-tree", help="Give the renders the folders of their sources.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Sounds dreamed at the same time.")] = 1,
    dry_run: DryRun = False,
    json_output: Json = False,
) -> int:
    """Dream every sound of some folders, and write a report, batch_report.html."""
    recipe, options, values = request.recipe(), request.options(), request.values()
    request.check()
    out = request.out
    left_out: list[LeftOut] = []
    sounds = sounds_in(request.places, recursive, out, left_out)
    places = [(str(sound.path), out / sound.below if keep_tree else out) for sound in sounds]
    specs = [
        JobSpec.model_construct(
            input=path,
            out=str(place),
            recipe=recipe,
            options=options.model_copy(update={"name": name}),
            span=request.span,
            values=values,
            number=number,
            judge=request.judge,
        )
        for number, ((path, place), name) in enumerate(
            zip(places, own_names(places, options.name), strict=True), 1
        )
    ]
    load = functools.partial(load_model_of, trust=request.trust)
    runner = Runner(load, [sound.path for sound in sounds])
    if dry_run:
        for one in left_out:
            say(f"would leave out {one}")
        return _check(specs, runner)
    made_folders.check(out)
    rows = [Row(spec.number, spec.input, spec.out) for spec in specs]
    report = BatchReport.beginning(out, rows)
    report.left_out = left_out
    run = _Run(runner, read_targets(recipe), report, jobs)
    with cancelled_by_sigterm(run.control):
        code = run.all(specs)
    if json_output:
        typer.echo((out / f"{run.report.name}.json").read_text(encoding="utf-8"))
    elif verbosity.quiet:
        if remarks := run.report.remarks():
            say(f"dreamsound: {remarks}")
    else:
        typer.echo(run.report.text(MOST_LEFT_OUT))
    inform(f"wrote {out / f'{run.report.name}.html'}; open it in a browser")
    return code


def _check(specs: list[JobSpec], runner: Runner) -> int:
    """Read every sound and print where its renders would go; return the exit code."""
    codes = []
    for spec in specs:
        try:
            if runner.is_skipped(spec):
                typer.echo(f"would skip {spec.input}: its renders are there")
                continue
            clip = read_with_warnings(spec.input, spec.span)
            runner.check_format(spec, clip)
            clip.samples.close()
            typer.echo(f"would dream {spec.input} into {spec.out}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are checked
            line, code = line_and_code(error)
            codes.append(code)
            say(f"dreamsound: {line}")
    return exit_code_of(codes, len(specs))


class _Quiet:
    """Shows nothing: the dreams of a batch run side by side, and the report has it all."""

    def step(self, event: StepEvent) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing: the report has it."""


@dataclass
class _Run:
    """All sounds of a batch: one is read while others are dreamed."""

    runner: Runner
    targets: dict[str, Clip | None]
    report: BatchReport
    jobs: int

    def __post_init__(self) -> None:
        self.control = Control()
        self._done = 0
        self._reports: list[RenderResult] = []
        self._began = time.monotonic()
        # So many sounds are in memory, or in scratch files, at the same time.
        self._slots = threading.Semaphore(self.jobs + 2)

    def all(self, specs: list[JobSpec]) -> int:
        """Dream them all and write the report, also of a cancelled batch."""
        stopped: BaseException | None = None
        try:
            # The dreamers end first: until then they hand over what is to be drawn.
            with ThreadPoolExecutor(1) as self._drawing, ThreadPoolExecutor(self.jobs) as pool:
                try:
                    for row, spec in zip(self.report.rows, specs, strict=True):
                        self._begin(pool, row, spec)
                except BaseException:
                    self.control.cancel()
                    raise
        except (ModelError, RenderCancelled, KeyboardInterrupt) as error:
            stopped = error
        self.report.levels = levels_of(self._reports)
        self.report.seconds = time.monotonic() - self._began
        self.report.write()
        if stopped is not None:
            raise stopped
        self.control.check(1.0)
        codes = [row.exit_code for row in self.report.of("failed")]
        return exit_code_of(codes, len(self.report.rows))

    def _begin(self, pool: ThreadPoolExecutor, row: Row, spec: JobSpec) -> None:
        """Read a sound and hand it to whoever is free to dream."""
        self._slots.acquire()
        handed = False
        try:
            self.control.check(0.0)
            if self.runner.is_skipped(spec):
                row.state, row.why = "skipped", "its renders are there"
                self._show(row)
                return
            clip = read_to_dream(spec.input, spec.span, row.warnings)
            self.runner.check_format(spec, clip)
            self.runner.model(spec)
            pool.submit(self._dream, row, spec, clip)
            handed = True
        except (ModelError, RenderCancelled):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            self._failed(row, error)
        finally:
            if not handed:
                self._slots.release()

    def _dream(self, row: Row, spec: JobSpec, clip: Clip) -> None:
        try:
            sounds = Sounds(clip, self.targets)
            report, dream = self.runner.run(spec, sounds, _Quiet(), self.control)
            row.seconds = report.seconds
            row.state = "done"
            row.class_name = dream.final.class_name
            row.before, row.after = dream.initial.score, dream.final.score
            row.judged = None if report.judged is None else report.judged.as_dict()
            row.renders = {name: str(path) for name, path in report.renders.items()}
            self._reports.append(report.as_dict())
            row.levels, others = without_levels(report.warnings)
            known = self.runner.model_notes
            row.warnings += [line for line in others if line not in known]
            self._show(row)
            self._drawing.submit(self._draw, row, dream)
        except RenderCancelled:
            row.state = "not begun"
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            self._failed(row, error)
        finally:
            # What is drawn keeps its sound; a slot is free when that is done.
            if row.state != "done":
                clip.samples.close()
                self._slots.release()

    def _draw(self, row: Row, dream: RawDream) -> None:
        rate = dream.source.sample_rate_hz
        folder = self.report.pictures
        try:
            with closing(dream), closing(dream.source.samples):
                levels = {
                    "before": thumbnail_levels(dream.source.samples, rate),
                    "after": thumbnail_levels(dream.samples, rate),
                }
            top_db = float(levels["before"].max())
            folder.mkdir(exist_ok=True)
            for which, shown in levels.items():
                path = folder / f"{row.number:04d}_{which}.png"
                write_thumbnail(shown, path, top_db)
                row.pictures[which] = f"{folder.name}/{path.name}"
        except Exception as error:  # noqa: BLE001 - the renders exist: a missing picture is not a failure
            row.warnings.append(f"no picture: {line_and_code(error)[0]}")
        finally:
            self._slots.release()

    def _failed(self, row: Row, error: Exception) -> None:
        if verbosity.debug:
            traceback.print_exception(error)
        row.state = "failed"
        row.why, row.exit_code = line_and_code(error)
        self._show(row)

    def _show(self, row: Row) -> None:
        self._done += 1
        count = len(self.report.rows)
        rest = (time.monotonic() - self._began) / self._done * (count - self._done)
        name = Path(row.input).name
        what = row.outcome(name)
        if row.state == "done":
            score = f"{row.class_name} {row.before:.3f} → {row.after:.3f}"
            judged = "" if row.judged is None else f", {Judgement.from_dict(row.judged)}"
            what = f"{name}: {score}{judged}, {row.seconds:.1f} s"
        eta = f"ETA {clock(rest)}" if self._done < count and not verbosity.quiet else ""
        show = say if row.state == "failed" else inform
        between = "" if not eta else " " if what.endswith(".") else "; "
        show(f"{self._done}/{count} {what}{between}{eta}")
