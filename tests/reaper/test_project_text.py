"""The text of a project: every byte is kept, and what REAPER wrote is understood."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_reaper.facts import Settings
from dreamsound_reaper.rpp.reading import chosen_items, facts_of, items_of, takes_of
from dreamsound_reaper.rpp.text import (
    ProjectError,
    parse_project,
    quoted,
    read_project,
    split_words,
)

from .projects import ITEM, SECTION, project_text, real_projects


@pytest.mark.parametrize("path", real_projects(), ids=lambda path: path.name)
def test_real_projects_come_back_byte_for_byte(path):
    assert read_project(path).content() == path.read_bytes()


def test_a_project_of_four_takes_is_understood():
    (path,) = [path for path in real_projects() if "multi_take" in path.name] or [None]
    if path is None:
        pytest.skip("the real projects are not beside the folder of models")
    project = read_project(path)
    items = list(items_of(project))
    assert len(items) == 4
    assert [len(takes_of(one.block)) for one in items] == [4, 4, 4, 4]
    assert items[0].item.take.name == "01-201205_2144.wav"  # TAKE SEL
    assert items[1].item.take.values["D_STARTOFFS"] == 3.45977324263039
    assert takes_of(items[1].block)[1].is_null


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_code_notes_and_strange_bytes_are_kept(end):
    text = project_text(ITEM, head="  <CODE\n    |txt = \"unclosed\n    |<it's>\n  >\n")
    content = text.replace("\n", end).encode() + b"  \xff\xfe tail" + end.encode()
    project = parse_project(content, "it")
    assert project.content() == content
    assert project.line_end == end
    assert len(list(items_of(project))) == 1


words = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30)


@given(words.filter(lambda text: not all(quote in text for quote in "\"'`")))
def test_a_word_comes_back_from_its_quotes(word):
    line = f"    NAME {quoted(word)} 5"
    assert split_words(line) == ["NAME", word, "5"]


def test_a_word_with_all_three_quotes_loses_one_kind():
    assert split_words(f"NAME {quoted('a`b c' + chr(34) + chr(39))}") == ["NAME", "a'b c\"'"]


@given(st.lists(st.sampled_from(["<A", ">", "B 1", "|x", "<ITEM", "  ", '"<'])))
def test_anything_is_read_or_refused_and_never_changed(lines):
    content = "\n".join(["<REAPER_PROJECT 0.1", *lines]).encode()
    try:
        project = parse_project(content, "it")
    except ProjectError:
        return
    assert project.content() == content


@pytest.mark.parametrize(
    "content", [b"", b"RIFF....", b"<REAPER", b"\xff" * 100, b"  x <REAPER_PROJECT\n>"]
)
def test_what_is_not_a_project_is_refused(content):
    with pytest.raises(ProjectError, match="is not a REAPER project"):
        parse_project(content, "it")


def test_a_project_that_is_cut_off_is_refused():
    with pytest.raises(ProjectError, match="truncated: <TRACK"):
        parse_project(b"<REAPER_PROJECT 0.1\n  <TRACK\n    NAME x\n", "it")
    with pytest.raises(ProjectError, match="nested too deeply"):
        parse_project(b"<REAPER_PROJECT 0.1\n" + b"<A\n" * 1000, "it")
    with pytest.raises(ProjectError, match="No such file"):
        read_project(Path("no-such.rpp"))


def test_items_are_chosen():
    project = parse_project(project_text(ITEM, SECTION).encode(), "it")
    names = [one.item.label for one in chosen_items(project, "all")]
    assert names == ["whistle.wav", "rev drums"]
    assert [one.item.label for one in chosen_items(project, "selected")] == ["whistle.wav"]
    assert [one.item.label for one in chosen_items(project, "DRUMS")] == ["rev drums"]
    assert len(chosen_items(project, "track:1")) == 2
    assert len(chosen_items(project, "Voice's one")) == 2
    for wanted in ("TRACK:2", "guitar"):
        with pytest.raises(ProjectError, match=r"items: rev drums, whistle\.wav"):
            chosen_items(project, wanted)


def test_facts_are_those_that_reaper_would_tell(tmp_path):
    project = parse_project(project_text(ITEM, SECTION).encode(), "it")
    facts = facts_of(project, tmp_path / "song.rpp", chosen_items(project, "all"), Settings())
    assert facts.project.record_path == "Audio"
    assert facts.project.sample_rate_hz == 0
    plain, section = facts.items
    assert plain.take.values["D_PLAYRATE"] == 1.5
    assert plain.take.values["D_VOL"] == 0.5
    assert plain.is_loop
    assert (plain.fade_in_s, plain.fade_out_s) == (0.25, 0.0)
    assert plain.take.stretch_markers == ((0.0, 0.1, 0.0), (0.5, 0.7, -0.25))
    assert plain.take.envelopes == 1
    assert plain.take.fx == 1
    source = section.take.source
    assert (source.section.offset_s, source.section.length_s) == (0.25, 1.5)
    assert source.section.is_reversed
    assert source.parent.file == "drums.wav"
    assert section.take.channel_mode == 3


def test_a_project_of_another_systems_line_ends_is_refused_with_the_cause():
    with pytest.raises(ProjectError, match=r"lines end with CR alone\. Save it"):
        parse_project(b"<REAPER_PROJECT 0.1\r  <TRACK\r  >\r>\r", "old.rpp")
