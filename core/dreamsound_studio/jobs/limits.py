"""Limits and defaults of jobs, for modules that must not import the engine."""

from typing import Final

#: Longest name, in characters: far above normal use, and far below what would slow a list down.
MOST_NAME: Final = 1_000
MOST_PRIORITY: Final = 1_000_000
#: Shortest interval between checkpoints, seconds.
CHECKPOINT_S: Final = 10.0
