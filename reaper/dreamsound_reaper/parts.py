"""From facts to jobs: one part per item, or per glued sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from dreamsound_reaper.facts import Facts, FactsError, Item
from dreamsound_reaper.glue import write_glued, write_target
from dreamsound_reaper.media import Media, local_path
from dreamsound_reaper.spans import UnfitError, check_fit, played_span, root_of
from dreamsound_reaper.take_note import TakeNote
from dreamsound_studio.audio.cut import Cut
from dreamsound_studio.dream.objective import check_names
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.jobs.limits import MOST_NAME
from dreamsound_studio.models.tables import possible_tables
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.presets import find_preset, with_fields
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.options import RenderOptions

#: Subfolder of the project's recording folder for renders.
OUT_FOLDER: Final = "DreamSound"
NAME_TEMPLATE: Final = "{fxname}_{render}"
#: How the remark on a skipped item begins.
LEFT_OUT: Final = "skipped because it"
#: The same in runs of earlier versions, which wrote no number.
FORMER: Final = "left out, because it"


@dataclass(frozen=True)
class Part:
    """A job, and where its renders go.

    Attributes
    ----------
    label : str
        Name in messages.
    job : dict
        ``job.json``.
    item : int or None
        Index of the item in the facts; None for a glued sound.
    base, generation : str, int
        As in `TakeNote`.
    start_offset_s, marker_shift_s, channel_mode
        As in `dreamsound_reaper.spans.PlayedSpan`.
    position_s, length_s : float
        Position and length of a glued sound.
    """

    label: str
    job: dict[str, Any]
    item: int | None
    base: str
    generation: int = 1
    start_offset_s: float = 0.0
    marker_shift_s: float = 0.0
    channel_mode: int = 0
    position_s: float = 0.0
    length_s: float = 0.0


@dataclass
class Parts:
    """The parts of a run.

    Attributes
    ----------
    parts : list of Part
        One job each.
    remarks : list of (str, str)
        Item, and why it is skipped or what its dream lacks.
    left_out : int
        Number of skipped items.
    """

    parts: list[Part] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)
    left_out: int = 0

    def leave_out(self, item: Item, why: UnfitError) -> None:
        """Record why an item is skipped."""
        self.left_out += 1
        self.remarks.append((item.label, f"{LEFT_OUT} {why}"))

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Parts:
        """Return the parts that :meth:`as_dict` made values of.

        Raises
        ------
        KeyError, TypeError, ValueError
            The values are not of that form.
        """
        remarks = [(label, text) for label, text in values["remarks"]]
        left_out = values.get("left_out", sum(text.startswith(FORMER) for _, text in remarks))
        return cls([Part(**part) for part in values["parts"]], remarks, int(left_out))


def parts_of(facts: Facts, folder: Path, *, checks_recipe: bool = True) -> Parts:
    """Return the parts of a run.

    Parameters
    ----------
    facts : Facts
        REAPER's facts.
    folder : pathlib.Path
        Folder of the run; renders go below it if the project has no recording folder.
    checks_recipe : bool
        Whether to validate the recipe now.

    Returns
    -------
    Parts
        In the order of the items.

    Raises
    ------
    DreamSoundError
        Nothing can be dreamed: the preset, recipe or target is invalid.
    """
    out = out_folder(facts, folder)
    media = Media(facts.project)
    made = Parts()
    fields = _from_project(facts, facts.settings.recipe_fields())
    target = facts.target_item()
    if facts.target is not None and target is None:
        raise FactsError("the target is not among the selected items. Select it too")
    if target is not None:
        fields = _toward(facts, fields, _target_file(target, media, out))
    if checks_recipe and facts.action == "dream":
        _check(facts.settings.preset, fields)
    common = _common(facts, fields, out)
    if facts.settings.placement == "glue" and facts.action == "dream":
        _glue(facts, media, out, common, made)
        return made
    for place, item in enumerate(facts.items):
        if item is target:
            continue
        try:
            make = _again if facts.action == "again" else _dream
            made.parts.append(replace(make(facts, item, media, common), item=place))
            made.remarks += _lacks(item)
        except UnfitError as why:
            made.leave_out(item, why)
    return made


def out_folder(facts: Facts, folder: Path) -> Path:
    """Return the folder for renders."""
    if facts.settings.out:
        return Path(facts.settings.out).expanduser().absolute()
    beside = Path(facts.project.path).parent if facts.project.path else Path()
    record = local_path(facts.project.record_path, beside)
    if record is not None:
        return record / OUT_FOLDER
    if facts.project.path:
        return Path(facts.project.path).absolute().parent / OUT_FOLDER
    return folder / "renders"


def merged_recipe(preset: str | None, fields: dict[str, Any]) -> Recipe:
    """Return a preset's recipe with overriding fields; raise `RecipeError` if it is invalid."""
    given = recipe_from(fields)
    if preset is None:
        return given
    return with_fields(
        find_preset(preset).preset.recipe,
        False,
        given.model_dump(exclude_unset=True, exclude={"schema_version"}),
    )


