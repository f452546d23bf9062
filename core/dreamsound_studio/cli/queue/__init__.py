"""``dreamsound queue``: add jobs to the render queue, watch and manage them."""

from __future__ import annotations

from dreamsound_studio.cli import LazyGroup
from dreamsound_studio.cli.shared.app import App

ACT, SHOW = "dreamsound_studio.cli.queue.act", "dreamsound_studio.cli.queue.show"
COMMANDS: dict[str, tuple[str, str]] = {
    "add": (
        "dreamsound_studio.cli.queue.add",
        "Add sounds to the queue; takes the options of render.",
    ),
    "list": (SHOW, "List jobs: running, waiting, then finished."),
    "show": (SHOW, "Show one job in full."),
    "watch": ("dreamsound_studio.cli.queue.watch", "Watch the queue until it is empty."),
    "wait": ("dreamsound_studio.cli.queue.watch", "Wait until jobs finish."),
    "cancel": (ACT, "Cancel jobs; they write nothing."),
    "finish": (ACT, "Stop running jobs now and write what they have."),
    "retry": (ACT, "Queue failed or cancelled jobs again."),
    "move": (ACT, "Move a waiting job up or down."),
    "pause": (ACT, "Pause the queue; the running job continues."),
    "resume": (ACT, "Resume the queue."),
    "remove": (ACT, "Remove jobs from the queue; their renders stay."),
    "clear": (ACT, "Remove all finished jobs; their renders stay."),
    "report": ("dreamsound_studio.cli.queue.report", "Write a report of the finished jobs."),
}


class QueueGroup(LazyGroup):
    """The commands of ``dreamsound queue``."""

    commands_of_group = COMMANDS


app = App(cls=QueueGroup)


@app.callback()
def _root() -> None:
    """Add jobs to the render queue, watch and manage them."""
