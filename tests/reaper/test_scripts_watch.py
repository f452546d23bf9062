"""How the scripts watch a run and the engine, in both languages."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import types
from pathlib import Path

import pytest

from .conftest import AGAIN_SO, ALL, DREAM, ENDINGS, SCRIPTS, runs_of, saved, until
from .imitation import rpp


def test_an_engine_that_has_a_window_has_it_again(install, host, reaper, project, action):
    runs = Path(install(studio=["x"])["runs"])
    runs.mkdir()
    (runs / "how.json").write_text('{"silent": true}')
    reaper.clock_s = 100.0
    host.run(action(DREAM))
    (run,) = runs_of(runs)
    until(lambda: (run / "started").is_file())
    (run / "started").unlink()
    for _ in range(62):
        reaper.clock_s += 1.0
        host.tick()
    until(lambda: (run / "started").is_file())
    assert (run / "started").read_text().endswith("--window")
    host.forget()


def test_a_run_whose_project_never_comes_back_is_reported_and_over(
    how, host, reaper, project, action
):
    """An unsaved project, and then REAPER is closed."""
    project.path = ""
    host.run(action(AGAIN_SO))
    (run,) = runs_of(how())
    until(lambda: (run / "status.json").is_file() and (run / "result.json").is_file())
    host.forget()
    reaper.close()
    reaper.close_tab(project)
    host.run(action("Cancel"))
    host.run_until()
    assert "Renders kept" in reaper.messages[-1]
    assert (run / "applied").exists()


def test_cancel_and_progress(how, host, reaper, project, action):
    runs = how(wait="never")
    host.run(action("Cancel"))
    host.run(action("Progress"))
    assert reaper.messages == ["No dreams running."]
    assert reaper.console == ["No dreams running.\n"]
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    host.run_until(lambda: (run / "status.json").is_file())
    host.run(action("Progress"))
    assert reaper.console[-1] == "song.rpp: running, step 1/2\n"
    before = saved(project)
    host.run(action("Cancel"))
    host.run_until()
    assert len(reaper.messages) == 1
    assert saved(project) == before
    assert (run / "applied").exists()
    host.run(action("Progress"))
    assert reaper.console[-1] == "No dreams running.\n"


def test_reaper_closes_in_the_middle_and_goes_on_when_it_is_back(
    how, host, reaper, project, action
):
    runs = how(wait="go")
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    host.run_until(lambda: (run / "status.json").is_file())
    content = saved(project)
    reaper.close()
    reaper.close_tab(project)
    host.forget()
    (run / "go").touch()
    again = reaper.open(rpp.load(content, project.path))
    again.record_path = project.record_path
    host.run(action("Progress"))  # any action does
    host.run_until()
    assert len(again.items()[0].takes) == 4
    # Never twice.
    host.run(action("Progress"))
    host.run_until()
    assert len(again.items()[0].takes) == 4


def test_two_scripts_never_apply_one_run_twice(how, host, reaper, project, action):
    runs = how(wait="go")
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    host.run_until(lambda: (run / "status.json").is_file())
    for _ in range(3):
        host.run(action("Progress"))
    (run / "go").touch()
    host.run_until()
    assert len(project.items()[0].takes) == 4
    assert len(reaper.steps) == 1


def test_an_engine_that_is_silent_is_started_again_and_then_reported(
    how, host, reaper, project, action
):
    runs = how(silent=True)
    reaper.clock_s = 100.0
    host.run(action(AGAIN_SO))
    (run,) = runs_of(runs)
    has_log = host.language == "python"
    if has_log:
        until(lambda: (run / "bridge.log").stat().st_size)
    for _ in range(400):
        if not host.is_waiting:
            break
        reaper.clock_s += 1.0
        host.tick()
    assert "is not responding" in reaper.messages[0]
    # Lua can start a program, but not read what it prints.
    assert ("bad day" in reaper.messages[0]) == has_log
    assert (run / "applied").exists()


def test_an_engine_that_is_not_there(install, host, reaper, project, action):
    runs = Path(install(engine=["/no/such/program"])["runs"])
    host.run(action(AGAIN_SO))
    assert "could not start" in reaper.messages[0]
    assert "/no/such/program" in reaper.messages[0]
    host.run(action("Progress"))
    assert reaper.console == ["No dreams running.\n"]
    assert len(runs_of(runs)) == 1


def test_not_installed(host, reaper, project, action):
    for name in ALL:
        host.run(action(name))
    assert len(reaper.messages) == len(ALL)
    assert all("dreamsound reaper install" in text for text in reaper.messages)


@pytest.mark.parametrize(("system", "flags"), [("nt", 0x08000200), ("posix", None)])
def test_the_engine_is_started_without_a_console_and_outlives_reaper(monkeypatch, system, flags):
    """As Windows would be asked; the environment is not that of REAPER's own Python."""
    started = []
    monkeypatch.setitem(sys.modules, "reaper_python", types.ModuleType("reaper_python"))
    monkeypatch.syspath_prepend(str(SCRIPTS))
    runs = importlib.import_module("dreamsound_bridge.runs")
    popen = lambda words, **more: started.append((words, more))  # noqa: E731
    monkeypatch.setattr(runs, "subprocess", types.SimpleNamespace(DEVNULL=-3, Popen=popen))
    environ = {"PATH": "x", "PYTHONHOME": "y", "DYLD_X": "z", "LD_LIBRARY_PATH": "w"}
    system_os = types.SimpleNamespace(name=system, devnull=os.devnull, environ=environ)
    monkeypatch.setattr(runs, "os", system_os)
    runs.start_program(["a program", 'with "quotes"', "ü"])
    ((words, more),) = started
    assert words == ["a program", 'with "quotes"', "ü"]
    assert more["env"] == {"PATH": "x"}
    assert more.get("creationflags") == flags
    assert more.get("start_new_session") == (None if flags else True)
    assert "shell" not in more
    for name in [name for name in sys.modules if name.startswith("dreamsound_bridge")]:
        del sys.modules[name]


def test_an_upgrade_is_used_at_once(how, host, reaper, project, scripts, action):
    """Python in REAPER keeps modules; a script that is run again takes the new ones."""
    host.run(action("Progress"))
    folder = {"python": "dreamsound_bridge", "lua": "dreamsound_bridge_lua"}[host.language]
    actions = scripts / folder / f"actions{ENDINGS[host.language]}"
    text = actions.read_text("utf-8").replace("No dreams running.", "Nothing, newly.")
    actions.write_text(text, "utf-8")
    shutil.rmtree(scripts / "dreamsound_bridge/__pycache__", ignore_errors=True)
    host.run(action("Progress"))
    assert reaper.console == ["No dreams running.\n", "Nothing, newly.\n"]
