"""Every action on every REAPER that the bridge supports, in both languages."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from .conftest import AGAIN_SO, ALL, runs_of, saved
from .imitation.versions import STRETCH_KEYS, VERSIONS


@pytest.fixture(params=sorted(VERSIONS))
def version(request: pytest.FixtureRequest) -> str:
    """Each version."""
    return request.param


@pytest.mark.parametrize("version", ["6.24", "6.74", "7.08"])
def test_every_action_does_its_work(how, host, reaper, project, action):
    """Of those that dream, each leaves takes or a track, in one undo step."""
    how(renders=["dream"])
    before = saved(project)
    project.items()[2].is_selected = True
    project.ext["DreamSound", "target"] = project.items()[2].guid
    selected = saved(project)
    for name in ALL:
        reaper.messages.clear()
        reaper.pointed_at = project.items()[2]  # undo makes new objects
        reaper.answers = [["bells", "", "", "", ""]]
        host.run(action(name))
        host.run_until()
        text = "\n".join(reaper.messages)
        assert "rror" not in text, (name, text)
        assert "nil" not in text, (name, text)
        if name.startswith("Dream"):
            assert not text, (name, text)
            assert reaper.steps, name
            reaper.undo()
            assert saved(project) == selected
    assert before != selected


def test_what_a_version_lacks_is_left_out_and_reported(how, host, reaper, project, action, version):
    take = project.items()[0].take
    take.numbers |= {"I_STRETCHFLAGS": 4.0, "F_STRETCHFADESIZE": 0.01, "D_PITCH": 2.0}
    host.run(action(AGAIN_SO))
    host.run_until()
    assert reaper.messages == []
    new = project.items()[0].takes[1]
    lacks = version < "7"
    assert (new.numbers["I_STRETCHFLAGS"] == 4.0) != lacks
    assert new.numbers["D_PITCH"] == 2.0
    (run,) = runs_of(how())
    values = json.loads((run / "facts.json").read_text("utf-8"))["items"][0]["take"]["values"]
    assert (values["F_STRETCHFADESIZE"] == 0.01) != lacks
    host.run(action("Doctor"))
    host.run_until()
    report = reaper.messages[-1]
    assert f"REAPER {version}/" in report
    assert ("stretch mode" in report) == lacks
    assert ("peaks" in report) == (version == "6.24")
    assert (
        "New instance" in report
        if host.language == "python"
        else ("New instance" in report) == lacks
    )


@pytest.mark.parametrize("version", ["7.08"])
@pytest.mark.parametrize("key", sorted(STRETCH_KEYS | {"D_PITCH"}))
def test_only_what_some_version_lacks_may_fail(how, host, reaper, project, action, key):
    """A REAPER that refuses any other value gets no take that would sound otherwise."""
    reaper.version = replace(reaper.version, lacks_keys=frozenset({key}))
    host.run(action(AGAIN_SO))
    host.run_until()
    assert len(project.items()[0].takes) == (4 if key in STRETCH_KEYS else 1)
    assert bool(reaper.messages) == (key not in STRETCH_KEYS)
