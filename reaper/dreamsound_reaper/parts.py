"""From facts to jobs: one part per item, or per glued sound."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from pydantic import JsonValue

from dreamsound_reaper.facts import Facts, FactsError, Item
from dreamsound_reaper.glue import write_glued, write_target
from dreamsound_reaper.media import Media, local_path
from dreamsound_reaper.pieces import UnfitError
from dreamsound_reaper.shared_job import SharedJob, from_project, recipe_of_fields, request_of
from dreamsound_reaper.spans import check_fit, played_span, root_of
from dreamsound_reaper.take_note import TakeNote
from dreamsound_studio.audio.cut import Cut
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.jobs.request import JobRequest

#: Subfolder of the project's recording folder for renders.
OUT_FOLDER: Final = "DreamSound"
#: On an item that plays its takes together.
ALL_TAKES: Final = (
    "plays all takes at once, the new ones too: switch off Play all takes in Item properties"
)
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
    job : JobRequest
        The job.
    item : int or None
        Index of the item in the facts; None for a glued sound.
    base, generation : str, int
        As in `TakeNote`.
    start_offset_s, marker_shift_s, channel_mode
        As in `dreamsound_reaper.spans.PlayedSpan`.
    file_s : float
        Length of the sound; 0 if unknown.
    position_s, length_s : float
        Position and length of a glued sound.
    invalid_recipe : dict
        Fields that make no recipe. `job` has a default recipe then; the window reads these fields,
        says what is wrong with them, and lets the user choose others.
    """

    label: str
    job: JobRequest
    item: int | None
    base: str
    generation: int = 1
    start_offset_s: float = 0.0
    marker_shift_s: float = 0.0
    channel_mode: int = 0
    file_s: float = 0.0
    position_s: float = 0.0
    length_s: float = 0.0
    invalid_recipe: dict[str, JsonValue] = field(default_factory=dict)

    def job_json(self) -> str:
        """Return the job as ``job.json``."""
        text = self.job.to_json()
        if not self.invalid_recipe:
            return text
        return json.dumps(json.loads(text) | {"recipe": self.invalid_recipe}, indent=1)


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

    def to_json(self) -> str:
        """Return all of it as JSON, as :meth:`from_json` reads it."""
        parts = [vars(part) | {"job": json.loads(part.job.to_json())} for part in self.parts]
        return json.dumps({"parts": parts, "remarks": self.remarks, "left_out": self.left_out})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the parts that :meth:`to_json` wrote.

        Raises
        ------
        DreamSoundError, AttributeError, KeyError, TypeError, ValueError
            The text is not of that form.
        """
        values = json.loads(text)
        parts = [Part(**part | {"job": request_of(part["job"])}) for part in values["parts"]]
        remarks = [(label, why) for label, why in values["remarks"]]
        left_out = values.get("left_out", sum(why.startswith(FORMER) for _, why in remarks))
        return cls(parts, remarks, int(left_out))


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
    media = Media(facts.project, facts.settings.media, out)
    made = Parts()
    target = facts.target_item()
    if facts.target is not None and target is None:
        raise FactsError("the target is not among the selected items. Select it too")
    if target is not None and facts.action == "again":
        raise FactsError("cannot set a target when continuing from a take, which has its own")
    shared = SharedJob.of(facts, out)
    if facts.action == "dream":
        file = None if target is None else _target_file(target, media, out)
        shared = shared.with_recipe(facts, file, checks_names=checks_recipe)
    if facts.settings.placement == "glue" and facts.action == "dream":
        _glue(facts, media, out, shared, made)
        return made
    for place, item in enumerate(facts.items):
        if item is target:
            continue
        try:
            make = _again if facts.action == "again" else _dream
            made.parts.append(replace(make(facts, item, media, shared), item=place))
            made.remarks += _lacks(item)
            if item.plays_all_takes and facts.settings.placement == "takes":
                made.remarks.append((item.label, ALL_TAKES))
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


def _dream(facts: Facts, item: Item, media: Media, shared: SharedJob) -> Part:
    take = check_fit(item)
    path = media.find(root_of(take).file)
    found = played_span(item, media.info(path), facts.settings.handle_s)
    base = _base(take.name, path)
    job = shared.job(path, base, item.label)
    return Part(
        item.label,
        job if found.is_whole else job.model_copy(update={"cut": found.cut}),
        None,
        base,
        start_offset_s=found.start_offset_s,
        marker_shift_s=found.marker_shift_s,
        channel_mode=found.channel_mode,
        file_s=found.cut.length / media.info(path).sample_rate_hz,
        invalid_recipe=shared.invalid_recipe,
    )


def _again(facts: Facts, item: Item, media: Media, shared: SharedJob) -> Part:
    """Return a job that continues from one of our takes, with its recipe."""
    take = check_fit(item)
    note = TakeNote.of_text(take.ext)
    if note is None:
        raise UnfitError("has an active take that DreamSound did not make")
    try:
        recipe = recipe_of_fields(note.recipe | facts.settings.recipe_fields())
    except RecipeError as error:
        raise UnfitError(f"cannot be continued: {error}") from error
    shared = replace(shared, recipe=from_project(facts, recipe))
    base = note.base or take.name
    if take.source is None or take.source.parent is not None:
        # A take reversed or cut since then is a sound of its own.
        part = _dream(facts, item, media, shared)
    else:
        start = media.find(take.source.file)
        job = shared.job(media.find(note.input), base, item.label)
        cut = {} if note.cut is None else {"cut": note.cut}
        part = Part(
            item.label,
            job.model_copy(update={"from_render": str(start), **cut}),
            None,
            base,
            start_offset_s=take.start_offset_s,
            channel_mode=take.channel_mode,
        )
    if note.preset and not facts.settings.preset:
        values = {**part.job.values, "preset": note.preset}
        part = replace(part, job=part.job.model_copy(update={"values": values}))
    return replace(part, base=base, generation=note.generation + 1)


def _base(name: str, path: Path) -> str:
    """Return a take's name, without the file extension if it is a file name."""
    return path.stem if not name or name == path.name else name


def _lacks(item: Item) -> list[tuple[str, str]]:
    """Return what a dream lacks of its item's take."""
    take = item.take
    if take is None:
        return []
    lacking = (
        ("envelopes", take.envelopes),
        ("effects", take.fx),
        ("sample edits", take.has_sample_edits),
    )
    left = [name for name, count in lacking if count]
    if not left:
        return []
    return [(item.label, f"{' and '.join(left)} not copied to the new takes")]


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


def _glue(facts: Facts, media: Media, out: Path, shared: SharedJob, made: Parts) -> None:
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
            shared.job(glued.path, base, label),
            None,
            base,
            position_s=glued.position_s,
            length_s=glued.length_s,
            invalid_recipe=shared.invalid_recipe,
        )
    )
