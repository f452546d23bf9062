"""What the files of the bridge in Lua may hold, and that they say the same as those in Python."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "reaper" / "scripts" / "DreamSound"
PYTHON, LUA = SCRIPTS / "dreamsound_bridge", SCRIPTS / "dreamsound_bridge_lua"
FILES = [*sorted(LUA.glob("*.lua")), *sorted(SCRIPTS.glob("DreamSound_*.lua"))]
COMPILER = shutil.which("luac5.4")
#: What every Lua has, and what REAPER adds.
KNOWN = {"assert", "debug", "error", "getmetatable", "io", "ipairs", "loadfile", "math", "next"}
KNOWN |= {"os", "package", "pairs", "pcall", "rawget", "select", "setmetatable", "string", "table"}
KNOWN |= {"tonumber", "tostring", "type", "utf8", "xpcall", "_G", "reaper", "gfx"}
#: Modules with another name in Lua.
OTHER_FILES = {"__init__": "init"}
#: Lua's other names: a local function cannot be called like the variables beside it.
OTHER_NAMES = {
    "api": {"ask_when_free": "may_ask"},  # a menu of Lua's asks too
    "insert": {
        "_items": "items_of",
        "_take": "take_of",
        "_tracks": "tracks_of",
        "_found": "found_of",
        "_add": "add_take",
    },
}
#: What Lua has no need of.
WITHOUT = {
    "api": {"is_null", "_or_none"},  # NULL is nil
    "insert": {"__init__"},
    "runs": {"__init__"},
    "actions": {"look"},  # functions inside of others, which have no name in Lua
    "watching": {"build"},
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_lua_and_leaks_no_name(path):
    if COMPILER is None:
        pytest.skip("needs luac5.4")
    listing = subprocess.run(
        [COMPILER, "-l", "-p", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert not re.findall(r"SETTABUP.*_ENV.*", listing)
    assert set(re.findall(r'GETTABUP.*_ENV "(\w+)"', listing)) <= KNOWN


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_starts_no_shell_and_is_short(path):
    text = path.read_text("utf-8")
    assert not re.search(r"os\.execute|io\.popen|os\.tmpname|loadstring|\bload\(|os\.exit", text)
    assert len(text.splitlines()) <= 300
    assert max(map(len, text.splitlines())) <= 110
    assert "\t" not in text


def test_one_place_calls_reaper():
    callers = {
        path.name for path in LUA.glob("*.lua") if re.search(r"\breaper\.", path.read_text())
    }
    assert callers == {"api.lua", "making.lua", "program.lua"}
    with_gfx = {path.name for path in LUA.glob("*.lua") if re.search(r"\bgfx\.", path.read_text())}
    assert with_gfx == {"program.lua"}


def functions_of_python(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }


def functions_of_lua(module: str) -> set[str]:
    text = (LUA / f"{OTHER_FILES.get(module, module)}.lua").read_text("utf-8")
    return set(re.findall(r"function (?:\w+[.:])?(\w+)\(", text))


@pytest.mark.parametrize("module", sorted(path.stem for path in PYTHON.glob("*.py")))
def test_each_function_has_its_twin(module):
    others = OTHER_NAMES.get(module, {})
    wanted = {
        others.get(name, name.removeprefix("_"))
        for name in functions_of_python(PYTHON / f"{module}.py")
        if name not in WITHOUT.get(module, set())
    }
    assert wanted <= functions_of_lua(module)


def test_the_actions_are_the_same():
    for path in sorted(SCRIPTS.glob("DreamSound_*.py")):
        twin = path.with_suffix(".lua").read_text("utf-8")
        action = re.search(r'start\("([^"]+)"', path.read_text("utf-8"))[1]
        assert f'bridge.start("{action}"' in twin
        said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        assert f"\n--- {said}\n" in twin
    listed = (LUA / "actions.lua").read_text("utf-8")
    in_python = (PYTHON / "actions.py").read_text("utf-8")
    assert re.findall(r'\["([a-z ]+)"\] = \w+\.', listed) == re.findall(
        r'^    "([a-z ]+)": [\w.]+,$', in_python, re.M
    )
    assert len(list(SCRIPTS.glob("DreamSound_*.lua"))) == len(list(SCRIPTS.glob("DreamSound_*.py")))
    preset = SCRIPTS / "DreamSound_Dream selected items with preset.lua"
    assert preset.read_text("utf-8").count("\nlocal PRESET = nil\n") == 1


def constants(text: str, names: list[str]) -> dict[str, str]:
    return {name: re.search(rf"{name}\b.*?= ?([\d.]+)", text)[1] for name in names}


def test_the_constants_are_the_same():
    names = ["UNWATCHED_S", "MOST_STARTS", "PEAKS_S", "DOCTOR_S"]
    in_lua, in_python = (
        "".join((folder / f"{part}{end}").read_text("utf-8") for part in ("actions", "watching"))
        for folder, end in ((LUA, ".lua"), (PYTHON, ".py"))
    )
    assert constants(in_lua, names) == constants(in_python, names)
    three = r"LOOK_S, \w+\.?FIRST_S, \w+\.?BEAT_S = ([\d., ]+)"
    python = re.search(r"LOOK_S, FIRST_S, BEAT_S = ([\d., ]+)", (PYTHON / "runs.py").read_text())[1]
    assert re.search(three, (LUA / "runs.lua").read_text())[1] == python
    keys = re.findall(r'"([A-Z]_[A-Z]+)",', (PYTHON / "facts.py").read_text("utf-8"))
    assert re.findall(r'"([A-Z]_[A-Z]+)",', (LUA / "facts.lua").read_text("utf-8")) == keys
