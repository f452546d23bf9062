"""Import TensorFlow without its messages on standard error."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from types import ModuleType


def import_tensorflow() -> ModuleType:
    """Import TensorFlow; its libraries' output while loading is shown only if that fails.

    Returns
    -------
    module
        ``tensorflow``.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # "Tracing is expensive": every objective has a graph of its own, deliberately.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        error_stream = sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return _import()
    # The messages come from C++, before any log level is read: only the descriptor stops them.
    with tempfile.TemporaryFile() as chatter:
        sys.stderr.flush()
        kept = os.dup(error_stream)
        os.dup2(chatter.fileno(), error_stream)
        try:
            module = _import()
            # The device scan prints messages too, but only once.
            module.config.list_physical_devices()
        except Exception:
            chatter.seek(0)
            os.write(kept, chatter.read())
            raise
        finally:
            os.dup2(kept, error_stream)
            os.close(kept)
    return module


def device_name() -> str:
    """Return TensorFlow's device: ``GPU``, with its name if known, or ``CPU``."""
    tf = import_tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    details = tf.config.experimental.get_device_details(gpus[0])
    return f"GPU {details.get('device_name', '')}".strip()


def _import() -> ModuleType:
    import tensorflow as tf

    module: ModuleType = tf
    return module
