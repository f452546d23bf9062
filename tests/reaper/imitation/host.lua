-- A script in REAPER: the table `reaper` asks whoever has started this, a line of JSON each.

local script = arg[1]
local out, input = io.stdout, io.stdin
out:setvbuf("full")

-- JSON, as much as goes over the pipes ---------------------------------------------------------

local escapes = {['"'] = '\\"', ["\\"] = "\\\\"}

local function encoded(value)
  local kind = type(value)
  if kind == "string" then
    return '"' .. value:gsub('[%c"\\\127]', function(letter)
      return escapes[letter] or string.format("\\u%04x", letter:byte())
    end) .. '"'
  elseif kind == "number" then
    if math.type(value) == "integer" then return tostring(value) end
    return string.format("%.17g", value) .. (value == math.floor(value) and ".0" or "")
  elseif kind == "boolean" then
    return tostring(value)
  elseif kind == "userdata" or kind == "table" then
    local meta = getmetatable(value)
    return string.format('{"kind": "%s", "address": %d}', meta.kind, meta.address)
  end
  return "null"
end

local function decoded(text)
  local at = 1
  local value
  local function space() at = text:find("%S", at) end
  local function string_()
    local parts = {}
    at = at + 1
    while true do
      local stop = text:find('["\\]', at)
      parts[#parts + 1] = text:sub(at, stop - 1)
      if text:sub(stop, stop) == '"' then at = stop + 1 break end
      local letter = text:sub(stop + 1, stop + 1)
      if letter == "u" then
        local code = tonumber(text:sub(stop + 2, stop + 5), 16)
        at = stop + 6
        if code >= 0xD800 and code < 0xDC00 then
          local low = tonumber(text:sub(at + 2, at + 5), 16)
          code = 0x10000 + (code - 0xD800) * 0x400 + low - 0xDC00
          at = at + 6
        end
        parts[#parts + 1] = utf8.char(code)
      else
        parts[#parts + 1] = ({n = "\n", t = "\t", r = "\r", b = "\b", f = "\f"})[letter] or letter
        at = stop + 2
      end
    end
    return table.concat(parts)
  end
  function value()
    space()
    local letter = text:sub(at, at)
    if letter == '"' then return string_() end
    if letter == "{" then
      local found = {}
      at = at + 1
      space()
      while text:sub(at, at) ~= "}" do
        space()
        local key = string_()
        space()
        at = at + 1
        found[key] = value()
        space()
        if text:sub(at, at) == "," then at = at + 1 space() end
      end
      at = at + 1
      return found
    end
    if letter == "[" then
      local found = {n = 0}
      at = at + 1
      space()
      while text:sub(at, at) ~= "]" do
        found.n = found.n + 1
        found[found.n] = value()
        space()
        if text:sub(at, at) == "," then at = at + 1 space() end
      end
      at = at + 1
      return found
    end
    local word = text:match("^[%w%.%+%-]+", at)
    at = at + #word
    if word == "true" then return true end
    if word == "false" then return false end
    if word == "null" then return nil end
    if word == "Infinity" or word == "NaN" then error("no number: " .. word) end
    return math.tointeger(word) or tonumber(word)
  end
  return value()
end

-- Pointers: values of their own, the same for the same thing ------------------------------------

local pointers = {}

local function pointer(spec)
  local key = spec.kind .. spec.address
  if not pointers[key] then
    pointers[key] = setmetatable({}, {
      kind = spec.kind,
      address = spec.address,
      __name = spec.kind:gsub("%*", ""),
      __tostring = function() return string.format("userdata: 0x%016x", spec.address) end,
      __index = function() error("attempt to index a userdata value") end,
      __newindex = function() error("attempt to index a userdata value") end,
    })
  end
  return pointers[key]
end

local plain_type = type
local function is_pointer(value)
  local meta = plain_type(value) == "table" and getmetatable(value)
  return meta and rawget(meta, "address") ~= nil
end
type = function(value) return is_pointer(value) and "userdata" or plain_type(value) end

-- The table `reaper` ---------------------------------------------------------------------------

local function say(line)
  out:write(line, "\n")
  out:flush()
end

local waiting, at_exit = {}, {}
local own = {}

function own.defer(call)
  if plain_type(call) ~= "function" then
    error("bad argument #1 to 'defer' (function expected)", 2)
  end
  waiting[#waiting + 1] = call
end
own.runloop = own.defer

function own.atexit(call) at_exit[#at_exit + 1] = call end

function own.get_action_context()
  return false, script, 0, 53000, -1, -1, -1
end

function own.set_action_options() end

local lacks = {}
for name in (arg[2] or ""):gmatch("[^,]+") do lacks[name] = true end

reaper = setmetatable({}, {
  __index = function(_, name)
    if lacks[name] then return nil end
    if own[name] then return own[name] end
    return function(...)
      local given = table.pack(...)
      local parts = {}
      for place = 1, given.n do parts[place] = encoded(given[place]) end
      say(string.format('{"call": %s, "with": [%s], "count": %d}', encoded(name),
        table.concat(parts, ", "), given.n))
      local answer = decoded(input:read("L"))
      if answer.error then error(answer.error, 2) end
      local found = answer.is
      for place = 1, found.n do
        if plain_type(found[place]) == "table" then found[place] = pointer(found[place]) end
      end
      return table.unpack(found, 1, found.n)
    end
  end,
})
-- In REAPER the table is a plain one.
local plain_rawget = rawget
rawget = function(from, key)
  if from == reaper then return reaper[key] end
  return plain_rawget(from, key)
end
io.stdout = nil
print = function(...) io.stderr:write("print: ", ..., "\n") end

-- Running --------------------------------------------------------------------------------------

local function protected(call)
  local ok, problem = xpcall(call, debug.traceback)
  if not ok then io.stderr:write(problem, "\n") end
end

arg = nil
protected(function() assert(loadfile(script))() end)
while true do
  if #waiting == 0 then
    for _, call in ipairs(at_exit) do protected(call) end
    say('{"returned": false}')
    break
  end
  say('{"returned": true}')
  if not input:read("L") then break end
  local now = waiting
  waiting = {}
  for _, call in ipairs(now) do protected(call) end
end
