"""checks/names.py finds names with a word to avoid, and public names with two meanings."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent


def load():
    spec = importlib.util.spec_from_file_location("names_under_test", TOP / "checks" / "names.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


names = load()


def public(source: str, path: str = "a.py") -> list[str]:
    return [found.name for found in names.public_in(source, Path(path))]


def test_words_to_avoid_are_found_in_names():
    source = (
        "is_told = 1\ndef shall_stop(stolder): return toldo\nanew = 2  # words: ok\n"  # words: ok
    )
    found = [(one.line, one.name) for one in names.avoided_in(source, Path("a.py"))]
    assert found == [(1, "is_told"), (2, "shall_stop")]  # words: ok


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class Take: ...", ["Take"]),
        ("def power_of(x): ...", ["power_of"]),
        ("async def serve(): ...", ["serve"]),
        ("Floats = list[float]", ["Floats"]),
        ("class _Take: ...\ndef _power_of(): ...\n_Floats = list[float]", []),
        ("POLL_S = 0.1\napp = 3\nMade = TypeVar('Made')", []),
        ("class Outer:\n    class Inner: ...\n    def method(self): ...", ["Outer"]),
        ("@app.command()\ndef show(): ...", []),
        ("@app.command('list')\ndef list_all(): ...", []),
        ("@cache\ndef table(): ...", ["table"]),
    ],
)
def test_public_names_are_classes_functions_and_types(source, found):
    assert public(source) == found


def test_a_name_of_two_modules_is_reported_in_each():
    sources = {
        "a.py": "class Take: ...\ndef main(): ...\n",
        "b.py": "\nTake = tuple[int, str]\ndef main(): ...\n",
        "c.py": "@overload\ndef alone(): ...\ndef alone(): ...\n",
    }
    every = [one for path, text in sources.items() for one in names.public_in(text, Path(path))]
    assert [str(one) for one in names.ambiguous(iter(every))] == [
        "a.py:1: Take -> a name of its own: b.py has this one too",
        "b.py:2: Take -> a name of its own: a.py has this one too",
    ]


def test_the_project_is_clean(capsys):
    assert names.main() == 0, capsys.readouterr().out


def test_each_shared_name_is_shared():
    found = {one.name for one in names.ambiguous(names.public_names(), shared={})}
    assert found == set(names.SHARED)


def test_it_prints_each_find_and_ends_with_1(tmp_path, capsys):
    for package in names.PACKAGES[:2]:
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "a.py").write_text("class Take: ...\n")
    (tmp_path / "dev.py").write_text("told = 1\n")  # words: ok
    assert names.main(tmp_path) == 1
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(" -> ")[0] for line in printed] == [
        "dev.py:1: told",  # words: ok
        "core/dreamsound_studio/a.py:1: Take",
        "desktop/dreamsound_desktop/a.py:1: Take",
        "names: 3 to replace",
    ]
