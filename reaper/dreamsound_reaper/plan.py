"""From results to a plan: which takes to insert where, with which values and names.

docs/reaper-bridge.md describes the format; REAPER's scripts apply the plan, and
`dreamsound_reaper.rpp` applies it to a project file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import JsonValue

from dreamsound_reaper.facts import Facts, Item, Settings, Take, Track
from dreamsound_reaper.parts import Part, Parts
from dreamsound_reaper.shared_job import recipe_of_fields
from dreamsound_reaper.stretching import StretchPoint, markers_within
from dreamsound_reaper.take_note import TakeNote
from dreamsound_reaper.take_plan import ItemTakes, NewItem, NewTake, NewTrack, TakePlan
from dreamsound_studio import __version__
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.results import JobResult
from dreamsound_studio.recipe.presets import set_fields
from dreamsound_studio.render.options import DEFAULT_RENDERS

#: Take values, set in this order; markers follow.
KEPT_VALUES: Final = (
    "D_STARTOFFS",
    "D_PLAYRATE",
    "B_PPITCH",
    "D_PITCH",
    "I_PITCHMODE",
    "I_STRETCHFLAGS",
    "F_STRETCHFADESIZE",
    "D_VOL",
    "D_PAN",
    "D_PANLAW",
    "I_CHANMODE",
)
#: Red, green, blue; also distinguishable with red-green colour blindness.
COLOURS: Final[dict[str, tuple[int, int, int]]] = {
    "dream": (148, 103, 219),
    "gradient": (38, 139, 160),
    "hardcut": (222, 143, 5),
    "filtered": (120, 160, 90),
    "difference": (130, 130, 130),
}
#: Maximum number of item names listed in a message.
MOST_NAMED: Final = 3


@dataclass
class Outcome:
    """The result of a part.

    Attributes
    ----------
    state : str
        As in `dreamsound_studio.queue.store.states`.
    result : JobResult
        As in a job folder's ``result.json``.
    error : str
        Error message, if any.
    request : JobRequest or None
        The job, if the window has changed it.
    """

    state: str
    result: JobResult = field(default_factory=JobResult)
    error: str = ""
    request: JobRequest | None = None


def plan_of(
    facts: Facts, parts: Parts, outcomes: Sequence[Outcome], state: Literal["done", "cancelled"]
) -> TakePlan:
    """Return the plan of a finished run.

    Parameters
    ----------
    facts : Facts
        REAPER's facts.
    parts : Parts
        The parts of the run.
    outcomes : sequence of Outcome
        One per part.
    state : {"done", "cancelled"}
        Whether the run completed.

    Returns
    -------
    TakePlan
        The run's ``result.json``.
    """
    done = [
        (part, outcome)
        for part, outcome in zip(parts.parts, outcomes, strict=True)
        if outcome.state == "done" and outcome.result.get("renders")
    ]
    remarks = list(parts.remarks)
    for part, outcome in zip(parts.parts, outcomes, strict=True):
        if outcome.state == "failed":
            remarks.append((part.label, f"failed: {' '.join(outcome.error.split())}"))
        elif outcome.state == "cancelled" and state == "done":
            remarks.append((part.label, "cancelled"))
    items: tuple[ItemTakes, ...] = ()
    tracks: tuple[NewTrack, ...] = ()
    if state != "cancelled":
        if facts.settings.placement == "takes":
            items = tuple(_item_of(facts.items[part.item or 0], part, made) for part, made in done)
        else:
            tracks = _tracks(facts, done)
    elif done:
        folder = _request(*done[0]).out
        remarks.append(
            (f"{len(done)} of {len(outcomes)}", f"dreamed before that; renders kept in {folder}")
        )
    else:
        remarks = []
    return TakePlan(
        state="failed" if state == "done" and not done else state,
        undo=_undo_name(facts, [part.label for part, _ in done]),
        items=items,
        tracks=tracks,
        summary=tuple(remark_lines(remarks)),
        lost=parts.left_out + len(outcomes) - len(done),
        settings=_settings_used(facts, done),
    )


def failed_plan(facts: Facts | None, remarks: Sequence[tuple[str, str]]) -> TakePlan:
    """Return the plan of a run that produced nothing."""
    return TakePlan(
        state="failed",
        summary=tuple(remark_lines(remarks)),
        lost=0 if facts is None else len(facts.dreamed_items()),
        settings=None if facts is None else _settings_used(facts, ()),
    )


def remark_lines(remarks: Sequence[tuple[str, str]]) -> list[str]:
    """Return remarks as lines, merging equal remarks about several items."""
    labels: dict[str, list[str]] = {}
    for label, text in remarks:
        labels.setdefault(text, []).append(label)
    return [f"{_named(names)}: {text}" if any(names) else text for text, names in labels.items()]


def new_take_name(part: Part, render: str, aim: str) -> str:
    """Return a new take's name: ``kick - dream Bell``, with ``(2)`` from the second generation."""
    again = f" ({part.generation})" if part.generation > 1 else ""
    return " ".join(f"{part.base} - {render} {aim}".split()) + again


def _request(part: Part, outcome: Outcome) -> JobRequest:
    """Return the job as it was carried out."""
    return outcome.request or part.job


def _item_of(item: Item, part: Part, outcome: Outcome) -> ItemTakes:
    take = item.take
    values = {} if take is None else take.values
    return ItemTakes(
        item=item.guid,
        take="" if take is None else take.guid,
        label=part.label,
        seen={name: values.get(name, 0.0) for name in ("D_STARTOFFS", "D_PLAYRATE")},
        takes=_takes(part, outcome, item),
    )


