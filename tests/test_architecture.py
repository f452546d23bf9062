"""docs/architecture.md: its names exist, its tables list every room, its drawing is up to date."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
SCRIPT = TOP / "checks" / "architecture.py"
PAGE = (TOP / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = {
    "dreamsound_desktop": TOP / "desktop",
    "dreamsound_reaper": TOP / "reaper",
    "dreamsound_bridge": TOP / "reaper" / "scripts" / "DreamSound",
}
ENGINE = TOP / "core" / "dreamsound_studio"
DOTTED = re.compile(r"`([A-Za-z_]\w*(?:\.\w+)+)`")
FILE_ENDINGS = {"json", "md", "py", "svg", "toml", "wav"}


def load():
    spec = importlib.util.spec_from_file_location("architecture_under_test", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


architecture = load()


def dotted_names(page: str) -> list[str]:
    found = dict.fromkeys(DOTTED.findall(page))
    return [name for name in found if name.rpartition(".")[2] not in FILE_ENDINGS]


def members(nodes: list[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """Return what a module or a class defines, and what each of these defines."""
    found: dict[str, list[ast.stmt]] = {}
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            found[node.name] = node.body
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = []
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id: [] for target in targets if isinstance(target, ast.Name)}
    return found


def exists(name: str) -> bool:
    """Return whether a module has what a dotted name says; nothing is imported."""
    first, *rest = name.split(".")
    place = PACKAGES[first] / first if first in PACKAGES else ENGINE
    if first not in PACKAGES:
        rest = [first, *rest]
    while rest and (place / rest[0]).is_dir():
        place /= rest.pop(0)
    if rest and place.joinpath(f"{rest[0]}.py").is_file():
        place = place / f"{rest.pop(0)}.py"
    else:
        place /= "__init__.py"
    if not place.is_file():
        return False
    nodes = ast.parse(place.read_text(encoding="utf-8")).body
    for part in rest:
        known = members(nodes)
        if part not in known:
            return False
        nodes = known[part]
    return True


@pytest.mark.parametrize("name", dotted_names(PAGE))
def test_the_names_on_the_page_exist(name):
    owner, _, member = name.partition(".")
    if owner[0].isupper():  # `RenderRequest.recipe`: the page names its module elsewhere
        (full,) = (full for full in dotted_names(PAGE) if full.endswith(f".{owner}"))
        name = f"{full}.{member}"
    assert exists(name)


def test_names_that_do_not_exist_are_found():
    assert len(dotted_names(PAGE)) > 60
    for name in ("jobs.runner", "jobs.run.Walker", "jobs.run.Runner.walk", "nowhere.run.Runner"):
        assert not exists(name)
    for name in ("dreamsound_bridge.actions.fly", "dreamsound_reaper.plan.Plan"):
        assert not exists(name)
    for name in ("cli.COMMANDS", "dream.records.RawDream.close", "dsp.mask", "cli.main"):
        assert exists(name)


@pytest.mark.parametrize(
    ("title", "package"),
    [
        ("The engine", "dreamsound_studio"),
        ("The desktop app", "dreamsound_desktop"),
        ("The bridge to REAPER", "dreamsound_reaper"),
    ],
)
def test_the_tables_list_the_rooms_of_the_contracts_from_the_top_down(title, package):
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    floors = architecture.read_architecture().floors[package]
    assert listed == [room for floor in floors for room in floor.rooms]


# ---------------------------------------------------------------- the drawing


def test_the_drawing_matches_the_contracts(capsys):
    assert architecture.main([]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '"glue | shared_job | take_note | take_plan"',
            '"glue : shared_job | take_note | take_plan"',
        ),
        ('"plan",\n    "parts"', '"parts",\n    "plan"'),
        ('    "facts",\n', '    "facts",\n    "cellar",\n'),
        ('"dreamsound_studio.dsp.resample -> tensorflow"', '"dreamsound_studio.audio.cut -> h5py"'),
        ('exhaustive_ignores = ["api"', 'exhaustive_ignores = ["attic", "api"'),
        ('    "dreamsound_desktop.analysis",\n', ""),
    ],
)
def test_another_contract_needs_another_drawing(before, after, tmp_path, capsys):
    contracts, drawing = tmp_path / "pyproject.toml", tmp_path / "drawing.svg"
    drawing.write_bytes(architecture.DRAWING.read_bytes())
    text = architecture.CONTRACTS.read_text(encoding="utf-8")
    assert before in text
    contracts.write_text(text.replace(before, after), encoding="utf-8")
    words = ["--contracts", str(contracts), "--drawing", str(drawing)]
    assert architecture.main(words) == 1
    assert "run python checks/architecture.py --write" in capsys.readouterr().out
    assert architecture.main([*words, "--write"]) == 0
    assert architecture.main(words) == 0
    assert drawing.read_bytes() != architecture.DRAWING.read_bytes()


def test_a_package_without_floors_is_refused(tmp_path):
    contracts = tmp_path / "pyproject.toml"
    text = architecture.CONTRACTS.read_text(encoding="utf-8")
    contracts.write_text(
        text.replace('containers = ["dreamsound_reaper"]', 'containers = ["other"]'),
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match="no layers contract for dreamsound_reaper"):
        architecture.read_architecture(contracts)


def rooms_drawn() -> list[tuple[float, float, float, float]]:
    svg = "{http://www.w3.org/2000/svg}"
    root = ET.fromstring(architecture.DRAWING.read_text(encoding="utf-8"))
    return [
        tuple(float(box.get(key)) for key in ("x", "y", "width", "height"))
        for box in root.iter(f"{svg}rect")
        if box.get("class") == "room"
    ]


def test_rooms_lie_within_the_sheet_and_do_not_overlap():
    rooms = rooms_drawn()
    assert len(rooms) > 30
    for number, (x, y, width, height) in enumerate(rooms):
        assert x > 0
        assert x + width < architecture.WIDTH
        for other_x, other_y, other_width, other_height in rooms[:number]:
            apart = x >= other_x + other_width or other_x >= x + width
            assert apart or y >= other_y + other_height or other_y >= y + height


def test_every_room_is_named_once_in_its_package():
    text = architecture.DRAWING.read_text(encoding="utf-8")
    drawn = re.findall(r'class="name"[^>]*>(\w+)<', text)
    floors = architecture.read_architecture().floors
    expected = [room for package in floors.values() for floor in package for room in floor.rooms]
    assert sorted(drawn) == sorted(expected)
