"""Measures how long the bridge blocks REAPER, on the imitation that the tests use.

Three times count: until an action returns, at each tick while the engine works, and at the tick
that inserts all new takes. They include the time of the imitation itself.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP))

from tests.reaper.facts_made import tone  # noqa: E402
from tests.reaper.imitation.model import Item, Project, Source, Take, Track  # noqa: E402
from tests.reaper.imitation.python_host import PythonHost  # noqa: E402
from tests.reaper.imitation.reaper import Reaper  # noqa: E402

ITEMS = 100
ROUNDS = 5
ACTION = "DreamSound_Dream selected items with last settings.py"


def main() -> None:
    """Print the table of ``benchmarks/README.md``."""
    rounds = [once() for _ in range(ROUNDS)]
    print(f"| {ITEMS} items, 3 new takes each | median of {ROUNDS} | longest | goal |")
    print("|---|---|---|---|")
    rows = (
        ("the action returns, ms", "returns_ms", 50),
        ("one tick while the engine works, median, ms", "tick_ms", 2),
        ("the longest such tick, ms", "longest_tick_ms", 2),
        ("all takes are inserted in one step, ms", "inserts_ms", 100),
    )
    for name, key, asked in rows:
        values = [one[key] for one in rounds]
        print(f"| {name} | {statistics.median(values):.2f} | {max(values):.2f} | {asked} |")


def once() -> dict[str, float]:
    """Dream a hundred items with a stand-in engine; return the times in ms."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reaper, project, runs = installed(folder)
        host = PythonHost(reaper)
        host.run(folder / "REAPER/Scripts/DreamSound" / ACTION)
        end_s = time.monotonic() + 3
        while time.monotonic() < end_s:
            host.tick()
            time.sleep(1 / 30)
        working = list(host.ticks_s)
        (run,) = (path for path in runs.iterdir() if path.is_dir())
        (run / "go").touch()
        host.ticks_s.clear()
        host.run_until()
        if any(len(item.takes) != 4 for item in project.items()):
            raise SystemExit(f"Some takes are missing: {reaper.messages}")
        reaper.check()
        for module in [module for module in sys.modules if module.startswith("dreamsound_bridge")]:
            del sys.modules[module]
        return {
            "returns_ms": 1e3 * host.took_s[0],
            "tick_ms": 1e3 * statistics.median(working),
            "longest_tick_ms": 1e3 * max(working),
            "inserts_ms": 1e3 * max(host.ticks_s),
        }


def installed(folder: Path) -> tuple[Reaper, Project, Path]:
    """Return a REAPER with the scripts installed, its open project, and the folder of runs."""
    reaper = Reaper(folder / "REAPER")
    scripts = folder / "REAPER/Scripts/DreamSound"
    shutil.copytree(TOP / "reaper/scripts/DreamSound", scripts)
    runs = folder / "runs"
    runs.mkdir()
    (runs / "how.json").write_text(json.dumps({"wait": "go"}))
    engine = [sys.executable, os.fspath(TOP / "tests/reaper/stand_in_engine.py")]
    bridge: dict[str, Any] = {"engine": engine, "studio": None, "presets": [], "runs": str(runs)}
    (scripts / "bridge.json").write_text(json.dumps(bridge))
    sound = tone(folder / "a.wav", 1.0)
    items = [Item([Take(Source("WAVE", str(sound)), "a")], is_selected=True) for _ in range(ITEMS)]
    project = Project(str(folder / "p.rpp"), tracks=[Track("One", items=items)])
    return reaper, reaper.open(project), runs


if __name__ == "__main__":
    main()
