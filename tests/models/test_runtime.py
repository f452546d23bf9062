"""How TensorFlow is imported: ahead, lean, silent; one thread an operation unless set otherwise."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import types
from functools import cache

import pytest

from dreamsound_studio.models import runtime

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


ONEDNN = """
from dreamsound_studio.models.runtime import uses_onednn
print(uses_onednn())
"""


@pytest.mark.yamnet
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or sys.platform == "darwin",
    reason="TensorFlow has no oneDNN here",
)
@pytest.mark.parametrize(
    ("switch", "own", "expected"),
    [("0", None, "True"), (None, None, "True"), ("0", "off", "False")],
    ids=["switched off", "default", "left as it is"],
)
def test_onednn_is_on(switch: str | None, own: str | None, expected: str) -> None:
    switches = {"TF_ENABLE_ONEDNN_OPTS": switch, "DREAMSOUND_ONEDNN": own}
    environment = {name: value for name, value in os.environ.items() if name not in switches}
    environment |= {name: value for name, value in switches.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-c", ONEDNN],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == expected, done.stderr


KERAS_LATER = """
import sys
from dreamsound_studio.models.runtime import import_tensorflow
tf = import_tensorflow()
print([name for name in ("keras", "tf_keras", "matplotlib") if name in sys.modules])
print(tf.keras.layers.Dense.__name__)
"""


def test_keras_is_imported_when_it_is_used_and_not_before() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KERAS_LATER],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[]\nDense\n", done.stderr
    assert done.stderr == ""


SILENCED = """
import os, sys, threading
from dreamsound_studio.models.lean_import import silenced
try:
    with silenced():
        os.write(2, b"from C++, ")
        print("from the thread,", file=sys.stderr)
        other = threading.Thread(target=lambda: print("from another,", file=sys.stderr))
        other.start()
        other.join()
        if sys.argv[1:]:
            raise ImportError
except ImportError:
    pass
print("afterwards", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("fails", "printed"),
    [
        ((), "from another,\nafterwards\n"),
        (("fails",), "from another,\nfrom C++, from the thread,\nafterwards\n"),
    ],
)
def test_a_silent_thread_lets_others_print(fails: tuple[str, ...], printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SILENCED, *fails], capture_output=True, text=True, check=False
    )
    assert done.stderr == printed


def test_a_stream_that_is_closed_meanwhile_is_no_error() -> None:
    code = """
import sys
from dreamsound_studio.models.lean_import import silenced
hidden = sys.stderr
with silenced():
    hidden.close()
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0


def test_an_import_ahead_is_waited_for_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = threading.Event(), threading.Event()
    found = types.ModuleType("tensorflow")
    imports: list[str] = []

    def slow() -> types.ModuleType:
        imports.append(threading.current_thread().name)
        begun.set()
        assert may_end.wait(60)
        return found

    monkeypatch.setattr(runtime, "_module", cache(slow))
    runtime.import_ahead()
    assert begun.wait(60)
    assert runtime.is_importing()
    runtime.import_ahead()
    threading.Timer(0.05, may_end.set).start()
    assert runtime.import_tensorflow() is found
    runtime.import_ahead()
    assert imports == [runtime.IMPORTING]


def test_an_error_of_an_import_ahead_is_met_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails() -> types.ModuleType:
        raise ImportError("damaged")

    monkeypatch.setattr(runtime, "_module", cache(fails))
    runtime.import_ahead()
    with pytest.raises(ImportError, match="damaged"):
        runtime.import_tensorflow()


@pytest.mark.parametrize(("gpus", "threads"), [([], 6), (["GPU:0"], 1)], ids=["processor", "GPU"])
def test_a_gpu_gets_one_block_at_a_time(
    monkeypatch: pytest.MonkeyPatch, gpus: list[str], threads: int
) -> None:
    """Threads would queue for its one stream; the processor's cores each take a block."""
    devices = types.SimpleNamespace(
        list_physical_devices=lambda _kind: gpus,
        threading=types.SimpleNamespace(get_intra_op_parallelism_threads=lambda: 1),
    )
    monkeypatch.setattr(runtime, "import_tensorflow", lambda: types.SimpleNamespace(config=devices))
    monkeypatch.setattr(runtime, "available_cores", lambda: 6)
    for cached in (runtime.has_gpu, runtime.block_threads):
        cached.cache_clear()
    try:
        assert runtime.block_threads() == threads
    finally:
        for cached in (runtime.has_gpu, runtime.block_threads):
            cached.cache_clear()
