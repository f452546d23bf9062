"""docs/security.md: every threat names tests, and each of them exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
PAGE = (TOP / "docs" / "security.md").read_text(encoding="utf-8")
THREATS = re.findall(
    r"^\| (?!threat |-)(.+?) \|.*\| (.+?) \|$", PAGE.split("## Threats")[1].split("\n## ")[0], re.M
)


def test_there_are_threats() -> None:
    assert len(THREATS) >= 10


@pytest.mark.parametrize(("threat", "named"), THREATS)
def test_each_threat_names_tests_that_exist(threat: str, named: str) -> None:
    tests = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", named)
    assert tests, threat
    for file, name in tests:
        tree = ast.parse((TOP / file).read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{threat}: {file} has no {name}"
