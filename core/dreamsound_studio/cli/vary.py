"""``dreamsound vary``: a sound dreamed with many settings, on a page to choose from."""

from __future__ import annotations

import json
import os
import traceback
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.cli import exit_code_of, line_and_code
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import CLASHES, DryRun, Json
from dreamsound_studio.cli.shared.fetching import load_model_of, watching
from dreamsound_studio.cli.shared.levels import say_levels
from dreamsound_studio.cli.shared.made_folders import made_folders
from dreamsound_studio.cli.shared.options import (
    FILES,
    BitsOption,
    FormatOption,
    JudgeOption,
    LevelOption,
    LimitOption,
    OverwriteOption,
    PaperOption,
    PresetOption,
    RecipeOption,
    RendersOption,
    RenderTrustOption,
    SpanOption,
    with_recipe_options,
)
from dreamsound_studio.cli.shared.places import clash_of, numbered_place
from dreamsound_studio.cli.shared.progress import StepLine, inform, say
from dreamsound_studio.cli.shared.reading import (
    read_targets,
    read_to_dream,
    read_with_warnings,
    settled_span,
)
from dreamsound_studio.cli.shared.recipes import preset_name, recipe_of_options
from dreamsound_studio.cli.shared.request import render_names
from dreamsound_studio.cli.shared.signals import cancelled_by_sigterm
from dreamsound_studio.cli.shared.verbosity import verbosity
from dreamsound_studio.control import Control
from dreamsound_studio.dream.objective import check_names, check_names_here
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.dsp.spectrogram import thumbnail_levels
from dreamsound_studio.errors import AudioFileError, RenderCancelled
from dreamsound_studio.jobs.judge import check_judge
from dreamsound_studio.jobs.models import Loaded
from dreamsound_studio.jobs.results import RenderResult
from dreamsound_studio.jobs.run import Runner
from dreamsound_studio.jobs.sounds import Sounds
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.models.store.find import find_weights
from dreamsound_studio.models.tables import table_of
from dreamsound_studio.pictures.contact_sheet import ContactSheet, Variation
from dreamsound_studio.pictures.drawing import write_thumbnail
from dreamsound_studio.recipe.grid import parse_grid
from dreamsound_studio.recipe.plan import Plan, other_models
from dreamsound_studio.recipe.precision import check_precision
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RenderOptions

app = App()

#: Names of the renders: the number of the variation comes first.
NUMBERED = "{n}_{stem}_{render}"


@app.command()
@with_recipe_options
def vary(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file.")],
    grid: Annotated[
        str,
        typer.Option(
            "--grid", metavar="GRID", help='Values to combine: "seed=1..4 strength=0.05,0.1".'
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for the page and the renders [default: NAME_variations, here].",
        ),
    ] = None,
    preset: PresetOption = None,
    recipe_file: RecipeOption = None,
    paper: PaperOption = False,
    span: SpanOption = None,
    renders: RendersOption = "dream",
    level: LevelOption = "match",
    limit: LimitOption = "on",
    file_format: FormatOption = "wav",
    bits: BitsOption = None,
    overwrite: OverwriteOption = False,
    clash: Annotated[
        str | None,
        typer.Option(
            "--clash",
            metavar="|".join(CLASHES),
            help="Where the folder is in use: refuse, number a new one, overwrite in it, or skip "
            "[default: refuse].",
            rich_help_panel=FILES,
        ),
    ] = None,
    trust: RenderTrustOption = False,
    judge: JudgeOption = "auto",
    dry_run: DryRun = False,
    json_output: Json = False,
    **fields: Any,
) -> int:
    """Dream a sound with every combination of some values, and write a page to choose from."""
    base = {name: value for name, value in fields.items() if value is not None}
    combinations = parse_grid(grid).combinations()
    recipes = [
        recipe_of_options(preset, recipe_file, paper, base | combination)
        for combination in combinations
    ]
    for recipe in recipes:
        Plan.of(recipe)
        check_precision(recipe)
        check_names_here(recipe)
        check_judge(judge, recipe.model, *other_models(recipe))
    options = RenderOptions.make(
        renders=render_names(renders),
        level=level,
        limit=limit,
        format=file_format,
        bits=bits,
        overwrite=True,
        name=NUMBERED,
    )
    folder = _free_folder(out or Path(f"{file.stem}_variations"), clash_of(clash, overwrite))
    read = read_with_warnings if dry_run else read_to_dream
    clip = read(file, settled_span(span))
    if folder is None:
        inform("skipped: the folder is in use")
        return 0
    if dry_run:
        typer.echo(f"would write {len(recipes)} variations to {folder}")
        return 0
    made_folders.check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with watching(trust) as watch:
        weights = find_weights(recipes[0].model, watch)
    for recipe in recipes:
        check_names(recipe, table_of(weights))
    spec = JobSpec.model_construct(
        input=str(file),
        out=str(folder),
        recipe=recipes[0],
        options=options,
        values={"preset": preset_name(preset)},
        judge=judge,
    )
    sounds = Sounds(clip, read_targets(recipes[0]))
    names = {name for recipe in recipes for name in other_models(recipe)}

    def load(recipe: Recipe) -> Loaded:
        """Load the model with all that the variations name, or a judge by itself."""
        return load_model_of(recipe, trust, names if recipe is recipes[0] else ())

    run = _Run(spec, sounds, Runner(load))
    with cancelled_by_sigterm(run.control):
        code = run.all(combinations, recipes)
    if json_output:
        typer.echo(json.dumps(asdict(run.sheet), indent=1))
    count = len(run.sheet.variations)
    inform(f"wrote {count} variations to {folder / 'index.html'}; open it in a browser")
    return code


