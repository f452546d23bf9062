"""Each target takes its corpus and a few hundred changed inputs; ``dev.py fuzz`` takes longer."""

from __future__ import annotations

import itertools
import time
from random import Random

import pytest

from .mutation import mutated
from .targets import CORPUS, TARGETS, corpus, tried

#: Each target gets this long, or so many inputs, whichever ends first.
SECONDS, INPUTS = 3.0, 1000


def test_each_target_has_a_corpus_that_it_takes() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert all(any(tried(TARGETS[name], data) for data in corpus(name)) for name in TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_errors_of_one_line(name: str) -> None:
    random, kept = Random(name), corpus(name)
    inputs = (mutated(random.choice(kept), random, kept) for _ in range(INPUTS))
    end_s = time.monotonic() + SECONDS
    for data in itertools.chain(kept, inputs):
        tried(TARGETS[name], data)
        if time.monotonic() > end_s:
            break
