"""A small REAPER in Lua for the bridge in Lua: strict about names, arguments, pointers and globals.

`play` lets a scenario, a text in Lua, act on it. The engine is a program of a few lines in Python,
which REAPER starts by the command line that the bridge has written.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "reaper" / "scripts" / "DreamSound"
FACTS = Path(__file__).resolve().parent / "imitation" / "api_facts.json"
LUA = shutil.which("lua5.4")
needs_lua = pytest.mark.skipif(LUA is None, reason="needs lua5.4")

HOST = r"""
local FOLDER, FACTS, SCENARIO, WORK = arg[1], arg[2], arg[3], arg[4]
local json = assert(loadfile(FOLDER .. "/dreamsound_bridge_lua/json.lua"))()
local host = { clock = 0, queue = {}, at_exit = {}, messages = {}, commands = {}, memory = {},
  answers = {},
  projects = {}, engine_runs = true, guids = 0, depth = 0, quiet = 0, steps = {}, calls = {},
    json = json,
  refuses_sources = false, broken = {}, work = WORK, folder = FOLDER }

-- objects and what scripts see of them --------------------------------------------------------
local object_of, handle_of = {}, {}
local function handle(object)
  if object == nil then return nil end
  if not handle_of[object] then
    local opaque = setmetatable({}, { __index = function() error("a pointer is opaque") end,
      __newindex = function() error("a pointer is opaque") end, __metatable = false,
      __tostring = function() return "userdata: " .. object.kind .. object.number end })
    handle_of[object], object_of[opaque] = opaque, object
  end
  return handle_of[object]
end
host.handle = handle
local function guid()
  host.guids = host.guids + 1
  return string.format("{%08X-0000-4000-8000-%012X}", host.guids * 2654435761 % 2^32 // 1 | 0,
    host.guids)
end
local function object(kind, fields)
  fields.kind, fields.number, fields.alive = kind, host.guids + 1, true
  fields.guid = guid()
  return fields
