"""Import TensorFlow without its messages on standard error, and divide the cores for it.

On processors an operation of TensorFlow runs in one thread, and several blocks of patches at the
same time (`dsp.threads`): the operations of a small network are too short for several threads each.
On a GPU everything stays as TensorFlow has it.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import ExitStack, suppress
from functools import cache
from types import ModuleType

from dreamsound_studio.cores import available_cores
from dreamsound_studio.models.lean_import import silenced, without_keras

#: Name of the thread that imports TensorFlow ahead.
IMPORTING = "import tensorflow"

#: Set by users who want another number of threads for each operation, or of operations at a time.
INTRA_OP_VARIABLE, INTER_OP_VARIABLE = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"

#: TensorFlow's switch for oneDNN's kernels, and the user's own for it: `off` leaves it as it is.
ONEDNN_VARIABLE, OWN_ONEDNN_VARIABLE = "TF_ENABLE_ONEDNN_OPTS", "DREAMSOUND_ONEDNN"

#: Held by whoever imports TensorFlow.
_import_lock = threading.Lock()


def import_ahead() -> None:
    """Begin to import TensorFlow in a thread, for a dream that is about to begin.

    Whoever needs it then waits for the thread, and meets its errors; the process does not.
    """
    if _is_imported() or is_importing():
        return
    silence = ExitStack()
    thread = threading.Thread(target=_ahead, args=(silence,), name=IMPORTING, daemon=True)
    # Here rather than there: nothing is being printed at this moment that would be lost.
    silence.enter_context(silenced(thread))
    thread.start()


def is_importing() -> bool:
    """Return whether TensorFlow is being imported in a thread."""
    return any(thread.name == IMPORTING for thread in threading.enumerate())


def import_tensorflow() -> ModuleType:
    """Import TensorFlow; its libraries' output while loading is shown only if that fails.

    Keras is left out: ``tf.keras`` imports it when it is used.

    Returns
    -------
    module
        ``tensorflow``.
    """
    with _import_lock:
        if _is_imported():
            return _module()
        with silenced():
            return _module()


def device_name() -> str:
    """Return TensorFlow's device: ``GPU``, with its name if known, or ``CPU``."""
    tf = import_tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    details = tf.config.experimental.get_device_details(gpus[0])
    return f"GPU {details.get('device_name', '')}".strip()


def uses_onednn() -> bool:
    """Return whether TensorFlow computes with oneDNN; without, a step takes 1.4 times as long."""
    import_tensorflow()
    # TensorFlow has no public function for it.
    with suppress(ImportError, AttributeError):
        from tensorflow.python.util import _pywrap_util_port

        return bool(_pywrap_util_port.IsMklEnabled())
    return False


@cache
def has_gpu() -> bool:
    """Return whether TensorFlow computes on a GPU."""
    return bool(import_tensorflow().config.list_physical_devices("GPU"))


@cache
def block_threads() -> int:
    """Return how many blocks of patches should run at the same time.

    On a GPU one; elsewhere as many as there are cores, over the threads of one operation.
    """
    if has_gpu():
        return 1
    cores = available_cores()
    each = import_tensorflow().config.threading.get_intra_op_parallelism_threads()
    return max(1, cores // (each or _of_environment(INTRA_OP_VARIABLE) or cores))


def _with_threads_set(tf: ModuleType) -> ModuleType:
    """Give each operation one thread, unless there is a GPU or the user has set another number."""
    if tf.config.list_physical_devices("GPU"):
        return tf
    threading = tf.config.threading
    # After the first operation these can no longer be set; then they stay as they are.
    with suppress(RuntimeError):
        if not (threading.get_intra_op_parallelism_threads() or _of_environment(INTRA_OP_VARIABLE)):
            threading.set_intra_op_parallelism_threads(1)
        if not (threading.get_inter_op_parallelism_threads() or _of_environment(INTER_OP_VARIABLE)):
            threading.set_inter_op_parallelism_threads(available_cores())
    return tf


def _switch_onednn_on() -> None:
    """Let TensorFlow use oneDNN, on processors too where it does not by default.

    A 0 in the environment is overruled: TensorFlow's own message about oneDNN proposes it, and many
    have set it to be rid of that message. It has no effect once TensorFlow has been imported.
    """
    if os.environ.get(OWN_ONEDNN_VARIABLE, "").strip().casefold() != "off":
        os.environ[ONEDNN_VARIABLE] = "1"


def _of_environment(variable: str) -> int:
    """Return the number in a variable of the environment; 0 where it has none."""
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else 0


def _ahead(silence: ExitStack) -> None:
    # An error is raised again, and what was written printed, where TensorFlow is needed.
    with silence, suppress(Exception), _import_lock:
        _module()


def _is_imported() -> bool:
    return _module.cache_info().currsize > 0


@cache
def _module() -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _switch_onednn_on()
    # "Tracing is expensive": every objective has a graph of its own, deliberately.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # The device scan prints messages too, but only once.
    with without_keras():
        return _with_threads_set(_import())


def _import() -> ModuleType:
    import tensorflow as tf

    module: ModuleType = tf
    return module
