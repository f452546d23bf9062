"""``dreamsound queue``: put jobs into the render queue, watch them, and call them off."""

from __future__ import annotations

import typer

from dreamsound_studio.cli import LazyGroup

ACT, SHOW = "dreamsound_studio.cli.queue.act", "dreamsound_studio.cli.queue.show"
COMMANDS: dict[str, tuple[str, str]] = {
    "add": ("dreamsound_studio.cli.queue.add", "Put sounds into the queue; all options of render."),
    "list": (SHOW, "List jobs: running, waiting, then those that are over."),
    "show": (SHOW, "Show all of one job."),
    "watch": ("dreamsound_studio.cli.queue.watch", "Watch the queue until it is empty."),
    "wait": ("dreamsound_studio.cli.queue.watch", "Wait until jobs are over."),
    "cancel": (ACT, "Call jobs off; nothing of them is written."),
    "finish": (ACT, "Let running jobs stop where they are, and write what there is."),
    "retry": (ACT, "Queue jobs again that failed or were cancelled."),
    "move": (ACT, "Let a job that waits run earlier or later."),
    "pause": (ACT, "Hold renders back; what runs goes on."),
    "resume": (ACT, "Let renders run again."),
    "remove": (ACT, "Take jobs out of the queue; their renders stay."),
    "clear": (ACT, "Take all jobs that are over out of the queue; their renders stay."),
    "report": ("dreamsound_studio.cli.queue.report", "Write a report of the jobs that are over."),
}


class QueueGroup(LazyGroup):
    """The commands of ``dreamsound queue``."""

    commands_of_group = COMMANDS


app = typer.Typer(cls=QueueGroup, add_completion=False, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Put jobs into the render queue, watch them, and call them off."""
