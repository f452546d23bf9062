"""``dreamsound queue add``, and ``dreamsound render --queue``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dreamsound_studio.audio.decode import open_sound
from dreamsound_studio.cli.queue.common import NoStart, opened
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import DryRun, Json
from dreamsound_studio.cli.shared.places import AskedSound
from dreamsound_studio.cli.shared.progress import inform, say
from dreamsound_studio.cli.shared.request import RenderRequest, takes_render_request
from dreamsound_studio.errors import QueueError
from dreamsound_studio.files import check_folder_writable
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.queue.new_job import new_job
from dreamsound_studio.queue.worker.start import ensure_worker
from dreamsound_studio.render.options import RenderOptions

app = App()


@app.command()
@takes_render_request
def add(
    request: RenderRequest,
    priority: Annotated[int, typer.Option(help="Higher runs first.")] = 0,
    preview: Annotated[
        bool, typer.Option("--preview", help="Run before all renders, even a running one.")
    ] = False,
    no_start: NoStart = False,
    dry_run: DryRun = False,
    json_output: Json = False,
) -> int:
    """Add sounds to the render queue, a job each; starts a worker if none is running."""
    kind = "preview" if preview else "render"
    if dry_run:
        for job in requests_of(request, priority, kind):
            typer.echo(f"would add {job.input}, to write to {job.out}")
        return 0
    return send(request, priority, kind, start=not no_start, json_output=json_output)


def send(
    asked: RenderRequest,
    priority: int = 0,
    kind: str = "render",
    *,
    start: bool = True,
    json_output: bool = False,
) -> int:
    """Add what was asked for to the queue; all of it, or nothing.

    Raises
    ------
    DreamSoundError
        An option is invalid, or a sound cannot be read.
    """
    requests = requests_of(asked, priority, kind)
    with opened() as store:
        numbers = store.add([new_job(request, "cli") for request in requests])
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
        places = {request.out for request in requests}
        where = places.pop() if len(places) == 1 else "folders beside the sounds"
        inform(f"renders go to {where}; to follow: dreamsound queue watch")
    if paused:
        say("dreamsound: the queue is paused; to resume: dreamsound queue resume")
    return 0


def requests_of(asked: RenderRequest, priority: int = 0, kind: str = "render") -> list[JobSpec]:
    """Return a request for each input, checked as far as it can be without dreaming."""
    recipe, options = asked.recipe(), asked.options()
    asked.check()
    keep_every = asked.keep_every()
    others = (*recipe.files(), asked.from_render)
    sounds = asked.sounds()
    for path in (*(sound.path for sound in sounds), *(path for path in others if path is not None)):
        with open_sound(Path(path)):
            pass
    documents = [
        {
            "input": sound.path,
            "out": str(sound.out),
            "recipe": recipe,
            "options": options,
            "span": asked.span,
            "from_render": asked.from_render,
            "keep_every": keep_every,
            "values": asked.values(),
            "number": number,
            "trust": asked.trust,
            "kind": kind,
            "priority": priority,
        }
        for number, sound in enumerate(sounds, 1)
    ]
    here = Path.cwd()
    _check_names(sounds, options)
    requests = [JobRequest.make(document).settled(here) for document in documents]
    for folder in {sound.out for sound in sounds}:
        # The worker makes it, when there is something to put into it.
        check_folder_writable(folder, makes_it=False)
    return requests


def _check_names(sounds: list[AskedSound], options: RenderOptions) -> None:
    """Raise `QueueError` for two inputs whose renders would have the same names."""
    if options.clash != "refuse" or "{n}" in options.name:
        return
    names: set[tuple[Path, str]] = set()
    for sound in sounds:
        name = Path(sound.path).stem
        if (sound.out, name) in names:
            raise QueueError(
                f"two inputs are called {name}: their renders would have the same names; pass "
                "--clash number, or {n} in --name"
            )
        names.add((sound.out, name))
