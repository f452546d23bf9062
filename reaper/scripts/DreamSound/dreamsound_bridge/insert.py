# @noindex
"""Applies a plan: inserts new takes in one undo step."""

from . import api, making, program


class Inserted:
    """Result of applying a plan.

    Attributes
    ----------
    count : int
        Number of inserted takes.
    is_changed : bool
        Whether the project changed.
    problems : list of str
        What failed, and where its files are.
    sources : list of str
        Sources whose peaks are yet to be built.
    """

    def __init__(self):
        self.count = 0
        self.is_changed = False
        self.problems = []
        self.sources = []


def insert(plan, project, is_active, known, settings):
    """Apply a plan.

    Parameters
    ----------
    plan : dict
        Written by the engine.
    project : str
        The target project.
    is_active : bool
        Whether it is the active project.
    known : dict
        Item pointers by the GUIDs of item and take.
    settings : str
        Settings line to store in the project; empty changes nothing.

    Returns
    -------
    Inserted
    """
    done = Inserted()
    items = _items(plan, project, known, done)
    tracks = _tracks(plan, project, is_active, done)
    if not items and not tracks:
        return done
    making.begin_step(project)
    try:
        for item, entry, offset_s in items:
            _add_takes(project, is_active, item, entry, offset_s, done)
        for after, entry in tracks:
            _add_track(project, is_active, after, entry, done)
        if done.is_changed:
            api.build_missing_peaks(project)
        if settings and done.is_changed:
            api.set_project_text(project, "settings", settings)
    finally:
        making.end_step(project, plan.get("undo") or "DreamSound: dream", done.is_changed)
    return done


def _items(plan, project, known, done):
    """Return each item with its plan entry and its take's start offset change."""
    found = _found(plan, project, known)
    fit = []
    for entry in plan.get("items", []):
        item, take = found.get((entry["item"], entry["take"]), (None, None))
        seen = entry["seen"]
        if item is None:
            why = "the item no longer exists"
        elif take is None:
            why = "its take no longer exists"
        elif abs(api.take_value(take, "D_PLAYRATE") - seen["D_PLAYRATE"]) > 1e-9:
            why = "its play rate has changed"
        elif not [one for one in entry["takes"] if _is_readable(one)]:
            why = "REAPER cannot read its files"
        else:
            fit.append((item, entry, api.take_value(take, "D_STARTOFFS") - seen["D_STARTOFFS"]))
            continue
        done.problems.append(_kept(entry, why))
    return fit


def _found(plan, project, known):
    """Find item and take by GUID; the take is None if only the item exists.

    Items copied by a script may share a GUID: the take tells them apart.
    """
    found, others = {}, None
    for entry in plan.get("items", []):
        key = entry["item"], entry["take"]
        item = known.get(key)
        if item is not None and _is_still(project, item, key[0]):
            found[key] = item, _take(item, key[1])
        if found.get(key, (None, None))[1] is None:
            if others is None:
                others = [(api.item_text(one, "GUID"), one) for one in api.all_items(project)]
            for guid, one in others:
                if guid == key[0] and (key not in found or _take(one, key[1]) is not None):
                    found[key] = one, _take(one, key[1])
    return found


def _is_still(project, item, guid):
    return api.is_valid(project, item, "MediaItem*") and api.item_text(item, "GUID") == guid


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
    return f"{entry['label']}: {why}. Nothing inserted; renders kept: {files}"


def _tracks(plan, project, is_active, done):
    """Return each new-track entry with the track it follows."""
    there = api.tracks(project) if plan.get("tracks") else []
    behind = {api.track_text(track, "GUID"): track for track in there}
    fit = []
    for entry in plan.get("tracks", []):
        if is_active and entry["after"] in behind:
            fit.append((behind[entry["after"]], entry))
        else:
            why = "its track no longer exists" if is_active else "its project is not active"
            done.problems += [_kept(one, why) for one in entry["items"]]
    return fit


def _add_track(project, is_active, after, entry, done):
    """Add a track with its items; without a take on it, none stays."""
    track = making.new_track(after, entry["name"])
    first = done.count
    for one in entry["items"]:
        try:
            item = making.new_item(track)
            for key, value in one["values"].items():
                api.set_item_value(item, key, value)
        except program.Failed as error:
            done.problems.append(_kept(one, str(error)))
            continue
        for take in one["takes"]:
            _is_readable(take)
        before = done.count
        _add_takes(project, is_active, item, one, 0.0, done)
        if done.count == before:
            making.delete_item(track, item)
    if done.count == first:
        making.delete_track(track, after)


def _add_takes(project, is_active, item, entry, offset_s, done):
    """Add the takes of an entry; a failed take does not stop the others."""
    chosen = None
    for one in entry["takes"]:
        try:
            if one.get("source") is None:
                raise program.Failed("REAPER cannot read it")
            take = _add(project, is_active, item, one)
            _fill(project, item, take, one, offset_s)
        except program.Failed as error:
            done.problems.append(f"{entry['label']}: {error} ({one['file']})")
            continue
        done.count += 1
        done.is_changed = True
        if one["is_active"]:
            chosen = take
        source = api.take_source(take)
        if source is not None and api.build_peaks(source, 0):
            done.sources.append(source)
    if chosen is not None:
        api.activate(chosen)
    making.redraw(item)


def _fill(project, item, take, one, offset_s):
    """Apply the plan's values to a new take; remove the take on failure."""
    values = dict(one["values"])
    values["D_STARTOFFS"] = values.get("D_STARTOFFS", 0.0) + offset_s
    try:
        for key, value in values.items():
            api.set_take_value(take, key, value)
        for at_s, source_s, slope in one["stretch_markers"]:
            making.add_stretch_marker(take, at_s, source_s, slope)
        for source_s, name, colour in one.get("take_markers", []):
            making.add_take_marker(take, source_s, name, colour)
        api.set_take_text(take, "P_NAME", one["name"])
        api.set_take_text(take, "P_EXT:DreamSound", one["ext"])
        if one["colour"] is not None:
            api.set_take_colour(take, one["colour"])
    except program.Failed:
        making.delete_take(project, item, take)
        raise


def _add(project, is_active, item, one):
    """Return a new take that plays a file; verifies each step."""
    take = making.new_take(item)
    if making.give_source(take, one["source"]):
        source = api.take_source(take)
        # The system may normalise the file name.
        if source is not None and api.source_file(source):
            return take
    making.delete_take(project, item, take)
    if not is_active:
        raise program.Failed("REAPER did not accept the file, and its project is not active")
    return making.insert_as_take(project, item, one["file"])
