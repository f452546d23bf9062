"""The difference map: how many dB louder or softer a sound is than another, bin by bin."""

from __future__ import annotations

from functools import cache

import numpy as np

from dreamsound_desktop.analysis.scales import LOWEST_DB, STEPS_A_DB
from dreamsound_desktop.analysis.spectrogram import Tile

#: The byte for "no difference"; a unit is as many dB as in a tile.
SAME = 128
#: Differences from this one up have the full colour.
FULL_DB = 24.0
LOUDER, SOFTER = (255, 140, 40), (60, 140, 255)


def difference_rows(rows: Tile, other: Tile, floor_db: float) -> Tile:
    """Return how much louder `rows` are than `other`: 128 for not at all, half a dB a unit.

    Parameters
    ----------
    rows, other : numpy.ndarray
        Of `rows_of`, of one shape.
    floor_db : float
        Levels below count as this level, so that nobody sees what nobody hears.
    """
    floor = np.uint8(np.clip((floor_db - LOWEST_DB) * STEPS_A_DB, 0, 255))
    change = np.maximum(rows, floor).astype(np.int16) - np.maximum(other, floor)
    return np.clip(change + SAME, 0, 255).astype(np.uint8)


@cache
def difference_table() -> Tile:
    """Return the colour table ``[256, 4]``: orange is louder, blue is softer, 0 dB is clear."""
    change_db = (np.arange(256) - SAME) / STEPS_A_DB
    table = np.zeros((256, 4), np.uint8)
    table[:, :3] = np.where(change_db[:, None] > 0, LOUDER, SOFTER)
    table[:, 3] = np.round(255 * np.clip(np.abs(change_db) / FULL_DB, 0, 1))
    return table
