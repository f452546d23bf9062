"""The imitation itself: as strict as REAPER, and an oracle that can be believed."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import SCRIPTS, item_of, saved
from .facts_made import tone
from .imitation import rpp
from .imitation.api import TABLE
from .imitation.listening import lag_of, played
from .imitation.model import Item, Project, Source, Take, Track
from .imitation.python_host import PythonHost
from .imitation.reaper import Reaper
from .projects import real_projects

NULL = "(MediaItem*)0x0000000000000000"


@pytest.fixture
def rpr(project: Project, reaper: Reaper):
    """The module that Python has in REAPER."""
    return PythonHost(reaper).module


def test_every_function_of_the_table_is_there(rpr):
    assert len(TABLE) == 705
    assert not hasattr(rpr, "RPR_defer")
    with pytest.raises(AttributeError):
        rpr.RPR_NoSuchFunction()
    with pytest.raises(AttributeError, match="GetExePath"):
        rpr.RPR_GetExePath()  # known, and not imitated


def test_number_and_kind_of_arguments(rpr):
    with pytest.raises(TypeError, match="takes 1 arguments, not 0"):
        rpr.RPR_CountSelectedMediaItems()
    with pytest.raises(TypeError, match="proj cannot be 'x'"):
        rpr.RPR_CountSelectedMediaItems("x")
    item = rpr.RPR_GetSelectedMediaItem(0, 0)
    for wrong in ((item, 3), (3, "D_LENGTH"), (None, "D_LENGTH")):
        with pytest.raises(TypeError):
            rpr.RPR_GetMediaItemInfo_Value(*wrong)
    with pytest.raises(TypeError, match=r"cannot be 1\.5"):
        rpr.RPR_GetSelectedMediaItem(0, 1.5)
    with pytest.raises(KeyError, match="D_NONSENSE"):
        rpr.RPR_GetMediaItemInfo_Value(item, "D_NONSENSE")


def test_what_is_filled_in_comes_back_with_all_that_was_given(rpr, project):
    found = rpr.RPR_EnumProjects(-1, "", 4096)
    assert found[1:] == (-1, project.path, 4096)
    item = rpr.RPR_GetSelectedMediaItem(0, 0)
    report = rpr.RPR_GetSetMediaItemInfo_String(item, "GUID", "", False)
    assert report == (1, item, "GUID", project.items()[0].guid, 0)
    take = rpr.RPR_GetActiveTake(item)
    source = rpr.RPR_GetMediaItemTake_Source(take)
    assert rpr.RPR_GetMediaSourceFileName(source, "", 10)[1].endswith('ki"ck.wav')
    assert rpr.RPR_GetMediaSourceLength(source, 0) == (2.0, source, 0)


def test_null_is_true_and_stale_or_wrong_pointers_are_null(rpr, reaper, project):
    assert rpr.RPR_GetSelectedMediaItem(0, 99) == NULL
    item = rpr.RPR_GetSelectedMediaItem(0, 0)
    assert rpr.RPR_ValidatePtr2(0, item, "MediaItem*") == 1
    wrong = item.replace("MediaItem*", "MediaTrack*")
    assert rpr.RPR_CountTakes(item) == 1
    project.tracks[0].items.pop(0)
    reaper.look_again()
    assert rpr.RPR_ValidatePtr2(0, item, "MediaItem*") == 0
    assert rpr.RPR_CountTakes(item) == 0
    assert rpr.RPR_GetMediaTrackInfo_Value(wrong, "IP_TRACKNUMBER") == 0.0
    assert rpr.RPR_GetActiveTake(item).endswith("0x0000000000000000")


def test_defer_takes_a_text_and_runs_it_later(reaper, project, tmp_path):
    host = PythonHost(reaper)
    script = tmp_path / "script.py"
    script.write_text("ran = []\nRPR_defer('ran.append(1)')\nassert not ran\n")
    host.run(script)
    assert host.is_waiting
    host.tick()
    assert not host.is_waiting
    script.write_text("RPR_defer(lambda: 1)")
    with pytest.raises(TypeError, match="takes a text"):
        host.run(script)
    script.write_text("__file__")
    with pytest.raises(NameError):
        host.run(script)


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        (lambda r, i: r.RPR_SetMediaItemInfo_Value(i, "D_LENGTH", 2.0), "outside of an undo block"),
        (lambda r, i: r.RPR_Undo_BeginBlock2(0), "still open"),
        (lambda r, i: r.RPR_Undo_EndBlock2(0, "x", -1), "was not begun"),
        (lambda r, i: r.RPR_PreventUIRefresh(1), "not balanced"),
        (lambda r, i: r.RPR_SetExtState("a", "b", "c\nd", True), "more than a line"),
        (lambda r, i: (r.RPR_Undo_BeginBlock2(0), r.RPR_Undo_EndBlock2(0, "x", -1)), "nothing"),
    ],
)
def test_what_no_good_citizen_does_is_found(tmp_path, calls, message):
    reaper = Reaper(tmp_path)
    reaper.open(Project("p.rpp", tracks=[Track(items=[Item([Take()], is_selected=True)])]))
    module = PythonHost(reaper).module
    calls(module, module.RPR_GetSelectedMediaItem(0, 0))
    with pytest.raises(AssertionError, match=message):
        reaper.check()


texts = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), max_size=12)
names = texts.filter(lambda text: not all(quote in text for quote in "\"'`"))
numbers = st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.15g}"))
files = names.map(lambda name: f"/x/{name}.wav")
sources = st.recursive(
    st.builds(Source, st.sampled_from(["WAVE", "FLAC", "MIDI"]), files),
    lambda inner: st.builds(
        Source, st.just("SECTION"), st.just(""), inner, st.just(0.25), st.just(1.5),
        st.sampled_from([0, 2, 3]),
    ),
    max_leaves=3,
)  # fmt: skip
takes = st.builds(
    Take,
    sources,
    names,
    numbers=st.fixed_dictionaries({
        "D_STARTOFFS": numbers, "D_PLAYRATE": numbers, "B_PPITCH": st.just(1.0),
        "D_PITCH": numbers, "I_PITCHMODE": st.just(-1.0), "I_STRETCHFLAGS": st.just(0.0),
        "F_STRETCHFADESIZE": st.just(0.0025), "D_VOL": numbers, "D_PAN": numbers,
        "D_PANLAW": st.just(-1.0), "I_CHANMODE": st.sampled_from([0.0, 3.0]),
        "I_CUSTOMCOLOR": st.sampled_from([0.0, 16777219.0]),
    }),
    ext=st.dictionaries(st.just("Other"), names, max_size=1),
    markers=st.lists(st.tuples(numbers, numbers, st.just(0.0)).map(list), max_size=2),
)  # fmt: skip


@st.composite
def items(draw):
    found = draw(st.lists(st.one_of(takes, takes, st.none()), min_size=1, max_size=3))
    item = Item(found, draw(st.integers(0, len(found) - 1)), is_selected=draw(st.booleans()))
    item.numbers |= {"D_POSITION": draw(numbers), "D_LENGTH": draw(numbers)}
    return item


projects = st.builds(
    Project,
    st.just("/x/p.rpp"),
    names,
    tracks=st.lists(st.builds(Track, names, items=st.lists(items(), max_size=3)), max_size=3),
)


@given(projects)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_project_comes_back_from_its_file(project):
    content = saved(project)
    assert saved(rpp.load(content, project.path)) == content


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return tone(tmp_path_factory.mktemp("undo") / "dream.wav", 0.1)


@given(projects, st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_undo_restores_any_project_byte_for_byte(sound, tmp_path_factory, project, data):
    """A plan for some of its items, applied by the scripts, and undone."""
    reaper = Reaper(tmp_path_factory.mktemp("reaper"))
    reaper.open(project)
    before = saved(project)
    wanted = [
        item for item in project.items()
        if item.take is not None and item.is_selected and np.isfinite(item.take.numbers["D_VOL"])
    ]  # fmt: skip
    take = {"file": os.fspath(sound), "render": "dream", "name": "n", "is_active": True,
            "values": {"D_STARTOFFS": 0.5, "D_VOL": 2.0}, "colour": [1, 2, 3], "ext": "{}",
            "stretch_markers": [[0.0, 1.0, 0.0]]}  # fmt: skip
    plan = {
        "undo": "DreamSound: dream",
        "items": [
            {"item": item.guid, "take": item.take.guid, "label": "x", "takes": [dict(take)],
             "seen": {key: item.take.numbers[key] for key in ("D_STARTOFFS", "D_PLAYRATE")}}
            for item in wanted
        ],
        "tracks": [
            {"after": track.guid, "name": "new", "items": [
                {"label": "y", "values": {"D_POSITION": 1.0}, "takes": [dict(take)]}]}
            for track in project.tracks if data.draw(st.booleans())
        ],
    }  # fmt: skip
    for name in ("SetMediaItemTake_Source", "SetMediaItemTakeInfo_Value", "AddTakeToMediaItem"):
        reaper.failing[name] = data.draw(st.integers(0, 2))
    host = PythonHost(reaper)
    sys.modules["reaper_python"] = host.module
    sys.path.insert(0, os.fspath(SCRIPTS))
    try:
        insert = importlib.import_module("dreamsound_bridge.insert")
        pointer = host.module.RPR_EnumProjects(-1, "", 10)[0]
        done = insert.insert(plan, pointer, True, {}, '{"a": 1}')
    finally:
        sys.path.pop(0)
        del sys.modules["reaper_python"]
        for name in [name for name in sys.modules if name.startswith("dreamsound_bridge")]:
            del sys.modules[name]
    assert done.count + len(done.problems) == len(wanted) + len(plan["tracks"])
    assert len(reaper.steps) == done.is_changed
    if done.is_changed:
        reaper.undo()
    assert saved(project) == before
    reaper.check()


@pytest.mark.parametrize("path", real_projects(), ids=lambda path: path.name)
def test_real_projects_can_be_read(path):
    project = rpp.load(path.read_bytes(), str(path))
    assert project.items()


def test_what_a_take_plays(tmp_path):
    ramp = np.arange(1_000) / 1_000
    soundfile.write(tmp_path / "ramp.wav", np.stack([ramp, 1 - ramp], 1), 1_000, "FLOAT")
    item = item_of(tmp_path / "ramp.wav", 0.1, 0.5)

    def heard(**more):
        item.take.numbers |= more
        return np.rint(played(item, item.take)[0] * 1_000).astype(int)

    assert heard()[:2].tolist() == [[100, 900], [101, 899]]
    assert heard(D_STARTOFFS=0.8)[198:202, 0].tolist() == [998, 999, 0, 1]
    item.numbers["B_LOOPSRC"] = 0.0
    assert heard()[198:202, 0].tolist() == [998, 999, 0, 0]
    assert heard(I_CHANMODE=4.0, D_STARTOFFS=0.5)[0].tolist() == [500]
    assert heard(I_CHANMODE=2.0, D_STARTOFFS=0.3)[0].tolist() == [500]
    item.take.source = Source("SECTION", "", item.take.source, 0.25, 0.5, 2)
    assert heard(I_CHANMODE=3.0, D_STARTOFFS=0.0)[:2, 0].tolist() == [749, 748]
    item.take.source.mode = 3
    assert heard()[:2, 0].tolist() == [999, 998]
    noise = np.random.default_rng(1).standard_normal((4_000, 1))
    assert lag_of(noise[100:3_000], noise[93:3_000]) == 7
