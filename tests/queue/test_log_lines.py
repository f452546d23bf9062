"""What counts as a fault in a worker's log."""

from __future__ import annotations

import pytest

from dreamsound_studio.queue.worker.log_lines import device_line, is_fault, job_line


@pytest.mark.parametrize(
    "line",
    [
        job_line(3, "kick.wav"),
        job_line(3, "lost its worker; now queued"),
        device_line("CPU", 8),
        "I0000 00:00:1 cuda_dnn.cc:529] Loaded cuDNN",
        "INFO:absl:ready",
        "  ",
    ],
)
def test_progress_is_no_fault(line: str) -> None:
    assert not is_fault(line)


@pytest.mark.parametrize(
    "line", ["Traceback (most recent call last):", "E0000 00:00:1 cuda: out of memory", "jobs: 3"]
)
def test_everything_else_is_a_fault(line: str) -> None:
    assert is_fault(line)