def _tracks(facts: Facts, done: Sequence[tuple[Part, Outcome]]) -> tuple[NewTrack, ...]:
    """Return one new track per item track; for a glued sound, one after the last item's track."""
    tracks: dict[str, Track] = {}
    items: dict[str, list[NewItem]] = {}
    for part, outcome in done:
        source = facts.items[part.item] if part.item is not None else _last(facts)
        item = None if part.item is None else source
        tracks.setdefault(source.track.guid, source.track)
        items.setdefault(source.track.guid, []).append(
            NewItem(
                label=part.label,
                values=_item_values(part, item),
                takes=_takes(part, outcome, item),
            )
        )
    return tuple(
        NewTrack(
            after=guid,
            name=f"{track.name or f'Track {track.number}'} - dreams",
            items=tuple(items[guid]),
        )
        for guid, track in tracks.items()
    )


def _last(facts: Facts) -> Item:
    return max(facts.dreamed_items(), key=lambda item: item.track.number)


def _item_values(part: Part, item: Item | None) -> dict[str, float]:
    if item is None:
        return {"D_POSITION": part.position_s, "D_LENGTH": part.length_s, "B_LOOPSRC": 0.0}
    return {
        "D_POSITION": item.position_s,
        "D_LENGTH": item.length_s,
        "B_LOOPSRC": 0.0,
        "B_MUTE": float(item.is_muted),
        "D_VOL": item.volume,
        "D_FADEINLEN": item.fade_in_s,
        "D_FADEOUTLEN": item.fade_out_s,
    }


def _takes(part: Part, outcome: Outcome, item: Item | None) -> tuple[NewTake, ...]:
    """Return the new takes of an item, with its take's values; `item` is None for a glued sound."""
    take = None if item is None else item.take
    kept: dict[str, float] = {} if take is None else take.values
    fresh = {"D_STARTOFFS": part.start_offset_s, "I_CHANMODE": float(part.channel_mode)}
    given = kept | fresh
    markers: tuple[StretchPoint, ...] = ()
    if item is not None and take is not None:
        markers = markers_within(take.stretch_markers, item.length_s * take.play_rate)
    aim = _aim(outcome.result)
    return tuple(
        NewTake(
            file=file,
            render=render,
            name=new_take_name(part, render.replace("_", " "), aim),
            is_active=render == "dream",
            values={name: given[name] for name in KEPT_VALUES if name in given},
            colour=COLOURS.get(render),
            ext=_note(part, outcome, render).as_text(),
            stretch_markers=tuple(
                (at_s, source_s + part.marker_shift_s, slope) for at_s, source_s, slope in markers
            ),
            take_markers=() if take is None else _take_markers(take, part),
        )
        for render, file in outcome.result["renders"].items()
    )


def _take_markers(take: Take, part: Part) -> tuple[tuple[float, str, int], ...]:
    """Return the take markers that lie in the new file, at the same sounds."""
    moved = (
        (source_s + part.marker_shift_s, name, colour)
        for source_s, name, colour in take.take_markers
    )
    return tuple(
        marker
        for marker in moved
        if marker[0] >= -1e-6 and (not part.file_s or marker[0] <= part.file_s + 1e-6)
    )


def _note(part: Part, outcome: Outcome, render: str) -> TakeNote:
    """Return the record of a take's origin."""
    result, request = outcome.result, _request(part, outcome)
    return TakeNote(
        render=render,
        base=part.base,
        generation=part.generation,
        input=request.input,
        cut=request.cut,
        preset=request.values.get("preset") or request.preset,
        # Only non-default values: a project has many takes, and the render contains the full
        # recipe.
        recipe=set_fields(recipe_of_fields(result["recipe"])),
        model=result["model"],
        weights_sha256=result.get("weights_sha256") or "",
        engine=__version__,
        class_name=result["final"]["class"],
        scores=[result["initial"]["score"], result["final"]["score"]],
    )


def _aim(result: JobResult) -> str:
    """Return what the dream aimed at, for a name."""
    recipe = result["recipe"]
    return str(recipe.get("objective") or recipe.get("layer") or result["final"]["class"])


def _settings_used(facts: Facts, done: Sequence[tuple[Part, Outcome]]) -> Settings | None:
    """Return the settings for the script to remember, including choices made in the window.

    Excludes target and continuation, which apply to these items only.
    """
    if facts.action == "again":
        return None
    # The placement belongs to the action.
    used: dict[str, JsonValue] = facts.settings.model_dump(
        mode="json", exclude_defaults=True, exclude={"placement"}
    )
    if done and facts.target is None:
        request = _request(*done[0])
        recipe = request.recipe.model_dump(
            mode="json", by_alias=True, exclude_unset=True, exclude={"target"}
        )
        if recipe.get("method") == "target":
            del recipe["method"]
        used |= {"recipe": recipe, "preset": request.preset}
        if request.options.renders != DEFAULT_RENDERS:
            used["renders"] = list(request.options.renders)
    return Settings.model_validate(used)


def _undo_name(facts: Facts, labels: Sequence[str]) -> str:
    target = facts.target_item()
    toward = "" if target is None else f" toward {target.label}"
    return f"DreamSound: dream {_named(labels)}{toward}"


def _named(labels: Sequence[str]) -> str:
    if len(labels) <= MOST_NAMED:
        return ", ".join(labels)
    return f"{len(labels)} items"
