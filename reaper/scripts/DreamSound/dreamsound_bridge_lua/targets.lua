-- @noindex
--- The actions that dream toward an item, and the one that makes it the target of its project.

local use = ...
local api, settings = use("api"), use("settings")
local starting, watching = use("starting"), use("watching")

local targets = {}

--- Dream the selected items toward the last one.
function targets.dream_toward(bridge)
  local project, path = api.active_project()
  local items = starting.selected(project)
  if #items < 2 then
    error(settings.Problem(
      "Select the items to dream, then add the target item to the selection as the "
        .. "last item."
    ))
  end
  starting.begin(bridge, project, path, items, settings.last(project), { target = items[#items] })
end

--- Dream the selected items toward the first one.
function targets.dream_toward_first(bridge)
  local project, path = api.active_project()
  local items = starting.selected(project)
  if #items < 2 then
    error(settings.Problem(
      "Select the target item first on screen, and the items to dream below or after it."
    ))
  end
  starting.begin(bridge, project, path, items, settings.last(project), { target = items[1] })
end

--- Raise a Problem if nothing but the target is selected.
local function check_others(items, target)
  if #items == 1 and items[1] == target then
    error(settings.Problem("Only the target is selected. Select the items to dream."))
  end
end

--- Dream the selected items toward the item under the mouse.
function targets.dream_toward_mouse(bridge)
  local project, path = api.active_project()
  local items = starting.selected(project)
  local target = api.item_under_mouse()
  if target == nil then
    error(settings.Problem(
      "No item under the mouse. Point at the target, and run the action by a key."
    ))
  end
  check_others(items, target)
  starting.begin(bridge, project, path, items, settings.last(project), { target = target })
end

--- Use the selected item as the target of its project.
function targets.use_as_target()
  local project = api.active_project()
  local items = starting.selected(project)
  if #items > 1 then
    error(settings.Problem("Select one item as the target, not " .. #items .. "."))
  end
  api.set_project_text(project, settings.TARGET, api.item_text(items[1], "GUID"))
  watching.tell(
    "Target of this project: " .. starting.label(items[1])
      .. ".\n\nDream selected items toward the target uses it."
  )
end

--- Dream the selected items toward the target of the project; a window or a dialog asks.
function targets.dream_toward_target(bridge)
  local project, path = api.active_project()
  local items = starting.selected(project)
  local guid = api.project_text(project, settings.TARGET)
  local target = guid ~= "" and api.item_of_guid(project, guid) or nil
  if target == nil then
    error(settings.Problem(
      (guid == "" and "This project has no target yet." or "The target is no longer in this project.")
        .. "\n\nSelect an item, and run Use selected item as target."
    ))
  end
  check_others(items, target)
  starting.asked(bridge, project, path, items, target)
end

return targets
