"""The parts of the bridge in Lua that need no REAPER: JSON and command lines."""

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SCRIPTS = Path(__file__).resolve().parents[2] / "reaper" / "scripts" / "DreamSound"
LUA = SCRIPTS / "dreamsound_bridge_lua"
#: REAPER 6 has the first, REAPER 7 the second.
PROGRAMS = [program for program in map(shutil.which, ("lua5.3", "lua5.4")) if program]
pytestmark = pytest.mark.skipif(not PROGRAMS, reason="needs lua5.4")

HARNESS = """
local use
local loaded = {}
function use(name)
  loaded[name] = loaded[name] or assert(loadfile(arg[1] .. "/" .. name .. ".lua"))(use, ".")
  return loaded[name]
end
reaper = {}
"""


def lua(program: str, folder: Path, argument: str = "") -> str:
    """Run a program under each Lua on a text, `given`; return what it prints."""
    (folder / "given").write_bytes(argument.encode("utf-8", "surrogateescape"))
    (folder / "program.lua").write_text(
        HARNESS + 'local given = io.open(arg[2], "rb"):read("a")\n' + program, "utf-8"
    )
    report = set()
    for lua_program in PROGRAMS:
        done = subprocess.run(
            [lua_program, str(folder / "program.lua"), str(LUA), str(folder / "given")],
            capture_output=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr.decode()
        report.add(done.stdout.decode())
    assert len(report) == 1
    return report.pop()


# -- JSON -------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
AGAIN = 'local json = use("json") io.write(assert(json.encode(assert(json.decode(given)))))'


@settings(max_examples=12, deadline=None)
@given(st.lists(values, min_size=20, max_size=40), st.booleans())
def test_a_value_comes_back_the_same(tmp_path_factory, value, in_ascii):
    folder = tmp_path_factory.mktemp("json")
    report = lua(AGAIN, folder, json.dumps(value, ensure_ascii=in_ascii))
    assert report.isascii()
    assert "\n" not in report
    assert json.loads(report) == value
    assert [type(one) for one in json.loads(report)] == [type(one) for one in value]


def test_a_line_of_settings_is_the_same_in_both_languages(tmp_path):
    chosen = {"preset": "Größe", "recipe": {"steps": 10, "strength": 0.05, "a": []}, "out": None}
    report = lua(
        'local json = use("json") io.write(use("settings").as_line(json.decode(given)))',
        tmp_path,
        json.dumps(chosen),
    )
    assert report == json.dumps(chosen, sort_keys=True)


REFUSED = [
    "",
    " ",
    "[1,]",
    "{,}",
    '{"a"}',
    '{"a":}',
    "{a:1}",
    "nul",
    "nulll",
    "truefalse",
    "01",
    "1.",
    ".5",
    "+1",
    "-",
    "1e",
    "1e999",
    "NaN",
    "Infinity",
    "'a'",
    '"a',
    '"\\x41"',
    '"\\u12g4"',
    '"\\ud800"',
    '"\\udc00"',
    '"\\ud800\\u0041"',
    '"a\nb"',
    '"\t"',
    "[1 2]",
    "[1] 2",
    "{} x",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "\ufeff1",
    '"\udcff"',
    "// a\n1",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_json_is_refused_with_a_reason(text, tmp_path):
    report = lua(
        'local value, why = use("json").decode(given) io.write(tostring(value), "|", why)',
        tmp_path,
        text,
    )
    assert report.startswith("nil|")
    assert len(report) > len("nil|") + 5


def test_what_is_not_a_json_value_is_not_written(tmp_path):
    report = lua(
        """
        local json = use("json")
        local loop = {}
        loop.inner = loop
        local bad = {0/0, math.huge, -math.huge, print, {1}, {[{}] = 1}, "\\xff", loop}
        bad[9] = json.array{print}
        for place = 1, 9 do
          local text, why = json.encode(bad[place])
          print(text, #why > 5)
        end
        print(json.encode({}), json.encode(json.array()), json.encode(json.null), json.encode(1.0))
        """,
        tmp_path,
    ).splitlines()
    assert report[:-1] == ["nil\ttrue"] * 9
    assert report[-1] == "{}\t[]\tnull\t1.0"


def test_names_come_in_the_order_of_the_text(tmp_path):
    report = lua(
        """
        local json = use("json")
        local object = json.decode(given)
        object.b = nil
        object.new = 1
        io.write(table.concat(json.names(object), " "))
        """,
        tmp_path,
        '{"z": 1, "b": 2, "a": 3, "z": 4}',
    )
    assert report == "z a new"


# -- command lines ----------------------------------------------------------------------------


def split_windows(line: str) -> list[str]:
    """Split as Windows' own programs do: 2n backslashes before a mark are n, and it counts."""
    words, word, is_open, at, is_word = [], "", False, 0, False
    while at < len(line):
        slashes = re.match(r"\\*", line[at:])[0]
        at += len(slashes)
        mark = line[at : at + 1] == '"'
        if slashes and mark:
            word += "\\" * (len(slashes) // 2)
            if len(slashes) % 2:
                word, at = word + '"', at + 1
            continue
        if slashes:
            word, is_word = word + slashes, True
            continue
        char = line[at]
        at += 1
        if char == '"':
            is_open, is_word = not is_open, True
        elif char == " " and not is_open:
            if is_word:
                words.append(word)
            word, is_word = "", False
        else:
            word, is_word = word + char, True
    return words + ([word] if is_word else [])


def split_elsewhere(line: str) -> list[str]:
    return [
        re.sub(r'\\(["\\])', r"\1", word) if word.endswith("\\\\") else word.replace('\\"', '"')
        for word in re.findall(r'"((?:[^"\\]|\\.)*)"(?: |$)', line)
    ]


WORDS = [
    "C:\\Program Files\\DreamSound\\",
    "submit",
    "",
    "Größe 東京",
    "a\\\\",
    "--window",
    "%PATH% & ^",
]


def quoted(words: list[str], is_windows: bool, folder: Path) -> str:
    return lua(
        f"""
        local json, runs = use("json"), use("runs")
        io.write(runs.command_line(json.decode(given), {str(is_windows).lower()}))
        """,
        folder,
        json.dumps(words),
    )


def test_a_command_line_is_split_as_it_was_meant_on_windows(tmp_path):
    assert split_windows(quoted(WORDS, True, tmp_path)) == WORDS


def test_a_command_line_is_split_as_it_was_meant_elsewhere(tmp_path):
    words = ['/opt/it\'s a "folder"/dreamsound', "submit", "Größe 東京", "$HOME `x` ; #"]
    assert split_elsewhere(quoted(words, False, tmp_path)) == words


def test_what_windows_cannot_pass_is_refused(tmp_path):
    report = lua(
        """
        local runs, api = use("runs"), use("api")
        local fine, why = pcall(runs.command_line, {'a"b'}, true)
        print(fine, api.is_failed(why), why)
        """,
        tmp_path,
    )
    assert report == 'false\ttrue\tcannot pass this to a program: a"b\n'


def test_a_program_gets_its_words_as_they_are(tmp_path):
    report = lua(
        """
        local runs, api = use("runs"), use("api")
        reaper.file_exists = function(path) return path == "/bin/program" end
        reaper.ExecProcess = function(line, wait) print(line, wait) end
        local bridge = {engine = {"/bin/program", "-m", "dreamsound_studio"}, runs = "/runs"}
        runs.start_engine(bridge, "/runs/1", true)
        runs.start_engine(bridge, "/runs/1", false)
        runs.start_program({"on the path"})
        print(select(2, pcall(runs.start_program, {"/bin/other"})))
        print(#bridge.engine)
        """,
        tmp_path,
    ).splitlines()
    submit = '"/bin/program" "-m" "dreamsound_studio" "submit" "/runs/1" "--runs" "/runs"'
    assert report == [
        f'{submit} "--window"\t-2',
        f"{submit}\t-2",
        '"on the path"\t-2',
        "program not found: /bin/other",
        "3",
    ]


def test_a_number_is_finite_and_short(tmp_path):
    numbers = [0.1, 1e-7, 1 / 3, 44100.0, 2.0**53, 5e-324, 1.7976931348623157e308, -0.0]
    report = json.loads(lua(AGAIN, tmp_path, json.dumps(numbers)))
    assert report == numbers
    assert math.copysign(1, report[-1]) == -1


# -- Windows, by simulation -------------------------------------------------------------------

WINDOWS = """
package.config = "\\\\\\n;\\n?\\n!\\n-\\n"
local runs, api = use("runs"), use("api")
"""


def test_paths_on_windows(tmp_path):
    report = lua(
        WINDOWS
        + """
        print(runs.join("C:\\\\runs", "a"), runs.join("C:\\\\", "a"), runs.join("C:/runs/", "a"))
        local name = runs.base_name
        print(name("C:\\\\x\\\\a b.rpp"), name("C:/x/y.rpp"), name(""))
        """,
        tmp_path,
    )
    assert report == "C:\\runs\\a\tC:\\a\tC:/runs/a\na b.rpp\ty.rpp\t\n"


def test_a_file_is_written_whole_where_nothing_is_renamed_over_a_file(tmp_path):
    report = lua(
        WINDOWS
        + """
        local rename, calls = os.rename, 0
        os.rename = function(from, to)
          calls = calls + 1
          local file = io.open(to, "rb")
          if file then
            file:close()
            return nil, "it exists"
          end
          return rename(from, to)
        end
        local path = arg[2] .. ".new"
        os.remove(path)
        runs.write(path, "one")
        runs.write(path, "zwei größer\\n")
        print(calls, io.open(path, "rb"):read("a"))
        print(io.open(path .. ".partial", "rb"))
        local fine, why = pcall(runs.write, arg[2] .. "/no/folder", "")
        print(fine, api.is_failed(why))
        """,
        tmp_path,
    )
    assert report.startswith("3\tzwei größer\n\nnil\t")
    assert report.endswith("false\ttrue\n")


def test_only_one_takes_a_run(tmp_path):
    report = lua(
        """
        local runs = use("runs")
        function reaper.file_exists(path) return io.open(path, "rb") ~= nil end
        local place = arg[2] .. "-run"
        os.execute("rm -rf " .. place .. " && mkdir " .. place)
        print(runs.claim(place))
        runs.write(place .. "/run.json", "{}")
        print(runs.claim(place), runs.claim(place))
        runs.write(place .. "/run.json", "{}")
        print(runs.claim(place))
        """,
        tmp_path,
    )
    assert report == "false\ntrue\tfalse\nfalse\n"
