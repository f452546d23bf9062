"""What is kept while there is room."""

from __future__ import annotations

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dream.bounded_cache import BoundedCache


def test_what_fits_is_made_once_and_the_rest_again() -> None:
    made: list[int] = []
    kept: BoundedCache[FloatArray] = BoundedCache(100, lambda array: array.nbytes)

    def get(key: int, size: int) -> FloatArray:
        def make() -> FloatArray:
            made.append(key)
            return np.full(size, key, np.float32)

        return kept.get(key, make)

    for _ in range(2):
        for key, size in ((1, 10), (2, 16), (3, 15)):
            assert np.all(get(key, size) == key)
    # 40 bytes, 64 that find no room beside them, and 60 that do.
    assert made == [1, 2, 3, 2]
    kept.clear()
    get(2, 16)
    get(2, 16)
    assert made == [1, 2, 3, 2, 2]
