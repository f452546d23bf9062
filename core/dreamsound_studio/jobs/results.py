"""What the queue stores of a job's progress and result: the fields of its JSON.

Standard library only. Fields may be missing: of a job that has not come so far or was skipped, and
of one that an earlier version has carried out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pydantic import JsonValue

#: How far a job is, see `queue.worker.progress.JobProgress`.
ProgressReport = TypedDict(
    "ProgressReport",
    {
        "phase": str,
        "step": int,
        "share": float,
        "steps": int,
        "device": str,
        "machine": str,
        "resumed": int,
        "block_patches": int,
        "loss": float,
        "class": str,
        "score": float,
        "elapsed_s": float,
        "eta_s": float | None,
    },
    total=False,
)

#: What the model hears in a sound, see `dream.records.StepEvent`.
HeardResult = TypedDict(
    "HeardResult",
    {"class": str, "class_index": int, "score": float, "loss": float},
)

#: A step, see `dream.records.StepEvent`.
StepResult = TypedDict(
    "StepResult",
    {
        "step": int,
        "loss": float,
        "class_index": int,
        "class": str,
        "score": float,
        "seconds": float,
        "strength": float | None,
    },
)


#: A class and its score, see `dream.judgement.ScoredClass`.
HeardClass = TypedDict("HeardClass", {"class": str, "score": float})

#: What a second model hears in source and dream, see `dream.judgement.Judgement`.
JudgedResult = TypedDict(
    "JudgedResult",
    {
        "model": str,
        "weights_sha256": str,
        "class": str | None,
        "before": float | None,
        "after": float | None,
        "top_before": list[HeardClass],
        "top_after": list[HeardClass],
    },
)


class DreamResult(TypedDict, total=False):
    """A dream and its renders, see `jobs.report.Report`; or, if `skipped`, why there are none."""

    input: str
    model: str
    weights_sha256: str
    device: str
    sample_rate_hz: int
    channels: int
    samples: int
    start: int
    initial: HeardResult
    final: HeardResult
    judged: JudgedResult | None
    recipe: dict[str, JsonValue]
    gain_db: float
    limited_db: dict[str, float]
    softer_db: dict[str, float]
    renders: dict[str, str]
    warnings: list[str]
    skipped: bool


class RenderResult(DreamResult, total=False):
    """What ``render --json`` prints: all of it."""

    steps: list[StepResult]


class JobResult(DreamResult, total=False):
    """What the queue keeps: the number of steps, and a curve of step, loss and score."""

    steps: int
    curve: list[tuple[int, float, float]]
    seconds: float
