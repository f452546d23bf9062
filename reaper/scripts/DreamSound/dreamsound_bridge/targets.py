# @noindex
"""The actions that dream toward an item, and the one that makes it the target of its project."""

from . import api, settings, starting, watching


def dream_toward(bridge, main, preset):
    """Dream the selected items toward the last one."""
    project, path = api.active_project()
    items = starting.selected(project)
    if len(items) < 2:
        raise settings.Problem(
            "Select the items to dream, then add the target item to the selection as the last item."
        )
    chosen = settings.last(project)
    starting.begin(bridge, main, project, path, items, chosen, target=items[-1])


def dream_toward_first(bridge, main, preset):
    """Dream the selected items toward the first one."""
    project, path = api.active_project()
    items = starting.selected(project)
    if len(items) < 2:
        raise settings.Problem(
            "Select the target item first on screen, and the items to dream below or after it."
        )
    starting.begin(bridge, main, project, path, items, settings.last(project), target=items[0])


def _check_others(items, target):
    """Raise a Problem if nothing but the target is selected."""
    if items == [target]:
        raise settings.Problem("Only the target is selected. Select the items to dream.")


def dream_toward_mouse(bridge, main, preset):
    """Dream the selected items toward the item under the mouse."""
    project, path = api.active_project()
    items = starting.selected(project)
    target = api.item_under_mouse()
    if target is None:
        raise settings.Problem(
            "No item under the mouse. Point at the target, and run the action by a key."
        )
    _check_others(items, target)
    starting.begin(bridge, main, project, path, items, settings.last(project), target=target)


def use_as_target(bridge, main, preset):
    """Use the selected item as the target of its project."""
    project, _ = api.active_project()
    items = starting.selected(project)
    if len(items) > 1:
        raise settings.Problem(f"Select one item as the target, not {len(items)}.")
    api.set_project_text(project, settings.TARGET, api.item_text(items[0], "GUID"))
    text = f"Target of this project: {starting.label(items[0])}."
    text += "\n\nDream selected items toward the target uses it."
    watching.tell(main, text, bridge["runs"])


def dream_toward_target(bridge, main, preset):
    """Dream the selected items toward the target of the project; a window or a dialog asks."""
    project, path = api.active_project()
    items = starting.selected(project)
    guid = api.project_text(project, settings.TARGET)
    target = api.item_of_guid(project, guid) if guid else None
    if target is None:
        why = "The target is no longer in this project." if guid else ""
        raise settings.Problem(
            (why or "This project has no target yet.")
            + "\n\nSelect an item, and run Use selected item as target."
        )
    _check_others(items, target)
    starting.asked(bridge, main, project, path, items, target)