def _from_project(facts: Facts, fields: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe's fields with the files that it names seen from the project's folder.

    What makes no sense stays as it is: who reads it next says so.
    """
    if not facts.project.path:
        return fields
    folder = Path(facts.project.path).absolute().parent

    def place_of(path: str) -> Path | str:
        return path if path.startswith("~") else local_path(path, folder) or path

    try:
        recipe = recipe_from(fields)
    except RecipeError:
        return fields
    before, after = recipe.as_dict(), recipe.with_files(place_of).as_dict()
    return fields | {name: after[name] for name in after if after[name] != before[name]}


def _check(preset: str | None, fields: dict[str, Any]) -> None:
    recipe = merged_recipe(preset, fields)
    check_names(recipe, *possible_tables(recipe.model))


def _common(facts: Facts, fields: dict[str, Any], out: Path) -> dict[str, Any]:
    """Return the common fields of all jobs of a run."""
    options: dict[str, Any] = {
        "renders": list(facts.settings.renders),
        "name": NAME_TEMPLATE,
        "clash": "number",
        **facts.settings.options,
    }
    # Report errors in one line, before anything is queued.
    RenderOptions.make(**options)
    return {
        "out": str(out),
        "preset": facts.settings.preset,
        "recipe": fields,
        "options": options,
        **facts.settings.job,
    }


def _dream(facts: Facts, item: Item, media: Media, common: dict[str, Any]) -> Part:
    take = check_fit(item)
    path = media.find(root_of(take).file)
    found = played_span(item, media.info(path), facts.settings.handle_s)
    base = _base(take.name, path)
    more = {} if found.is_whole else {"cut": found.cut.as_dict()}
    return Part(
        item.label,
        _job(common, path, base, item.label) | more,
        None,
        base,
        start_offset_s=found.start_offset_s,
        marker_shift_s=found.marker_shift_s,
        channel_mode=found.channel_mode,
    )


def _again(facts: Facts, item: Item, media: Media, common: dict[str, Any]) -> Part:
    """Return a job that continues from one of our takes, with its recipe."""
    take = check_fit(item)
    note = TakeNote.of_text(take.ext)
    if note is None:
        raise UnfitError("has an active take that DreamSound did not make")
    recipe = _from_project(facts, note.recipe | facts.settings.recipe_fields())
    if take.source is None or take.source.parent is not None:
        # A take reversed or cut since then is a sound of its own.
        part = _dream(facts, item, media, common)
        job = part.job | {"recipe": recipe}
    else:
        start = media.find(take.source.file)
        job = _job(common, media.find(note.input), note.base or take.name, item.label)
        job |= {"recipe": recipe, "from_render": str(start)}
        if note.cut is not None:
            job["cut"] = note.cut.as_dict()
        part = Part(
            item.label,
            job,
            None,
            "",
            start_offset_s=take.start_offset_s,
            channel_mode=take.channel_mode,
        )
    if note.preset and not facts.settings.preset:
        job["values"] = {**job["values"], "preset": note.preset}
    base = note.base or take.name
    return replace(part, job=job, base=base, generation=note.generation + 1)


def _job(common: dict[str, Any], source: Path, base: str, label: str) -> dict[str, Any]:
    values = {"fxname": base, **common.get("values", {})}
    return common | {"input": str(source), "name": label[:MOST_NAME], "values": values}


def _base(name: str, path: Path) -> str:
    """Return a take's name, without the file extension if it is a file name."""
    return path.stem if not name or name == path.name else name


def _lacks(item: Item) -> list[tuple[str, str]]:
    """Return what a dream lacks of its item's take."""
    take = item.take
    if take is None:
        return []
    left = [name for name, count in (("envelopes", take.envelopes), ("effects", take.fx)) if count]
    if not left:
        return []
    return [(item.label, f"{' and '.join(left)} not copied to the new takes")]


def _toward(facts: Facts, fields: dict[str, Any], target: Path) -> dict[str, Any]:
    """Return the recipe fields with a target and a method that uses it."""
    if facts.action == "again":
        raise FactsError("cannot set a target when continuing from a take, which has its own")
    with_target = fields | {"target": str(target)}
    preset = facts.settings.preset
    plain = {name: value for name, value in fields.items() if name != "target"}
    recipe = merged_recipe(preset, plain)
    row = METHODS[recipe.method]
    uses = "target" in (recipe.mask_from or row.mask_from, recipe.carrier or row.carrier)
    if uses or recipe.class_ in ("target", "@target"):
        return with_target
    return with_target | {"method": "target"}


def _target_file(target: Item, media: Media, out: Path) -> Path:
    try:
        take = check_fit(target)
        path = media.find(root_of(take).file)
        found = played_span(target, media.info(path))
        if found.is_whole:
            return path
        return write_target(path, found.cut, out, _base(take.name, path))
    except UnfitError as why:
        raise FactsError(f"the target, {target.label}, {why}") from why


def _glue(facts: Facts, media: Media, out: Path, common: dict[str, Any], made: Parts) -> None:
    """Add one part for all items glued as one sound."""
    sounds: list[tuple[Item, Path, Cut, float]] = []
    for item in facts.dreamed_items():
        try:
            take = check_fit(item)
            if item.is_muted:
                raise UnfitError("is muted")
            if abs(take.play_rate - 1) > 1e-9 or take.values.get("D_PITCH", 0.0):
                raise UnfitError("is stretched or pitched, which gluing does not support")
            if take.stretch_markers:
                raise UnfitError("has stretch markers, which gluing does not support")
            path = media.find(root_of(take).file)
            found = played_span(item, media.info(path))
            sounds.append((item, path, found.cut, found.start_offset_s))
            made.remarks += _lacks(item)
            if take.values.get("D_PAN", 0.0):
                made.remarks.append((item.label, "pan ignored in the glued sound"))
        except UnfitError as why:
            made.leave_out(item, why)
    if not sounds:
        return
    first, path, *_ = sounds[0]
    base = _base(first.take.name if first.take else "", path)
    if len(sounds) > 1:
        base = f"{base} and {len(sounds) - 1} more"
    glued = write_glued(sounds, media, out, base)
    label = base
    made.parts.append(
        Part(
            label,
            _job(common, glued.path, base, label),
            None,
            base,
            position_s=glued.position_s,
            length_s=glued.length_s,
        )
    )
