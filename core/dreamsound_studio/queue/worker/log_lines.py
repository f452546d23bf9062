"""Lines of a worker's log: what a worker reports, and how to tell faults from it."""

from __future__ import annotations

import re
from typing import Final

_JOB, _DEVICE = "job", "running on"
#: Lines that report progress: a worker's own, and those of TensorFlow and of Python's logging.
_ORDINARY: Final = re.compile(rf"{_JOB} \d+: |{_DEVICE} |[IW]\d{{4}} |INFO|DEBUG")


def job_line(number: int, text: str) -> str:
    """Return a line about a job."""
    return f"{_JOB} {number}: {text}"


def device_line(device: str, processors: int | None) -> str:
    """Return the line about what the worker runs on."""
    return f"{_DEVICE} {device}, {processors} processors"


def is_fault(line: str) -> bool:
    """Return whether a line of a log reports a fault, not progress."""
    return bool(line.strip()) and not _ORDINARY.match(line)
