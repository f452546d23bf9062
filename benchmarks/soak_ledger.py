"""The end of `soak.py`: every job is accounted for, once, and nothing is left."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from soak import Adder, Sizes
    from soak_faults import Faults, Place

#: How long the jobs that are left may take, and how soon one of them must begin, seconds.
LEFT_S, BEGIN_S = 900.0, 30.0
#: What jobs may fail of here: they are retried once all is well. A name that is taken is a finding.
EXPECTED = ("ModelError", "UnknownModelError", "WorkerDied", "OSError", "AudioFileError")
Bytes = dict[str, str]


def processes_of(place: Place) -> list[psutil.Process]:
    """Return the processes that work on the soak's queue, this one left out."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            is_other = process.pid != os.getpid() and "dreamsound_studio" in words
            if is_other and process.environ().get("DREAMSOUND_QUEUE") == str(place.queue):
                found.append(process)
    return found


def close_ledger(place: Place, adder: Adder, faults: Faults, sizes: Sizes, minutes: float) -> int:
    """Let all jobs end, count, and print; return 1 if anything is wrong."""
    wrong: list[str] = []
    began_s = _begin_again(place, wrong)
    wait_for_all(place, wrong)
    retry_failed(place, wrong)
    wait_for_all(place, wrong)
    ended_runs = _end_runs(adder, wrong)
    with place.store() as store:
        jobs = store.jobs(limit=2**31)
    states = Counter(job.state for job in jobs)
    _check_accounts(adder, jobs, wrong)
    check_names(place, jobs, wrong)
    end_workers(place, wrong)
    same = check_bytes(place, jobs, wrong)
    check_left(place, jobs, wrong)
    rows = [("minutes", f"{minutes:g}")]
    rows += [(f"jobs by {face}", str(count)) for face, count in sorted(adder.accepted.items())]
    rows += [("runs of REAPER", str(ended_runs))]
    rows += [(f"jobs {state}", str(count)) for state, count in sorted(states.items())]
    rows += [(name, str(count)) for name, count in sorted(faults.counts.items())]
    rows += [("jobs refused", str(sum(adder.refused.values())))]
    rows += [("longest wait for a worker after the end, s", f"{began_s:.0f}")]
    rows += [("renders with the bytes of an undisturbed one", str(same))]
    rows += [(f"{name}, most", str(count)) for name, count in sorted(sizes.most.items())]
    for line, count in adder.refused.most_common():
        print(f"refused: {count} x {line}", file=sys.stderr)
    return print_rows(rows, wrong)


def print_rows(rows: list[tuple[str, str]], wrong: list[str]) -> int:
    """Print the table, and what is wrong; return 1 if anything is."""
    print("| what | how many |\n|---|---|")
    for name, count in [*rows, ("wrong", str(len(wrong)))]:
        print(f"| {name} | {count} |")
    for line in wrong:
        print(f"WRONG: {line}")
    return min(len(wrong), 1)


def _begin_again(place: Place, wrong: list[str]) -> float:
    """Wait until a worker has taken up what waits, without any command; return how long."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < BEGIN_S:
        with place.store() as store:
            counts = store.counts()
        if not counts["queued"] or counts["running"]:
            return time.monotonic() - began_s
        time.sleep(0.2)
    wrong.append(f"no job has begun {BEGIN_S:g} s after the last fault: {dict(counts)}")
    place.dreamsound("queue", "resume")  # starts a worker
    return BEGIN_S


def wait_for_all(place: Place, wrong: list[str]) -> None:
    """Wait until no job is left."""
    end_s = time.monotonic() + LEFT_S
    while time.monotonic() < end_s:
        with place.store() as store:
            counts = store.counts()
        if not any(counts[state] for state in ("queued", "running", "cancelling")):
            return
        time.sleep(0.5)
    wrong.append(f"jobs that did not end: {dict(counts)}")


def retry_failed(place: Place, wrong: list[str]) -> None:
    """Retry what has failed, where faults can be the cause."""
    with place.store() as store:
        failed = store.jobs("failed", limit=2**31)
        for job in failed:
            if job.code not in EXPECTED:
                wrong.append(f"job {job.id} failed: {job.code}: {job.error}")
            else:
                print(f"retried: job {job.id}: {job.code}: {str(job.error)[:120]}", file=sys.stderr)
    if failed:
        place.dreamsound("queue", "retry", *(job.id for job in failed))


def _end_runs(adder: Adder, wrong: list[str]) -> int:
    """Wait for the runs of REAPER's; return how many made a plan."""
    count = 0
    for folder, process in adder.runs:
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        if process.poll() is None:
            wrong.append(f"run {folder.name} does not end")
            process.kill()
        try:
            state = json.loads((folder / "status.json").read_text("utf-8"))["state"]
            json.loads((folder / "result.json").read_text("utf-8"))
        except (OSError, ValueError, KeyError) as error:
            wrong.append(f"run {folder.name} has no result: {error!r}")
            continue
        count += 1
        if state not in ("done", "failed", "cancelled"):
            wrong.append(f"run {folder.name} is {state}")
    return count


def _check_accounts(adder: Adder, jobs: list[Any], wrong: list[str]) -> None:
    by_origin = Counter(job.origin for job in jobs)
    for face, origin in (("command line", "cli"), ("Python", "desktop")):
        if by_origin[origin] < adder.accepted[face]:
            wrong.append(f"{face}: {adder.accepted[face]} accepted, {by_origin[origin]} there")
    check_over(jobs, wrong)


