"""The examples in docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import dreamsound_desktop
import dreamsound_reaper
import dreamsound_studio


def modules_with_examples() -> Iterator[str]:
    for package in (dreamsound_studio, dreamsound_desktop, dreamsound_reaper):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                yield ".".join(path.relative_to(root.parent).with_suffix("").parts)


@pytest.mark.parametrize("name", list(modules_with_examples()))
def test_examples_give_what_they_show(name: str) -> None:
    module = importlib.import_module(name.removesuffix(".__init__"))
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 0
    assert found.failed == 0, "see what doctest has printed"


def test_there_are_examples() -> None:
    assert dreamsound_studio.__name__ in {name.split(".")[0] for name in modules_with_examples()}
