"""``dreamsound queue add``, and ``dreamsound render --queue``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.audio.clip import check_folder_writable, open_sound
from dreamsound_studio.cli.queue.common import opened
from dreamsound_studio.cli.shared.progress import say
from dreamsound_studio.cli.shared.request import RenderWish, takes_render_wish
from dreamsound_studio.errors import QueueError
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.queue.worker.start import ensure_worker
from dreamsound_studio.render.options import RenderOptions

app = typer.Typer(add_completion=False)


@app.command()
@takes_render_wish
def add(
    wish: RenderWish,
    priority: Annotated[int, typer.Option(help="Those with more run first.")] = 0,
    preview: Annotated[
        bool, typer.Option("--preview", help="Run before all renders, also one that is running.")
    ] = False,
    no_start: Annotated[bool, typer.Option("--no-start", help="Start no worker.")] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print the jobs' numbers as JSON.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)] = False,
) -> int:
    """Put sounds into the render queue: a job each. A worker is started if none is alive."""
    del debug
    kind = "preview" if preview else "render"
    return send(wish, priority, kind, start=not no_start, json_output=json_output)


def send(
    wish: RenderWish,
    priority: int = 0,
    kind: str = "render",
    *,
    start: bool = True,
    json_output: bool = False,
) -> int:
    """Put what was wished for into the queue; all of it, or nothing.

    Raises
    ------
    DreamSoundError
        An option makes no sense, or a sound cannot be read.
    """
    requests = requests_of(wish, priority, kind)
    with opened() as store:
        numbers = store.add([request.as_job("cli") for request in requests])
        started = start and ensure_worker(store)
        paused = store.paused and kind == "render"
    if json_output:
        jobs = [
            {"id": number, "input": request.input}
            for number, request in zip(numbers, requests, strict=True)
        ]
        typer.echo(json.dumps({"jobs": jobs, "worker_started": started}, indent=1))
    else:
        for number, request in zip(numbers, requests, strict=True):
            say(f"job {number}: {request.input}")
    if paused:
        say("dreamsound: the queue is paused; `dreamsound queue resume` lets it run")
    return 0


def requests_of(wish: RenderWish, priority: int = 0, kind: str = "render") -> list[JobRequest]:
    """Return a request for each input, checked as far as it can be without dreaming."""
    recipe, options = wish.recipe(), wish.options()
    wish.check()
    keep_every = wish.keep_every()
    others = (*recipe.files(), wish.from_render)
    for path in (*wish.inputs, *(path for path in others if path is not None)):
        with open_sound(Path(path)):
            pass
    documents = [
        {
            "input": path,
            "out": str(wish.out),
            "recipe": recipe.as_dict(),
            "options": options,
            "span": wish.span,
            "from_render": wish.from_render,
            "keep_every": keep_every,
            "values": wish.values(),
            "number": number,
            "trust": wish.trust,
            "kind": kind,
            "priority": priority,
        }
        for number, path in enumerate(wish.inputs, 1)
    ]
    here = Path.cwd()
    _check_names(wish.inputs, options)
    requests = [JobRequest.make(document).settled(here) for document in documents]
    check_folder_writable(wish.out)
    return requests


def _check_names(inputs: list[str], options: RenderOptions) -> None:
    """Raise `QueueError` for two inputs whose renders would have the same names."""
    if options.clash != "refuse" or "{n}" in options.name:
        return
    names: set[str] = set()
    for path in inputs:
        name = Path(path).stem
        if name in names:
            raise QueueError(
                f"two inputs are called {name}: their renders would have the same names; use "
                "--clash number, or {n} in --name"
            )
        names.add(name)
