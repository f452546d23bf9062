"""How TensorFlow is imported: one thread an operation, unless the user wants otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
from dreamsound_studio.models.runtime import block_threads, import_tensorflow
threading = import_tensorflow().config.threading
print(threading.get_intra_op_parallelism_threads(), block_threads())
"""
BEFORE = "import tensorflow as tf; tf.constant(1) + 1"
OWN = "import tensorflow as tf; tf.config.threading.set_intra_op_parallelism_threads(3)"


@pytest.mark.yamnet
@pytest.mark.parametrize(
    ("before", "variable", "expected"),
    [
        ("", None, "1 6"),
        ("", "2", "0 3"),
        ("", "nonsense", "1 6"),
        (OWN, None, "3 2"),
        (BEFORE, None, "0 1"),
    ],
    ids=["default", "environment", "no number", "set by the program", "too late"],
)
def test_threads_of_an_operation_and_of_blocks(
    before: str, variable: str | None, expected: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_NUM_")}
    if variable is not None:
        environment["TF_NUM_INTRAOP_THREADS"] = variable
    six_cores = "import os; os.sched_getaffinity = lambda _: set(range(6))\n"
    done = subprocess.run(
        [sys.executable, "-c", six_cores + before + PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == expected, done.stderr