def check_over(jobs: list[Any], wrong: list[str]) -> None:
    """Check that every job is done, or was cancelled."""
    wrong += [
        f"job {job.id} is {job.state}: {job.code}: {job.error}"
        for job in jobs
        if job.state not in ("done", "cancelled")
    ]


def check_names(place: Place, jobs: list[Any], wrong: list[str]) -> None:
    """Check that each finished job has its renders, no others, and one record of them."""
    expected: dict[Path, set[str]] = defaultdict(set)
    for job in jobs:
        for path in job.result.get("renders", {}).values() if job.state == "done" else ():
            expected[Path(path).parent].add(Path(path).name)
            if not Path(path).is_file():
                wrong.append(f"job {job.id}: {path} is missing")
    for folder in place.out.rglob("*"):
        if folder.is_dir():
            more = {one.name for one in folder.iterdir() if one.is_file()} - expected[folder]
            if more:
                wrong.append(f"{folder.name} has more: {sorted(more)}")
    paths = "SELECT path, count(*) FROM renders GROUP BY path HAVING count(*) > 1"
    with sqlite3.connect(place.disk / "library.sqlite") as library:
        wrong += [f"in the library {count} times: {path}" for path, count in library.execute(paths)]
        known = {row[0] for row in library.execute("SELECT path FROM renders")}
    renders = {path for job in jobs if job.state == "done" and job.kind == "render"
               for path in job.result["renders"].values()}  # fmt: skip
    if lost := renders - known:
        wrong.append(f"{len(lost)} renders are not in the library, as {min(lost)}")


def end_workers(place: Place, wrong: list[str]) -> None:
    """Ask the workers to leave, and check that they do."""
    for process in processes_of(place):
        with suppress(psutil.Error):
            process.send_signal(signal.SIGTERM)
    end_s = time.monotonic() + 60
    while (left := processes_of(place)) and time.monotonic() < end_s:
        time.sleep(0.2)
    for process in left:
        with suppress(psutil.Error):
            wrong.append(f"process {process.pid} is left: {process.cmdline()}")
            process.kill()


def check_bytes(place: Place, jobs: list[Any], wrong: list[str]) -> int:
    """Dream every different job again, undisturbed, and compare; return how many were the same."""
    done = [job for job in jobs if job.state == "done" and job.result.get("renders")]
    whole = [job for job in done if not _ended_early(job)]
    by_key: dict[str, list[Any]] = defaultdict(list)
    for job in whole:
        by_key[_key(job)].append(job)
    found: dict[str, list[Bytes]] = defaultdict(list)
    for version in range(max(map(len, place.versions.values()))):
        for path, contents in place.versions.items():
            path.write_bytes(contents[min(version, len(contents) - 1)])
        first = version == 0
        keys = [
            key for key, (job, *_) in by_key.items() if first or Path(job.input) in place.versions
        ]
        for key, made in _undisturbed(place, {key: by_key[key][0] for key in keys}).items():
            found[key].append(made)
    same = 0
    for key, those in by_key.items():
        for job in those:
            made = {Path(one).name: _hash(Path(one)) for one in job.result["renders"].values()}
            if made in found[key]:
                same += len(made)
            else:
                wrong.append(
                    f"job {job.id} ({job.name}, {job.attempts} attempts, {job.crashes} crashes) "
                    f"differs in {sorted(set(made.items()) - set(found[key][0].items()))}"
                )
    return same


def _undisturbed(place: Place, jobs: dict[str, Any]) -> dict[str, Bytes]:
    """Return the hashes of the renders of jobs that one worker makes in peace."""
    from dreamsound_studio.jobs.request import JobRequest
    from dreamsound_studio.queue.new_job import new_job

    base = place.folder / f"calm{time.monotonic_ns()}"
    queue, numbers = base / "queue.sqlite", {}
    (place.folder / "clock").unlink(missing_ok=True)
    environment = os.environ | {"DREAMSOUND_QUEUE": str(queue), "DREAMSOUND_LIBRARY": "off"}
    with place.store(queue) as store:
        for key, job in jobs.items():
            folder = Path(job.job_folder or place.folder)
            spec = JobRequest.make(json.loads(job.request)).settled(folder)
            spec = spec.model_copy(update={"out": str(base / "out" / str(len(numbers)))})
            numbers[key] = store.add([new_job(spec, "cli")])[0]
        command = [sys.executable, "-m", "dreamsound_studio", "worker", "--until-empty"]
        subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
        results = {key: store.job(number).result for key, number in numbers.items()}
    return {
        key: {Path(one).name: _hash(Path(one)) for one in result.get("renders", {}).values()}
        for key, result in results.items()
    }


def check_left(place: Place, jobs: list[Any], wrong: list[str]) -> None:
    """Check that no file is left that is not a render, the queue, or the library."""
    tags = tuple(f".{job.tag}" for job in jobs)
    left = [one for one in place.disk.rglob("*") if one.name.startswith(tags)]
    for folder in ("checkpoints", "workers", "looks"):
        left += (place.queue.parent / folder).glob("*")
    left += (place.folder / "tmp").rglob("*dreamsound*")
    wrong += [f"left: {one.relative_to(place.folder)}" for one in left]


def _key(job: Any) -> str:
    """Return what decides a job's bytes."""
    request = json.loads(job.request)
    left_out = ("out", "seen", "name", "priority", "kind")
    return json.dumps({name: one for name, one in request.items() if name not in left_out})


def _ended_early(job: Any) -> bool:
    return int(job.result["steps"]) < int(job.result["recipe"]["steps"])


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else "missing"
