-- @noindex
--- Strict JSON (RFC 8259): invalid JSON or UTF-8 is an error, never guessed.
--
-- An array is a table made by `json.array`, an object is any other table; so `{}` and `[]` differ.
-- null is `json.null`, since a table cannot hold nil. Integers stay integers.

local json = {}

--- The value of null.
json.null = setmetatable({}, {
  __tostring = function()
    return "null"
  end,
})

local DEEPEST = 100 -- the longest chain of sources takes 40 levels
local ARRAY = {}
local written, read_value -- recursive
local SHORT = { ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
local LONG = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

--- Mark a table as an array.
-- @param items table or nil: a sequence
-- @return table: the same table
function json.array(items)
  return setmetatable(items or {}, ARRAY)
end

--- Return whether a value is an array.
function json.is_array(value)
  return getmetatable(value) == ARRAY
end

--- Return whether a value is an object.
function json.is_object(value)
  return type(value) == "table" and value ~= json.null and not json.is_array(value)
end

--- Return a value, or nil for null.
function json.given(value)
  if value == json.null then
    return nil
  end
  return value
end

--- Return the names in an object: in the order of the text it was read from, else sorted.
-- @param object table
-- @return table: array of strings
function json.names(object)
  local names, seen, others = {}, {}, {}
  for _, name in ipairs((getmetatable(object) or {}).names or {}) do
    if object[name] ~= nil and not seen[name] then
      names[#names + 1], seen[name] = name, true
    end
  end
  for name in pairs(object) do
    if not seen[name] then
      others[#others + 1] = name
    end
  end
  table.sort(others)
  table.move(others, 1, #others, #names + 1, names)
  return names
end

-- -- writing -----------------------------------------------------------------------------------

local function escaped(code)
  if code < 0x10000 then
    return string.format("\\u%04x", code)
  end
  code = code - 0x10000
  return string.format("\\u%04x\\u%04x", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
end

--- Return a text as ASCII JSON: one line that survives any ini file.
local function written_text(text)
  if not utf8.len(text) then
    error("a text is not UTF-8: " .. text:gsub("[\128-\255]", "?"), 0)
  end
  text = text:gsub('["\\]', "\\%0"):gsub("[\0-\31]", function(char)
    return SHORT[char] or escaped(char:byte())
  end)
  return '"' .. text:gsub("[\194-\244][\128-\191]*", function(char)
    return escaped(utf8.codepoint(char))
  end) .. '"'
end

local function written_number(number)
  if math.type(number) == "integer" then
    return string.format("%d", number)
  end
  if number ~= number or number == math.huge or number == -math.huge then
    error("a number is not finite", 0)
  end
  local text = string.format("%.15g", number)
  if tonumber(text) ~= number then
    text = string.format("%.17g", number)
  end
  text = text:gsub(",", ".") -- some locales write a comma
  return text:find("[.e]") and text or text .. ".0"
end

local function written_table(value, depth)
  if depth > DEEPEST then
    error("nested too deeply", 0)
  end
  local parts = {}
  if json.is_array(value) then
    for place = 1, #value do
      parts[place] = written(value[place], depth)
    end
    return "[" .. table.concat(parts, ", ") .. "]"
  end
  local names = {}
  for name in pairs(value) do
    if type(name) ~= "string" then
      error("object names must be strings; make arrays with json.array", 0)
    end
    names[#names + 1] = name
  end
  table.sort(names)
  for place, name in ipairs(names) do
    parts[place] = written_text(name) .. ": " .. written(value[name], depth)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

function written(value, depth)
  local kind = type(value)
  if value == json.null or kind == "boolean" then
    return tostring(value)
  elseif kind == "string" then
    return written_text(value)
  elseif kind == "number" then
    return written_number(value)
  elseif kind == "table" then
    return written_table(value, depth + 1)
  end
  error("cannot write a " .. kind, 0)
end

--- Return a value as one line of JSON with sorted object names.
-- @return string, or nil and an error message
function json.encode(value)
  local fine, text = pcall(written, value, 0)
  if fine then
    return text
  end
  return nil, text
end

-- -- reading -----------------------------------------------------------------------------------

local function fail(what, at)
  error(what .. " at byte " .. at, 0)
end

local function after_blanks(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

--- Return the character of a \u escape at `at`, and its end.
local function read_code(text, at)
  local digits = text:match("^\\u(%x%x%x%x)", at) or fail("invalid escape", at)
  local code = tonumber(digits, 16)
  if code < 0xD800 or code > 0xDFFF then
    return utf8.char(code), at + 6
  end
  local low = tonumber(text:match("^\\u(%x%x%x%x)", at + 6) or "0", 16)
  if code > 0xDBFF or low < 0xDC00 or low > 0xDFFF then
    fail("unpaired surrogate", at)
  end
  return utf8.char(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), at + 12
end

local function read_text(text, at)
  local parts, began = {}, at
  at = at + 1
  while true do
    local stop = text:find('[\0-\31"\\]', at) or fail("unterminated string", began)
    parts[#parts + 1] = text:sub(at, stop - 1)
    local char = text:sub(stop, stop)
    if char == '"' then
      return table.concat(parts), stop + 1
    elseif char ~= "\\" then
      fail("control character in a string", stop)
    end
    local short = LONG[text:sub(stop + 1, stop + 1)]
    if short then
      parts[#parts + 1], at = short, stop + 2
    else
      parts[#parts + 1], at = read_code(text, stop)
    end
  end
end

local function read_number(text, at)
  local whole = text:match("^%-?0", at) or text:match("^%-?[1-9]%d*", at) or fail("invalid value", at)
  local rest = at + #whole
  local part = text:match("^%.%d+", rest) or ""
  local power = text:match("^[eE][+-]?%d+", rest + #part) or ""
  local number = tonumber(whole .. part .. power)
  if number == math.huge or number == -math.huge then
    fail("number out of range", at)
  end
  return number, rest + #part + #power
end

--- Read the parts between brackets at `at`; return the position after them.
-- @param read_part function: reads one part from a position and returns its end
local function read_parts(text, at, closing, read_part)
  at = after_blanks(text, at + 1)
  if text:sub(at, at) == closing then
    return at + 1
  end
  while true do
    at = after_blanks(text, read_part(at))
    local char = text:sub(at, at)
    if char == closing then
      return at + 1
    elseif char ~= "," then
      fail("missing comma", at)
    end
    at = after_blanks(text, at + 1)
  end
end

local function read_array(text, at, depth)
  local found = json.array({})
  at = read_parts(text, at, "]", function(from)
    local value, rest = read_value(text, from, depth)
    found[#found + 1] = value
    return rest
  end)
  return found, at
end

local function read_object(text, at, depth)
  local names = {}
  local found = setmetatable({}, { names = names })
  at = read_parts(text, at, "}", function(from)
    if text:sub(from, from) ~= '"' then
      fail("missing name", from)
    end
    local name, rest = read_text(text, from)
    rest = after_blanks(text, rest)
    if text:sub(rest, rest) ~= ":" then
      fail("missing colon", rest)
    end
    names[#names + 1] = name
    found[name], rest = read_value(text, rest + 1, depth)
    return rest
  end)
  return found, at
end

local WORDS = { ["true"] = true, ["false"] = false, ["null"] = json.null }

function read_value(text, at, depth)
  if depth >= DEEPEST then
    fail("nested too deeply", at)
  end
  at = after_blanks(text, at)
  local char = text:sub(at, at)
  if char == "{" then
    return read_object(text, at, depth + 1)
  elseif char == "[" then
    return read_array(text, at, depth + 1)
  elseif char == '"' then
    return read_text(text, at)
  end
  local word = text:match("^%l+", at)
  if word ~= nil and WORDS[word] ~= nil then
    return WORDS[word], at + #word
  end
  return read_number(text, at)
end

--- Return the value of a JSON text.
-- @param text string
-- @return the value, or nil and an error message
function json.decode(text)
  if not utf8.len(text) then
    return nil, "not UTF-8"
  end
  local fine, value, at = pcall(read_value, text, 1, 0)
  if not fine then
    return nil, value
  end
  at = after_blanks(text, at)
  if at <= #text then
    return nil, "trailing data at byte " .. at
  end
  return value
end

return json