end
function host.project(path)
  local made = object("ReaProject*", { path = path, record = WORK .. "/Media", ext = {},
    tracks = {}, cursor = 1.5 })
  host.projects[#host.projects + 1] = made
  host.active = host.active or made
  return made
end
function host.track(project, name, at)
  local made = object("MediaTrack*", { project = project, name = name, items = {} })
  table.insert(project.tracks, at or #project.tracks + 1, made)
  return made
end
function host.source(file, more)
  local made = object("PCM_source*", { file = file, type = "WAVE", length = 2.5, rate = 44100,
    channels = 2 })
  for key, value in pairs(more or {}) do made[key] = value end
  return made
end
function host.item(track, source, selected)
  local made = object("MediaItem*", { track = track, values = { D_POSITION = 1.0,
    D_LENGTH = 2.0, B_LOOPSRC = 1.0,
    C_LOCK = 0.0, B_MUTE = 0.0, B_ALLTAKESPLAY = 0.0,
    D_VOL = 1.0, D_FADEINLEN = 0.01, D_FADEINLEN_AUTO = -1.0,
      D_FADEOUTLEN = 0.01,
    D_FADEOUTLEN_AUTO = 0.25 }, takes = {}, selected = selected ~= false, current = 1 })
  table.insert(track.items, made)
  if source then host.take(made, source) end
  return made
end
function host.take(item, source)
  local made = object("MediaItem_Take*", { item = item, source = source, name = source
    and "take" or "", ext = "",
    values = { D_STARTOFFS = 0.0, D_PLAYRATE = 1.0, D_PITCH = 0.0, B_PPITCH = 1.0,
      I_PITCHMODE = -1.0,
      I_STRETCHFLAGS = 0.0, F_STRETCHFADESIZE = 0.0025, D_VOL = 1.0, D_PAN = 0.0,
        D_PANLAW = -1.0, I_CHANMODE = 0.0,
      I_CUSTOMCOLOR = 0.0 }, markers = {}, order = {} })
  table.insert(item.takes, made)
  return made
end
function host.items(project)
  local found = {}
  for _, track in ipairs(project.tracks) do
    for _, item in ipairs(track.items) do found[#found + 1] = item end
  end
  return found
end
function host.remove(list, one)
  for place, other in ipairs(list) do
    if other == one then table.remove(list, place) end
  end
  one.alive = false
end

-- a project as text, and undo -----------------------------------------------------------------
local function plain(value, seen)
  if type(value) ~= "table" then return value end
  if value.kind == "PCM_source*" then return "source of " .. value.file end
  local copy = {}
  for key, one in pairs(value) do
    if key ~= "project" and key ~= "track" and key ~= "item" then
      copy[tostring(key)] = plain(one) end
  end
  return copy
end
function host.saved(project) return assert(json.encode(plain(project))) end

-- reaper --------------------------------------------------------------------------------------
local api = {}
local function proj(given) return given == 0 and host.active or given end
function api.EnumProjects(index)
  local found = index == -1 and host.active or host.projects[index + 1]
  if found then return handle(found), found.path end
end
function api.GetProjectPathEx(project) return proj(project).record end
function api.GetSetProjectInfo(_, key) return ({ PROJECT_SRATE_USE = 1.0,
  PROJECT_SRATE = 48000.0 })[key] end
function api.GetProjExtState(project, name, key)
  local text = proj(project).ext[name .. key] or ""
  return #text, text
end
function api.SetProjExtState(project, name, key,
  text) proj(project).ext[name .. key] = text return 1 end
local function selected(project)
  local found = {}
  for _, item in ipairs(host.items(project)) do
    if item.selected then found[#found + 1] = item end
  end
  return found
end
function api.CountSelectedMediaItems(project) return #selected(proj(project)) end
function api.GetSelectedMediaItem(project, n) return handle(selected(proj(project))[n + 1]) end
function api.CountMediaItems(project) return #host.items(proj(project)) end
function api.GetMediaItem(project, n) return handle(host.items(proj(project))[n + 1]) end
local function text_of(one, key, text, is_set)
  local field = ({ GUID = "guid", P_NAME = "name", ["P_EXT:DreamSound"] = "ext" })[key]
    or error("no text " .. key)
  if is_set then one[field] = text end
  return true, one[field]
end
api.GetSetMediaItemInfo_String, api.GetSetMediaTrackInfo_String = text_of, text_of
api.GetSetMediaItemTakeInfo_String = text_of
local function value_of(one, key) return one.values[key] or error("no value " .. key) end
api.GetMediaItemInfo_Value, api.GetMediaItemTakeInfo_Value = value_of, value_of
local function set_value(one, key, value)
  if host.broken[key] then return false end
  if one.values[key] == nil then return false end
  one.values[key] = value
  if one.order then table.insert(one.order, key) end
  return true
end
api.SetMediaItemInfo_Value, api.SetMediaItemTakeInfo_Value = set_value, set_value
function api.GetMediaItem_Track(item) return handle(item.track) end
local function number_of(track)
  for place, one in ipairs(track.project.tracks) do
    if one == track then return place end
  end
end
function api.SetMediaTrackInfo_Value(track, key, value) track[key] = value return true end
function api.DeleteTrack(track) host.remove(track.project.tracks, track) end
function api.DeleteTrackMediaItem(track, item) host.remove(track.items, item) return true end
function api.GetMediaTrackInfo_Value(track, key)
  if key == "I_FOLDERDEPTH" then return track[key] or 0.0 end
  assert(key == "IP_TRACKNUMBER")
  return number_of(track) + 0.0 end
function api.CountTracks(project) return #proj(project).tracks end
function api.GetTrack(project, n) return handle(proj(project).tracks[n + 1]) end
function api.GetActiveTake(item) return handle(item.takes[item.current]) end
function api.CountTakes(item) return #item.takes end
function api.GetTake(item, n) return handle(item.takes[n + 1]) end
function api.ColorToNative(r, g, b) return r | g << 8 | b << 16 end
function api.TakeIsMIDI() return false end
function api.GetTakeName(take) return take.name end
function api.GetTakeNumStretchMarkers(take) return #take.markers end
function api.GetTakeStretchMarker(take, n) return n, take.markers[n + 1][1],
  take.markers[n + 1][2] end
function api.GetTakeStretchMarkerSlope(take, n) return take.markers[n + 1][3] end
function api.SetTakeStretchMarker(take, n, at, source_at)
  assert(n == -1)
  table.insert(take.markers, { at, source_at, 0.0 })
  return #take.markers - 1
end
function api.SetTakeStretchMarkerSlope(take, n, slope)
  take.markers[n + 1][3] = slope return true end
function api.CountTakeEnvelopes() return 0 end
function api.TakeFX_GetCount() return 0 end
function api.SetActiveTake(take)
  for place, one in ipairs(take.item.takes) do
    if one == take then take.item.current = place end
  end
end
function api.GetMediaItemTake_Source(take) return handle(take.source) end
function api.GetMediaSourceLength(source) return source.length, false end
function api.PCM_Source_GetSectionInfo(source)
  local part = source.section
  if part then return true, part[1], part[2], part[3] end
  return false, 0.0, 0.0, false
end
function api.GetMediaSourceType(source) return source.type end
function api.GetMediaSourceSampleRate(source) return source.rate end
function api.GetMediaSourceNumChannels(source) return source.channels end
function api.GetMediaSourceFileName(source) return source.file end
function api.GetMediaSourceParent(source) return handle(source.parent) end
function api.PCM_Source_CreateFromFile(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  file:close()
  return handle(host.source(path, { left = 3 }))
end
function api.PCM_Source_BuildPeaks(source, mode)
  if mode == 0 then return source.left or 0 end
  if mode == 2 then source.done = true return 0 end
  source.left = source.left - 1
  host.clock = host.clock + 0.004
  return source.left
end
function api.AddTakeToMediaItem(item) return handle(host.take(item, nil)) end
function api.SetMediaItemTake_Source(take, source)
  if host.refuses_sources then return false end
  take.source = host.spoils_sources and host.source("") or source
  return true
end
function api.SelectAllMediaItems(project, value)
  for _, item in ipairs(host.items(proj(project))) do item.selected = value end
end
function api.SetMediaItemSelected(item, value) item.selected = value end
function api.GetCursorPositionEx(project) return proj(project).cursor end
function api.SetEditCurPos2(project, at) proj(project).cursor = at end
function api.GetSet_ArrangeView2() return 0.0, 60.0 end
function api.InsertMedia(path, mode)
  assert(mode == 3)
  host.active.cursor = host.active.cursor + 10
  for _, item in ipairs(selected(host.active)) do host.take(item, host.source(path)) end
  return 1
end
function api.Main_OnCommandEx(command, flag, project)
  assert(command == 40129)
  for _, item in ipairs(selected(proj(project))) do
    host.remove(item.takes, item.takes[item.current])
    item.current = 1
  end
end
function api.InsertTrackAtIndex(at) host.track(host.active, "", at + 1) end
function api.AddMediaItemToTrack(track)
  local item = host.item(track, nil, false)
  return handle(item)
end
function api.PreventUIRefresh(n) host.quiet = host.quiet + n end
function api.Undo_BeginBlock2(project)
  host.depth = host.depth + 1
  host.begun = host.saved(proj(project))
end
function api.Undo_EndBlock2(project, name)
  host.depth = host.depth - 1
  table.insert(host.steps, { name = name, before = host.begun, project = proj(project).path })
end
function api.UpdateArrange() end
function api.UpdateItemInProject() end
function api.ValidatePtr2(_, pointer, kind)
  local one = object_of[pointer]
  return one ~= nil and one.alive and one.kind == kind
end
function api.GetExtState(name, key) return host.memory[name .. " " .. key] or "" end
function api.SetExtState(name, key, text) assert(not text:find("\n"))
  host.memory[name .. " " .. key] = text end
function api.ShowConsoleMsg(text) table.insert(host.messages, (text:gsub("\n$", ""))) end
function api.GetNumTakeMarkers() return 0 end
function api.GetPlayStateEx(project) return proj(project).play_state or 0 end
function api.MB(text) table.insert(host.messages, text) return 1 end
function api.GetUserInputs(title, count, captions, values)
  host.asked = { title, count, captions, values }
  local answer = table.remove(host.answers, 1)
  if answer == nil then return false, values end
  return true, answer
end
function api.GetResourcePath() return WORK end
function api.GetAppVersion() return "7.08/linux-x86_64" end
function api.time_precise() return host.clock end
function api.genGuid() return guid() end
function api.GetMousePosition() return 10, 20 end
function api.file_exists(path)
  local file = io.open(path, "rb")
  local is_file = file ~= nil and file:read(0) ~= nil or file ~= nil and file:seek("end") == 0
  if file then file:close() end
  return is_file and true or false
end
local function shell(words)
  local quoted = {}
  for place, word in ipairs(words) do quoted[place] = "'" .. word:gsub("'", "'\\''") .. "'" end
  return table.concat(quoted, " ")
end
function api.RecursiveCreateDirectory(path) os.execute("mkdir -p " .. shell({ path }))
  return 1 end
local function listing(kind)
  local cache = {}
  return function(path, n)
    if n == -1 then cache[path] = nil return nil end
    if not cache[path] then
      cache[path] = {}
      local search = " 2>/dev/null && find . -mindepth 1 -maxdepth 1 -type " .. kind
      local pipe = io.popen("cd " .. shell({ path }) .. search)
      for line in pipe:lines() do table.insert(cache[path], line:sub(3)) end
      pipe:close()
    end
    return cache[path][n + 1]
  end
end
api.EnumerateFiles, api.EnumerateSubdirectories = listing("f"), listing("d")
function api.ExecProcess(line, wait)
  assert(wait == -2 or wait == -1)
  local words = {}
  for word in line:gmatch('"(.-[^\\])"') do words[#words + 1] = word:gsub('\\"', '"') end
  table.insert(host.commands, words)
  host.line = line
  if host.engine_runs then os.execute(shell(words)) end
  return "0"
end

-- strictness: a known name, as many arguments as the facts say, of their kinds, and alive ------
local facts = json.decode(io.open(FACTS, "rb"):read("a"))
local TYPES = { int = "number", float = "number", bool = "boolean", str_const = "string",
  str_buffer = "string" }
-- REAPER 6.24 takes a text as well.
local TEXT_TOO = { GetMediaSourceType = true, GetMediaSourceFileName = true,
  GetProjectPathEx = true }
local function checked(name, call)
  local wanted = {}
  for _, one in ipairs(facts[name].args) do
    local argument, kind = one:match("^(.-):(.*)$")
    local goes_in = argument:find("InOut") or not argument:find("Out")
    if goes_in and not argument:find("_sz$") then
      wanted[#wanted + 1] = kind end
  end
  return function(...)
    host.calls[name] = (host.calls[name] or 0) + 1
    local given = { ... }
    local is_exact = name ~= "genGuid" and not TEXT_TOO[name]
    if is_exact and select("#", ...) ~= #wanted then
      error(name .. " wants " .. #wanted .. " arguments, not " .. select("#", ...), 2)
    end
    for place, kind in ipairs(wanted) do
      local value, pointer = given[place], kind:match("^ptr:(.*)")
      if pointer == "ReaProject*" and value == 0 or pointer == "void*"
        or pointer == "GUID*" then
        goto next
      elseif pointer then
        local one = object_of[value]
        if one == nil or one.kind ~= pointer or not one.alive then
          error("bad argument #" .. place .. " to '" .. name .. "' (" .. pointer .. " expected)", 2)
        end
        given[place] = one
      elseif type(value) ~= (TYPES[kind] or (kind == "out_float" and "number")) then
        error(name .. ": argument " .. place .. " is a " .. type(value) .. ", not " .. kind, 2)
      end
      ::next::
    end
    return call(table.unpack(given, 1, #wanted))
  end
end
local reaper_table = {}
host.api = reaper_table
for name, call in pairs(api) do reaper_table[name] = checked(name, call) end
function reaper_table.defer(call) assert(type(call) == "function") table.insert(host.queue,
  call) end
function reaper_table.atexit(call) assert(type(call) == "function") table.insert(host.at_exit,
  call) end
function reaper_table.set_action_options(flags) host.options = flags end

-- scripts -------------------------------------------------------------------------------------
--- Run an action as REAPER does: in a world of its own, where new globals are an error.
function host.act(name)
  local path = FOLDER .. "/" .. name .. ".lua"
  local world = setmetatable({}, { __index = function(_, key) error("no global " .. key, 2) end,
    __newindex = function(_, key) error("a new global " .. key, 2) end })
  local function put(key, value) rawset(world, key, value) end
  for key, value in pairs(_G) do put(key, value) end
  for _, key in ipairs({ "arg", "dofile", "load", "require" }) do put(key, nil) end
  put("_G", world)
  put("gfx", host.gfx)
  put("os", { date = os.date, rename = os.rename, remove = os.remove })
  put("io", { open = io.open })
  put("loadfile", function(file) return loadfile(file, "t", world) end)
  local script = setmetatable({ get_action_context = function() return true, path, 0, 0, 0, 0,
    0 end },
    { __index = reaper_table })
  rawset(script, "PCM_Source_BuildPeaks", function(...)
    return reaper_table.PCM_Source_BuildPeaks(...)
  end)
  if host.options_known then rawset(script, "set_action_options",
    reaper_table.set_action_options) end
  put("reaper", setmetatable(script, { __index = function(_, key)
    return reaper_table[key] or error("no function reaper." .. key, 2)
  end }))
  assert(loadfile(path, "t", world))()
end
--- Let REAPER go on for some seconds.
function host.go(seconds)
  local stop = host.clock + seconds
  while host.clock < stop and #host.queue > 0 do
    host.clock = host.clock + 1 / 30
    local calls = host.queue
    host.queue = {}
    for _, call in ipairs(calls) do call() end
  end
end
--- End the scripts that run.
function host.stop()
  host.queue = {}
  for _, call in ipairs(host.at_exit) do call() end
  host.at_exit = {}
end
function host.report(report)
  assert(host.depth == 0 and host.quiet == 0, "a step is still open")
  report.messages = json.array(host.messages)
  local steps = json.array()
  for place, step in ipairs(host.steps) do steps[place] = step.name end
  report.steps, report.waiting = steps, #host.queue
  local commands = json.array()
  for place, words in ipairs(host.commands) do commands[place] = json.array(words) end
  report.commands = commands
  print(assert(json.encode(report)))
end
assert(loadfile(SCENARIO))(host)
"""

ENGINE = r"""
import json, os, pathlib, sys

words = sys.argv[1:]
if words[0] == "reaper":
    found = dict(zip(words[2::2], words[3::2]))
    pathlib.Path(found["--out"]).write_text(json.dumps({"lines": ["All is well: größer"]}), "utf-8")
    sys.exit()
run = pathlib.Path(words[1])
how = json.loads((pathlib.Path(__file__).parent / "how.json").read_text("utf-8"))
facts = json.loads((run / "facts.json").read_text("utf-8"))
beats = len(list(run.glob("beat*")))
(run / f"beat{beats}").touch()
media = pathlib.Path(facts["project"]["record_path"])
media.mkdir(parents=True, exist_ok=True)


def write(name, report):
    (run / "partial").write_text(json.dumps(report), "utf-8")
    os.replace(run / "partial", run / name)


def take(render, number):
    file = media / f"{run.name}-{number}-{render}.wav"
    if render not in how.get("missing", []):
        file.write_bytes(b"RIFF")
    return {
        "file": str(file),
        "render": render,
        "name": f"take ♪ {render}",
        "is_active": render == how.get("active", "dream"),
        "values": {"D_PLAYRATE": 1.5, "D_STARTOFFS": 0.25, "B_PPITCH": 0.0, "D_VOL": 0.5},
        "colour": [1, 2, 3] if render == "dream" else None,
        "ext": json.dumps({"render": render}),
        "stretch_markers": [[0.0, 0.5, 0], [1.0, 2.0, 0.1]],
    }


plan = {
    "schema_version": 1,
    "state": how.get("state", "done"),
    "undo": "DreamSound: dream of 2 items",
    "items": [],
    "tracks": [],
    "summary": how.get("summary", []),
    "settings": {"preset": "Größe", "recipe": {"steps": 3}},
}
for number, item in enumerate(facts["items"]):
    if item["guid"] == facts["target"]:
        continue
    takes = [take(render, number) for render in ("dream", "gradient", "hardcut")]
    label = f"item {number + 1}"
    if facts["settings"].get("placement"):
        values = {"D_POSITION": 3.0, "D_LENGTH": 1.5, "B_LOOPSRC": 0.0}
        entry = {"label": label, "values": values, "takes": takes}
        track = {"after": item["track"]["guid"], "name": "drums ♪ dream", "items": [entry]}
        plan["tracks"].append(track)
    elif item["take"] is not None:
        seen = {key: item["take"]["values"][key] for key in ("D_STARTOFFS", "D_PLAYRATE")}
        entry = {"item": item["guid"], "take": item["take"]["guid"], "label": label}
        plan["items"].append({**entry, "seen": seen, "takes": takes})
if plan["state"] != "done":
    plan["items"], plan["tracks"] = [], []
plan.update(how.get("plan", {}))
if how.get("is_slow") and not (run / "cancel").exists():
    write("status.json", {"state": "running", "text": "1 of 2 dreamed", "beat": beats})
elif not how.get("is_mute"):
    if not how.get("has_no_result"):
        write("result.json", plan)
    write("status.json", {"state": plan["state"], "share": 1.0, "text": "", "beat": beats + 1})
"""

#: Two items of two tracks, the second item a reversed part of a file.
TWO_ITEMS = """
local host = ...
local project = host.project(host.work .. "/a song.rpp")
local drums, bass = host.track(project, "drums"), host.track(project, "bass")
local one = host.item(drums, host.source("/x/drum's \\"loop\\".wav"))
local part = host.source("", {type = "SECTION", section = {0.5, 1.0, true}})
part.parent = host.source("/x/bass ö.wav")
local other = host.item(bass, part)
one.takes[1].markers = {{0.0, 0.1, 0.5}}
local before = host.saved(project)
local function last_settings() host.act("DreamSound_Dream selected items with last settings") end
"""


class Report(dict[str, Any]):
    """What a scenario reports, and where it was played."""

    folder: Path

    @property
    def runs(self) -> list[Path]:
        """The folders of all runs."""
        return sorted(path for path in (self.folder / "runs").glob("2*") if path.is_dir())

    def read(self, name: str, run: int = 0) -> dict[str, Any]:
        """Return a file of a run."""
        found: dict[str, Any] = json.loads((self.runs[run] / name).read_text("utf-8"))
        return found


def put_scripts(folder: Path, bridge: dict[str, Any], how: dict[str, Any]) -> Path:
    """Install the scripts in a folder; return where they are."""
    scripts = folder / "Scripts" / "DreamSound"
    if not scripts.exists():
        scripts.mkdir(parents=True)
        for path in SCRIPTS.glob("DreamSound_*.lua"):
            shutil.copy(path, scripts)
        shutil.copytree(SCRIPTS / "dreamsound_bridge_lua", scripts / "dreamsound_bridge_lua")
    (folder / "engine.py").write_text(ENGINE, "utf-8")
    (folder / "how.json").write_text(json.dumps(how), "utf-8")
    settings = {
        "schema_version": 1,
        "version": "0.1.0",
        "engine": [sys.executable, str(folder / "engine.py")],
        "studio": None,
        "presets": [str(folder / "presets")],
        "runs": str(folder / "runs"),
    }
    (scripts / "bridge.json").write_text(json.dumps({**settings, **bridge}), "utf-8")
    return scripts


def play(folder: Path, scenario: str, *, scene: str = TWO_ITEMS, **more: Any) -> Report:
    """Play a scenario.

    Parameters
    ----------
    folder : pathlib.Path
        Everything lies here.
    scenario : str
        In Lua; the end reports ``report``, a table.
    scene : str
        What is there at first.
    **more
        ``bridge``: fields of bridge.json; ``how``: how the engine goes about it.
    """
    scripts = put_scripts(folder, more.get("bridge", {}), more.get("how", {}))
    (folder / "host.lua").write_text(HOST, "utf-8")
    text = f"{scene}\nlocal report = {{}}\n{scenario}\nhost.report(report)\n"
    (folder / "scenario.lua").write_text(text, "utf-8")
    words = [LUA, folder / "host.lua", scripts, FACTS, folder / "scenario.lua", folder]
    done = subprocess.run(list(map(str, words)), capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr.decode()
    report = Report(json.loads(done.stdout.decode().splitlines()[-1]))
    report.folder = folder
    return report


BAD_CALLS = {
    "reaper.GetTake(nil, 0)": "MediaItem* expected",
    "reaper.CountTakes(reaper.EnumProjects(-1))": "wants 1 arguments, not 2",
    "reaper.CountTakes((reaper.EnumProjects(-1)))": "MediaItem* expected",
    "reaper.SetExtState('a', 'b', 1, false)": "is a number, not str_const",
    "reaper.NoSuchThing()": "no function reaper.NoSuchThing",
    "new_global = 1": "a new global new_global",
    "print(no_such_global)": "no global no_such_global",
    "local item = reaper.GetMediaItem(0, 0) print(item.name)": "a pointer is opaque",
    "os.execute('true')": "field 'execute'",
}


@needs_lua
@pytest.mark.parametrize(("call", "why"), BAD_CALLS.items())
def test_what_reaper_does_not_take_is_an_error(tmp_path, call, why):
    scripts = put_scripts(tmp_path, {}, {})
    (scripts / "bad.lua").write_text(call, "utf-8")
    report = play(tmp_path, 'report.fine, report.why = pcall(host.act, "bad")')
    assert report["fine"] is False
    assert why in report["why"]


@needs_lua
def test_a_pointer_to_what_is_gone_is_an_error(tmp_path):
    report = play(
        tmp_path,
        """
        local handle = host.handle(one)
        host.remove(drums.items, one)
        report.is_valid = host.api.ValidatePtr2(0, handle, "MediaItem*")
        report.fine = pcall(host.api.CountTakes, handle)
        """,
    )
    assert report["is_valid"] is False
    assert report["fine"] is False
