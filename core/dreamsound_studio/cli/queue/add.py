"""``dreamsound queue add``, and ``dreamsound render --queue``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from dreamsound_studio.audio.decode import open_sound
from dreamsound_studio.cli import exit_code_of, line_and_code
from dreamsound_studio.cli.queue.common import NoStart, opened
from dreamsound_studio.cli.shared.app import App
from dreamsound_studio.cli.shared.common_options import DryRun, Json
from dreamsound_studio.cli.shared.fetching import settle_trust
from dreamsound_studio.cli.shared.own_names import own_names
from dreamsound_studio.cli.shared.places import AskedSound
from dreamsound_studio.cli.shared.progress import inform, say
from dreamsound_studio.cli.shared.request import RenderRequest, takes_render_request
from dreamsound_studio.errors import DreamSoundError, QueueInputError
from dreamsound_studio.files import check_folder_writable
from dreamsound_studio.jobs.request import JobRequest
from dreamsound_studio.jobs.spec import JobSpec
from dreamsound_studio.jobs.trust import models_of
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
    """Add sounds to the render queue, a job each; starts a worker if none is running.

    A sound that cannot be read is reported and left out; the others are added.
    """
    kind = "preview" if preview else "render"
    if dry_run:
        asked = requests_of(request, priority, kind)
        for job in asked.jobs:
            typer.echo(f"would add {job.input}, to write to {job.out}")
        return asked.exit_code
    return send(request, priority, kind, start=not no_start, json_output=json_output)


def send(
    asked: RenderRequest,
    priority: int = 0,
    kind: str = "render",
    *,
    start: bool = True,
    json_output: bool = False,
) -> int:
    """Add the sounds that can be read to the queue; return the exit code.

    Raises
    ------
    DreamSoundError
        An option is invalid, or a file that all sounds need cannot be read.
    """
    found = requests_of(asked, priority, kind)
    requests = found.jobs
    with opened() as store:
        numbers = store.add([new_job(request, "cli") for request in requests])
        started = bool(requests) and start and ensure_worker(store)
        paused = store.paused and kind == "render"
    if json_output:
        jobs = [
            {"id": number, "input": request.input}
            for number, request in zip(numbers, requests, strict=True)
        ]
        added = {"jobs": jobs, "failed": found.failed, "worker_started": started}
        typer.echo(json.dumps(added, indent=1))
    elif requests:
        for number, request in zip(numbers, requests, strict=True):
            say(f"job {number}: {request.input}")
        places = {request.out for request in requests}
        where = places.pop() if len(places) == 1 else "folders beside the sounds"
        inform(f"renders go to {where}; to follow: dreamsound queue watch")
    if paused and requests:
        say("dreamsound: the queue is paused; to resume: dreamsound queue resume")
    return found.exit_code


@dataclass
class AskedJobs:
    """The jobs of a command, and the inputs that cannot be added.

    Attributes
    ----------
    jobs : list of JobSpec
        One for each sound that can be read.
    failed : list of dict
        ``input``, ``error`` and ``exit_code`` of each other one, as ``render --json`` has them.
    """

    jobs: list[JobSpec]
    failed: list[dict[str, Any]]

    @property
    def exit_code(self) -> int:
        """The command's: as that of ``batch``, where one sound does not stop the others."""
        codes = [one["exit_code"] for one in self.failed]
        return exit_code_of(codes, len(codes) + len(self.jobs))


def requests_of(asked: RenderRequest, priority: int = 0, kind: str = "render") -> AskedJobs:
    """Return a request for each input, checked as far as it can be without dreaming."""
    recipe, options = asked.recipe(), asked.options()
    asked.check()
    keep_every = asked.keep_every()
    for path in (*recipe.files(), asked.from_render):
        if path is not None:
            _check_sound(path)
    every = asked.sounds()
    _check_names(every, options)
    failed = [one for sound in every if (one := _failure(sound.path)) is not None]
    bad = {one["input"] for one in failed}
    names = own_names([(sound.path, sound.out) for sound in every], options.name)
    numbered = enumerate(zip(every, names, strict=True), 1)
    sounds = [(number, *one) for number, one in numbered if one[0].path not in bad]
    documents = [
        {
            "input": sound.path,
            "out": str(sound.out),
            "recipe": recipe,
            "options": options.model_copy(update={"name": name}),
            "span": asked.span,
            "from_render": asked.from_render,
            "keep_every": keep_every,
            "values": asked.values(),
            "number": number,
            "judge": asked.judge,
            "kind": kind,
            "priority": priority,
        }
        for number, sound, name in sounds
    ]
    here = Path.cwd()
    requests = [JobRequest.make(document).settled(here) for document in documents]
    settle_trust({name for request in requests for name in models_of(request)}, asked.trust)
    for folder in {sound.out for _, sound, _ in sounds}:
        # The worker makes it, when there is something to put into it.
        check_folder_writable(folder, makes_it=False)
    return AskedJobs(requests, failed)


def _check_sound(path: str) -> None:
    """Raise `AudioFileError` for a file that is not a readable sound."""
    with open_sound(Path(path)):
        pass


def _failure(path: str) -> dict[str, Any] | None:
    """Return why a sound cannot be added, and print it; None where it can."""
    try:
        _check_sound(path)
    except DreamSoundError as error:
        line, code = line_and_code(error)
        say(f"dreamsound: {line if path in line else f'{path}: {line}'}")
        return {"input": path, "error": line, "exit_code": code}
    return None


def _check_names(sounds: list[AskedSound], options: RenderOptions) -> None:
    """Raise `QueueInputError` for two inputs whose renders would have the same names."""
    if options.clash != "refuse" or "{n}" in options.name:
        return
    names: set[tuple[Path, str]] = set()
    for sound in sounds:
        name = Path(sound.path).name
        if (sound.out, name) in names:
            raise QueueInputError(
                f"two inputs are called {Path(name).stem}: their renders would have the same "
                "names; pass --clash number, or {n} in --name"
            )
        names.add((sound.out, name))
