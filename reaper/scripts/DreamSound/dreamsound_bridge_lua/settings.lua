-- @noindex
--- Installation settings, the last dream settings, and the presets.

local use, folder = ...
local api, json = use("api"), use("json")

local settings = {}

settings.FOLDER = folder
settings.BRIDGE = folder .. "/bridge.json"
settings.SUFFIX = ".dreamsound.json"
--- Key of the target's GUID in its project.
settings.TARGET = "target"

--- Return the place of a value in an array, or nil.
function settings.index_of(array, value)
  for place, one in ipairs(array) do
    if one == value then
      return place
    end
  end
  return nil
end

local Problem = {
  __tostring = function(problem)
    return problem.text
  end,
}

--- Return an error with a message for the user; nothing is done.
function settings.Problem(text)
  return setmetatable({ text = text }, Problem)
end

--- Return whether an error is a `Problem`.
function settings.is_problem(problem)
  return getmetatable(problem) == Problem
end

--- Return the installer's settings.
function settings.bridge()
  local file = io.open(settings.BRIDGE, "rb")
  local values = file and json.decode(file:read("a"))
  if file then
    file:close()
  end
  if not json.is_object(values) then
    error(settings.Problem(
      "DreamSound is not fully installed in this REAPER.\n\n"
        .. "Run in a terminal:\n\n    dreamsound reaper install"
    ))
  end
  return values
end

--- Return the last settings of a project, or of REAPER.
function settings.last(project)
  for _, text in ipairs({ api.project_text(project, "settings"), api.remembered("settings") }) do
    local found = json.decode(text)
    if json.is_object(found) then
      return found
    end
  end
  return {}
end

--- Return settings as one line.
function settings.as_line(chosen)
  return assert(json.encode(chosen))
end

--- Return settings with some of them changed; the originals stay as they are.
-- @param chosen table
-- @param changes table
-- @return table
function settings.changed(chosen, changes)
  local made = {}
  for _, from in ipairs({ chosen, changes }) do
    for name, value in pairs(from) do
      made[name] = value
    end
  end
  return made
end

local function stripped(text)
  return text:match("^%s*(.-)%s*$")
end

--- Return the names of all presets, the user's first.
function settings.presets(bridge)
  local names, seen = {}, {}
  for _, place in ipairs(json.given(bridge.presets) or {}) do
    local found = {}
    for _, name in ipairs(api.files(place)) do
      if name:sub(-#settings.SUFFIX) == settings.SUFFIX then
        found[#found + 1] = name:sub(1, -#settings.SUFFIX - 1)
      end
    end
    table.sort(found, function(one, other)
      return one:lower() < other:lower()
    end)
    for _, name in ipairs(found) do
      if not seen[name] then
        names[#names + 1], seen[name] = name, true
      end
    end
  end
  return names
end

--- Return the preset that matches a name, its beginning, or a part of it.
-- Raises a Problem if no preset matches, or several do. Ignores case for ASCII letters only.
-- @param bridge table: bridge.json
-- @param text string
-- @return string
function settings.find_preset(bridge, text)
  local wanted = stripped(text):lower()
  local names = settings.presets(bridge)
  local ways = {
    function(name)
      return name == wanted
    end,
    function(name)
      return name:sub(1, #wanted) == wanted
    end,
    function(name)
      return name:find(wanted, 1, true) ~= nil
    end,
  }
  for _, is_fit in ipairs(ways) do
    local fits = {}
    for _, name in ipairs(names) do
      if is_fit(name:lower()) then
        fits[#fits + 1] = name
      end
    end
    if #fits == 1 then
      return fits[1]
    elseif #fits > 1 then
      names = fits
      break
    end
  end
  local listed = table.concat(names, "\n")
  error(settings.Problem(
    "“" .. stripped(text) .. "” does not match exactly one preset. Choose from:\n\n" .. listed
  ))
end

return settings
