"""Fuzz a target led by coverage, for as long as one likes.

``python -m tests.fuzz.with_atheris TARGET [-max_total_time=600] [CORPUS]``

Needs ``pip install atheris``. The targets are those of ``dev.py fuzz``; besides that,
over 1 GB of memory (``-rss_limit_mb``) and more than ten seconds (``-timeout``) are findings.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["dreamsound_studio", "dreamsound_reaper", "json"]):
    from .targets import TARGETS, tried


def main() -> None:
    """Fuzz the target that is named."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(__doc__)
    target = TARGETS[sys.argv.pop(1)]

    def one(data: bytes) -> None:
        tried(target, data)

    atheris.Setup([sys.argv[0], "-rss_limit_mb=1024", "-timeout=10", *sys.argv[1:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
