"""checks/words.py finds phrases to avoid in strings, comments and documents, and nothing else."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
SCRIPT = TOP / "checks" / "words.py"


def load():
    spec = importlib.util.spec_from_file_location("words_under_test", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


words = load()

#: A sentence for each phrase of the list, in its order.
BAD = [
    ("3.x is no number of a job", "is no number"),  # words: ok
    ("a format that is none", "that is none"),  # words: ok
    ("There is no sound in there.", "There is no sound in"),  # words: ok
    ("the model is not to be had", "to be had"),  # words: ok
    ("uv is not to be found", "not to be found"),  # words: ok
    ("a dream of silence is of no use", "of no use"),  # words: ok
    ("Esc calls it off", "calls it off"),  # words: ok
    ("those whose track is called so", "called so"),  # words: ok
    ("start REAPER anew", "anew"),  # words: ok
    ("the user is told", "told"),  # words: ok
    ("a line that tells of an error", "tells of"),  # words: ok
    ("ask whether it shall stop", "shall"),  # words: ok
    ("the class that was dreamed of", "dreamed of"),  # words: ok
    ("it exists: say --overwrite", "say --o"),  # words: ok
    ("memory ran out, and that is said", "is said"),  # words: ok
    ("what a render says of itself", "says of itself"),  # words: ok
    ("it is as good as silent", "as good as silent"),  # words: ok
    ("interrupted; nothing is half written", "half written"),  # words: ok
    ("the model is let go", "is let go"),  # words: ok
    ("the tab lets its tiles go", "lets its tiles go"),  # words: ok
    ("the scheduler gives out when jobs are short", "gives out when"),  # words: ok
    ("it goes on from its checkpoint", "goes on from"),  # words: ok
    ("let a SavedModel of others run", "SavedModel of others"),  # words: ok
    ("a preset of yours", "of yours"),  # words: ok
    ("what became of each sound", "became of"),  # words: ok
    ("its play rate is another by now", "is another by now"),  # words: ok
    ("looks whether all is well", "looks whether"),  # words: ok
    ("list: what there is", "what there is"),  # words: ok
    ("a dialog asks in its stead", "in its stead"),  # words: ok
    ("bethink the seed", "bethink"),  # words: ok
    ("hitherto unseen", "hitherto"),  # words: ok
    ("henceforth in stereo", "henceforth"),  # words: ok
    ("the length thereof", "thereof"),  # words: ok
    ("it comes to naught", "naught"),  # words: ok
    ("lest it clip", "lest"),  # words: ok
    ("unto each its own", "unto"),  # words: ok
    ("ere the next step", "ere"),  # words: ok
]


def phrases(source: str, suffix: str = ".py") -> list[str]:
    return [find.phrase for find in words.finds_in(source, suffix)]


def test_every_phrase_has_a_sentence():
    assert len(BAD) == len(words.SEARCHES)
    for (sentence, phrase), (search, _) in zip(BAD, words.SEARCHES, strict=True):
        assert search.search(sentence).group() == phrase


@pytest.mark.parametrize(("sentence", "phrase"), BAD)
@pytest.mark.parametrize(
    ("template", "suffix"),
    [
        ('raise ValueError("{}")\n', ".py"),
        ('def f():\n    """{}"""\n', ".py"),
        ("x = 1  # {}\n", ".py"),
        ('error("{}")\n', ".lua"),
        ("-- {}\n", ".lua"),
        ("# Title\n\n{}\n", ".md"),
    ],
)
def test_each_is_found_in_strings_docstrings_comments_and_documents(
    sentence, phrase, template, suffix
):
    assert phrases(template.format(sentence), suffix) == [phrase]


@pytest.mark.parametrize(
    "sentence",
    [
        "Invalid job ID: 3.x. Pass the number that `queue list` shows.",
        "There is no longer a limit, and it is no more than 4 dB.",
        "The fold of the toldo is marshalled; hence nothing is called offline.",
        "Say what it does; give 4 dB. Pass --overwrite to replace the file.",
        "Dreamed in 10 steps, which one dream of a whistle takes.",
        "Values that are None are left out.",
    ],
)
@pytest.mark.parametrize(
    ("template", "suffix"), [('x = "{}"\n', ".py"), ('x = "{}"\n', ".lua"), ("{}\n", ".md")]
)
def test_clean_text_passes(sentence, template, suffix):
    assert phrases(template.format(sentence), suffix) == []


@pytest.mark.parametrize(
    ("source", "suffix", "line"),
    [
        ('x = (\n    "it is not to "  # why\n    "be had"\n)\n', ".py", 2),  # words: ok
        ('"""One line.\n\n    The model is not\n    to be had.\n"""\n', ".py", 4),  # words: ok
        ("# One line.\n# This is not to\n# be had.\n", ".py", 2),
        (
            'x = f"{model!r:>{width}} is not " f"to {1} be had, not to be had"\n',  # words: ok
            ".py",
            1,
        ),
        ('x = "it is not to " ..\n  "be had"\n', ".lua", 1),
        ("-- One line.\n-- This is not to\n-- be had.\n", ".lua", 2),
        ("--[[ One line.\nThis is not to be\nhad. ]]\n", ".lua", 2),  # words: ok
        ("x = [==[\nOne\nto be had]==]\n", ".lua", 3),  # words: ok
        ("One line.\nThis is not to be\nhad.\n", ".md", 2),  # words: ok
    ],
)
def test_a_phrase_over_several_lines_is_found_where_it_starts(source, suffix, line):
    (find,) = words.finds_in(source, suffix)
    assert (find.line, re.sub(r"\s+", " ", find.phrase)) == (line, "to be had")  # words: ok


def test_what_does_not_belong_together_is_not_joined():
    assert phrases('x = ["it is not to", "be had"]\n') == []
    assert phrases("# not to\nx = 1\n# be had\n") == []
    assert phrases('x = "not to"\ny = "be had"\n', ".lua") == []
    assert phrases("| not to |\n| be had |\n\nnot to\n\nbe had\n", ".md") == []


def test_code_is_not_text():
    assert phrases("told = shall(anew)\n") == []  # words: ok
    assert phrases('x = f"{told} {shall[anew]:{told}} {{}}"\n') == []  # words: ok
    assert phrases("local told = shall\n", ".lua") == []  # words: ok


def test_a_quotation_is_marked_on_its_line():
    assert phrases('x = "anew"  # words: ok\ny = "anew"\n') == ["anew"]  # words: ok
    assert phrases("anew <!-- words: ok -->\n", ".md") == []  # words: ok


def test_it_prints_each_find_and_ends_with_1(tmp_path, monkeypatch, capsys):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.md").write_text("Fine.\nMake it anew.\n")  # words: ok
    (tmp_path / "c.txt").write_text("anew")  # words: ok
    for hidden in (".venv", "env"):
        (tmp_path / hidden).mkdir()
        (tmp_path / hidden / "d.md").write_text("anew")  # words: ok
    (tmp_path / "env" / "pyvenv.cfg").touch()
    monkeypatch.chdir(tmp_path)
    assert words.main(["."]) == 1
    where = Path("a", "b.md")
    printed = capsys.readouterr().out
    assert printed == f"{where}:2: anew -> again\nwords: 1 to replace\n"  # words: ok
    (tmp_path / "a" / "b.md").write_text("Make it again.\n")
    assert words.main(["."]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("path", ["missing", "c.txt"])
def test_what_it_cannot_read_is_one_line_and_exit_2(tmp_path, path):
    (tmp_path / "c.txt").touch()
    done = subprocess.run(
        [sys.executable, SCRIPT, path], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert path in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", "dev.py", "devtools", "docs", "benchmarks", "checks"]
)
def test_the_documents_and_the_scripts_are_clean(name, capsys):
    assert words.check([TOP / name]) == 0, capsys.readouterr().out
