"""Takes of dreams that this document did not request: jobs, library entries, render files."""

from __future__ import annotations

from pathlib import Path

from dreamsound_desktop.state.document import Document
from dreamsound_desktop.state.selection import TimeSpan
from dreamsound_desktop.state.takes import DreamTake, judged_text, score_of
from dreamsound_studio.library.records import DreamRecord
from dreamsound_studio.queue.store.records import Job
from dreamsound_studio.render.note import RenderNote


def take_of_job(document: Document, job: Job) -> DreamTake | None:
    """Return the document's take of a job; add it if the job has renders.

    Returns
    -------
    DreamTake or None
        None if the document does not know the job and the job has no renders.
    """
    known = document.takes.of_job(job.id)
    renders = job.result.get("renders") or {}
    if known is not None or not renders:
        return known
    rate = job.result.get("sample_rate_hz") or document.sound.sample_rate_hz
    start = (job.result.get("start") or 0) / rate
    after, before = job.result.get("final"), job.result.get("initial")
    class_name = "" if after is None else after["class"]
    take = DreamTake(
        number=document.takes.next_number(),
        name=job.preset or class_name or job.name,
        kind=job.kind,
        renders=renders,
        start_s=start,
        stop_s=start + (job.result.get("samples") or 0) / rate,
        recipe=job.result.get("recipe") or {},
        class_name=class_name,
        score_before=score_of(before),
        score_after=score_of(after),
        judged=judged_text(job.result.get("judged")),
        job=job.id,
    )
    document.takes.put(take)
    return take


def take_of_record(document: Document, record: DreamRecord, span: TimeSpan) -> DreamTake:
    """Return the document's take of a library entry; add it if it is new."""
    renders = {render.name: render.path for render in record.renders}
    known = next((take for take in document.takes if take.renders == renders), None)
    if known is not None:
        return known
    take = DreamTake(
        number=document.takes.next_number(),
        name=record.preset or record.class_name,
        kind="render",
        renders=renders,
        start_s=span.start_s,
        stop_s=span.stop_s,
        recipe=dict(record.recipe),
        class_name=record.class_name,
        score_before=record.score_before,
        score_after=record.score_after,
        judged=judged_text(record.judged),
        stars=record.stars,
    )
    document.takes.put(take)
    return take


def add_take_of_render(document: Document, path: Path, note: RenderNote, span: TimeSpan) -> None:
    """Add a take of a render file, unless a take has the file already."""
    if any(str(path) in take.renders.values() for take in document.takes):
        return
    # A model without classes has no scores.
    scores: list[float | None] = ([*note.scores] if note.class_name else []) or [None]
    document.takes.put(
        DreamTake(
            number=document.takes.next_number(),
            name=path.stem,
            kind="render",
            renders={note.render: str(path)},
            start_s=span.start_s,
            stop_s=span.stop_s,
            recipe=note.recipe,
            class_name=note.class_name,
            score_before=scores[0],
            score_after=scores[-1],
        )
    )