@dataclass
class _Run:
    """All variations of one sound."""

    spec: JobSpec
    sounds: Sounds
    runner: Runner

    def __post_init__(self) -> None:
        self.file, self.folder = Path(self.spec.input), Path(self.spec.out)
        self.clip, self.model = self.sounds.clip, self.runner.model(self.spec).model
        self._line: StepLine | None = None
        self._reports: list[RenderResult] = []
        self.control = Control(self._between_blocks)

    def all(self, combinations: list[dict[str, str]], recipes: list[Recipe]) -> int:
        """Dream them all; return the exit code."""
        levels = thumbnail_levels(self.clip.samples, self.clip.sample_rate_hz)
        self._top_db = float(levels.max())
        write_thumbnail(levels, self.folder / "source.png", self._top_db)
        common = {
            name: value
            for name, value in recipes[0].as_dict().items()
            if name not in {field.rstrip("_") for field in combinations[0]}
            and value != Recipe().as_dict()[name]
        }
        place = os.path.relpath(self.file, self.folder)
        self.sheet = ContactSheet(
            self.file.name, place, "source.png", self.model.name, common, len(recipes)
        )
        codes = []
        for number, (fields, recipe) in enumerate(zip(combinations, recipes, strict=True), 1):
            named = {name.rstrip("_"): value for name, value in fields.items()}
            resolved = recipe.model_copy(update={"model": self.model.name})
            variation = Variation(number, named, resolved.as_dict())
            try:
                self._dream(variation, recipe, len(recipes))
            except RenderCancelled:
                self.sheet.write(self.folder)
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                if verbosity.debug:
                    traceback.print_exception(error)
                variation.error, code = line_and_code(error)
                codes.append(code)
                say(f"dreamsound: variation {number}: {variation.error}")
            self.sheet.variations.append(variation)
            # After each, so that one can look while it runs, and nothing is lost.
            self.sheet.write(self.folder)
        if len(recipes) > 1:
            say_levels(self._reports)
        return exit_code_of(codes, len(recipes))

    def _dream(self, variation: Variation, recipe: Recipe, planned: int) -> None:
        spec = self.spec.model_copy(update={"recipe": recipe, "number": variation.number})
        shown = " ".join(f"{name}={value}" for name, value in variation.fields.items())
        with StepLine(f"{variation.number}/{planned} {shown}", recipe.step_count) as self._line:
            label = f"variation {variation.number}"
            hooks = self._line.hooks(label=label, tells_levels=planned == 1)
            report, made = self.runner.run(spec, self.sounds, self._line, self.control, hooks)
            with closing(made) as dream:
                self._line.result(report.initial, report.final)
                self._line.judged(report.judged)
                variation.renders = {name: path.name for name, path in report.renders.items()}
                variation.gain_db = report.gain_db
                self._reports.append(report.as_dict())
                variation.warnings = report.warnings
                variation.judged = None if report.judged is None else report.judged.as_dict()
                variation.before = {"class": dream.initial.class_name, "score": dream.initial.score}
                variation.after = {"class": dream.final.class_name, "score": dream.final.score}
                self._draw(variation, dream, f"{variation.number:03d}_{self.file.stem}.png")

    def _draw(self, variation: Variation, dream: RawDream, name: str) -> None:
        try:
            levels = thumbnail_levels(dream.samples, self.clip.sample_rate_hz)
            write_thumbnail(levels, self.folder / name, self._top_db)
            variation.picture = name
        except Exception as error:  # noqa: BLE001 - the renders are written; a picture is not essential
            variation.warnings.append(f"no picture: {line_and_code(error)[0]}")

    def _between_blocks(self, share: float) -> None:
        if self._line is not None:
            self._line.between_blocks(share)


def _free_folder(folder: Path, clash: str) -> Path | None:
    """Return the folder to write to: it is empty, or may be used; None to skip the sound."""
    if not folder.is_dir() or clash == "overwrite" or not any(folder.iterdir()):
        return folder
    if clash == "skip":
        return None
    if clash == "number":
        return numbered_place(folder)
    raise AudioFileError(f"{folder} is not empty: choose another folder, or pass --overwrite")
