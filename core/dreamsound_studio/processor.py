"""What the processor is, and which instructions it has; read once."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

#: Patches that a processor takes at a time until that is measured; see ``dream.block_sizes``.
DEFAULT_BLOCK = 32
CPUINFO = Path("/proc/cpuinfo")
#: Features that multiply matrices of bfloat16 natively, as Linux calls them.
NATIVE_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})


def processor_name() -> str:
    """Return what the processor calls itself, or its architecture where that is unknown."""
    return _facts().get("model name", "") or platform.processor() or platform.machine()


def multiplies_bfloat16() -> bool:
    """Return whether the processor reports native products of bfloat16.

    Only Linux lists a processor's features; elsewhere the answer is no. That matches what
    TensorFlow can use: on macOS it computes without oneDNN, and emulates bfloat16.
    """
    return not NATIVE_BFLOAT16.isdisjoint(_facts().get("flags", "").split())


@cache
def _facts() -> dict[str, str]:
    """Return what Linux knows of the first core, by name; nothing elsewhere."""
    try:
        text = CPUINFO.read_text("utf-8", errors="replace")
    except OSError:
        return {}
    first = text.strip().split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
