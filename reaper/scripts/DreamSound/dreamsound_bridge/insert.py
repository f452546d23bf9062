# @noindex
"""A plan applied: new takes, in one step that is undone as a whole."""

from . import api


class Inserted:
    """What became of a plan.

    Attributes
    ----------
    count : int
        So many takes are in the project.
    problems : list of str
        What is not, and where its files are.
    sources : list of str
        Sources whose peaks are still to be built.
    """

    def __init__(self):
        self.count = 0
        self.problems = []
        self.sources = []


def insert(plan, project, is_active, known, settings):
    """Apply a plan.

    Parameters
    ----------
    plan : dict
        What the engine wrote.
    project : str
        Where to.
    is_active : bool
        Whether that is the active project.
    known : dict
        Where the items were, by their GUIDs.
    settings : str
        What the project shall remember, one line; an empty one changes nothing.

    Returns
    -------
    Inserted
    """
    done = Inserted()
    items = _items(plan, project, known, done)
    tracks = _tracks(plan, project, is_active, done)
    if not items and not tracks:
        return done
    api.begin_step(project)
    try:
        for item, entry, offset_s in items:
            _add_takes(project, is_active, item, entry, offset_s, done)
        for after, entry in tracks:
            _add_track(project, is_active, after, entry, done)
        if settings:
            api.set_project_text(project, "settings", settings)
    finally:
        api.end_step(project, plan.get("undo") or "DreamSound: dream")
    return done


def _items(plan, project, known, done):
    """Return each item with its entry of the plan, and how far its take has been moved since."""
    wanted = [entry["item"] for entry in plan.get("items", [])]
    found = {guid: known[guid] for guid in wanted if _is_still(project, known.get(guid), guid)}
    if len(found) < len(set(wanted)):
        found.update((api.item_text(item, "GUID"), item) for item in api.all_items(project))
    fit = []
    for entry in plan.get("items", []):
        item = found.get(entry["item"])
        take = None if item is None else _take(item, entry["take"])
        seen = entry["seen"]
        if item is None:
            why = "the item is gone"
        elif take is None:
            why = "its take is gone"
        elif abs(api.take_value(take, "D_PLAYRATE") - seen["D_PLAYRATE"]) > 1e-9:
            why = "its play rate has been changed"
        elif not [one for one in entry["takes"] if _is_readable(one)]:
            why = "REAPER cannot read its files"
        else:
            fit.append((item, entry, api.take_value(take, "D_STARTOFFS") - seen["D_STARTOFFS"]))
            continue
        done.problems.append(_kept(entry, why))
    return fit


def _is_still(project, item, guid):
    if item is None or not api.is_valid(project, item, "MediaItem*"):
        return False
    return api.item_text(item, "GUID") == guid


def _take(item, guid):
    for take in api.takes(item):
        if take is not None and api.take_text(take, "GUID") == guid:
            return take
    return None


def _is_readable(entry):
    entry["source"] = api.new_source(entry["file"])
    return entry["source"] is not None


def _kept(entry, why):
    files = ", ".join(one["file"] for one in entry["takes"])
    return f"{entry['label']}: {why}, so nothing was inserted. The renders are kept: {files}"


def _tracks(plan, project, is_active, done):
    """Return each entry of a new track with the track that it goes behind."""
    there = api.tracks(project) if plan.get("tracks") else []
    behind = {api.track_text(track, "GUID"): track for track in there}
    fit = []
    for entry in plan.get("tracks", []):
        if is_active and entry["after"] in behind:
            fit.append((behind[entry["after"]], entry))
        else:
            why = "its track is gone" if is_active else "its project is not the active one"
            done.problems += [_kept(one, why) for one in entry["items"]]
    return fit


def _add_track(project, is_active, after, entry, done):
    track = api.new_track(after, entry["name"])
    for one in entry["items"]:
        try:
            item = api.new_item(track)
            for key, value in one["values"].items():
                api.set_item_value(item, key, value)
        except api.Failed as error:
            done.problems.append(_kept(one, str(error)))
            continue
        for take in one["takes"]:
            _is_readable(take)
        _add_takes(project, is_active, item, one, 0.0, done)


def _add_takes(project, is_active, item, entry, offset_s, done):
    """Add the takes of an entry; one that cannot be added does not stop the others."""
    chosen = None
    for one in entry["takes"]:
        try:
            if one.get("source") is None:
                raise api.Failed("REAPER cannot read it")
            take = _add(project, is_active, item, one)
            _fill(project, item, take, one, offset_s)
        except api.Failed as error:
            done.problems.append(f"{entry['label']}: {error} ({one['file']})")
            continue
        done.count += 1
        if one["is_active"]:
            chosen = take
        source = api.take_source(take)
        if source is not None and api.build_peaks(source, 0):
            done.sources.append(source)
    if chosen is not None:
        api.activate(chosen)
    api.redraw(item)


def _fill(project, item, take, one, offset_s):
    """Give a new take all that the plan says; take it away again where that fails."""
    values = dict(one["values"])
    values["D_STARTOFFS"] = values.get("D_STARTOFFS", 0.0) + offset_s
    try:
        for key, value in values.items():
            api.set_take_value(take, key, value)
        for at_s, source_s, slope in one["stretch_markers"]:
            api.add_stretch_marker(take, at_s, source_s, slope)
        api.set_take_text(take, "P_NAME", one["name"])
        api.set_take_text(take, "P_EXT:DreamSound", one["ext"])
        if one["colour"] is not None:
            api.set_take_colour(take, one["colour"])
    except api.Failed:
        api.delete_take(project, item, take)
        raise


def _add(project, is_active, item, one):
    """Return a new take that plays a file; each step is looked at."""
    take = api.new_take(item)
    if api.give_source(take, one["source"]):
        source = api.take_source(take)
        if source is not None and api.source_file(source) == one["file"]:
            return take
    if not is_active:
        raise api.Failed("REAPER has not taken the file, and its project is not the active one")
    api.delete_take(project, item, take)
    return api.insert_as_take(project, item, one["file"])
