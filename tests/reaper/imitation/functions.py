"""What the functions of the API do. Each takes and returns objects, None for NULL.

A function that fills parameters returns what C returns, if anything, and then each that it fills.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import soundfile

from . import rpp
from .model import Item, Source, Take, Track

READABLE = {".wav": "WAVE", ".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS", ".aiff": "WAVE"}


class _Projects:
    def EnumProjects(self, idx, name):
        found = self.projects[idx] if 0 <= idx < len(self.projects) else None
        found = self.active if idx == -1 else found
        return found, found.path if found else ""

    def GetProjectPathEx(self, proj, buf):
        return (proj.record_path,)

    def GetSetProjectInfo(self, proj, desc, value, is_set):
        assert not is_set
        return {"PROJECT_SRATE": proj.rate, "PROJECT_SRATE_USE": proj.uses_rate}[desc]

    def GetProjExtState(self, proj, name, key, value):
        found = proj.ext.get((name, key), "")
        return len(found), found

    def SetProjExtState(self, proj, name, key, value):
        proj.ext[name, key] = value
        return 1

    def ValidatePtr2(self, proj, pointer, kind):
        thing = self.at(pointer, kind)
        if thing is None or thing is proj or isinstance(thing, Source):
            return thing is not None
        return thing in proj.all()

    def Undo_BeginBlock2(self, proj):
        if self.block is not None:
            self.violations.append("an undo block within another")
        self.block = (proj, rpp.save(proj))

    def Undo_EndBlock2(self, proj, name, flags):
        if self.block is None or self.block[0] is not proj:
            self.violations.append("an undo block is ended that was not begun")
            return
        before = self.block[1]
        self.block = None
        if (flags == 0) != (rpp.save(proj) == before):
            self.violations.append(f"the undo step {name!r} changes nothing, or tells nothing")
        if flags == 0:
            return
        self.steps.append((proj, name, before))

    def PreventUIRefresh(self, change):
        self.frozen += change

    def UpdateArrange(self):
        pass

    def UpdateItemInProject(self, item):
        pass

    def CountTracks(self, proj):
        return len(proj.tracks)

    def GetTrack(self, proj, idx):
        return proj.tracks[idx] if 0 <= idx < len(proj.tracks) else None

    def InsertTrackAtIndex(self, idx, defaults):
        self.change("InsertTrackAtIndex")
        self.active.tracks.insert(idx, self.hold(Track(effects=int(defaults))))

    def DeleteTrack(self, track):
        self.change("DeleteTrack")
        owner = next(one for one in self.projects if track in one.tracks)
        owner.tracks.remove(track)
        track.is_alive = False

    def DeleteTrackMediaItem(self, track, item):
        self.change("DeleteTrackMediaItem")
        track.items.remove(item)
        item.is_alive = False
        return True

    def GetPlayStateEx(self, proj):
        return proj.play_state

    def GetItemFromPoint(self, x, y, allow_locked, take=None):
        return self.pointed_at if (x, y) == self.mouse else None

    def GetMousePosition(self, *out):
        return self.mouse

    def GetSetMediaTrackInfo_String(self, track, key, text, is_set):
        if is_set:
            self.change(key)
            track.name = text
        return True, {"GUID": track.guid, "P_NAME": track.name}[key]

    def GetMediaTrackInfo_Value(self, track, key):
        if key == "I_FOLDERDEPTH":
            return float(track.depth)
        assert key == "IP_TRACKNUMBER"
        owner = next(one for one in self.projects if track in one.tracks)
        return float(owner.tracks.index(track) + 1)

    def SetMediaTrackInfo_Value(self, track, key, value):
        assert key == "I_FOLDERDEPTH"
        self.change(key)
        track.depth = int(value)
        return True

    def GetCursorPositionEx(self, proj):
        return proj.cursor

    def GetSet_ArrangeView2(self, proj, is_set, left, right, start_s, end_s):
        if is_set:
            proj.view = (start_s, end_s)
        return proj.view

    def SetEditCurPos2(self, proj, time_s, moves_view, seeks):
        proj.cursor = time_s
        if moves_view:
            proj.view = (time_s, time_s + 60)


class _Items:
    def CountSelectedMediaItems(self, proj):
        return len(proj.selected())

    def GetSelectedMediaItem(self, proj, idx):
        found = proj.selected()
        return found[idx] if 0 <= idx < len(found) else None

    def CountMediaItems(self, proj):
        return len(proj.items())

    def GetMediaItem(self, proj, idx):
        found = proj.items()
        return found[idx] if 0 <= idx < len(found) else None

    def GetMediaItem_Track(self, item):
        return next((one.track_of(item) for one in self.projects if one.track_of(item)), None)

    def GetSetMediaItemInfo_String(self, item, key, text, is_set):
        assert (key, is_set) == ("GUID", False)
        return True, item.guid

    def GetMediaItemInfo_Value(self, item, key):
        return self._numbers(item, key)[key]

    def SetMediaItemInfo_Value(self, item, key, value):
        self.change(key)
        self._numbers(item, key)[key] = value
        return True

    def _numbers(self, thing, key):
        if key not in thing.numbers:
            raise KeyError(f"REAPER knows no {key}")
        return thing.numbers

    def SelectAllMediaItems(self, proj, selected):
        for item in proj.items():
            item.is_selected = bool(selected)

    def SetMediaItemSelected(self, item, selected):
        item.is_selected = bool(selected)

    def AddMediaItemToTrack(self, track):
        self.change("AddMediaItemToTrack")
        track.items.append(self.hold(Item()))
        return track.items[-1]

    def CountTakes(self, item):
        return len(item.takes)

    def GetTake(self, item, idx):
        return item.takes[idx] if 0 <= idx < len(item.takes) else None

    def GetActiveTake(self, item):
        return item.take

    def SetActiveTake(self, take):
        self.change("SetActiveTake")
        item = next(item for one in self.projects for item in one.items() if take in item.takes)
        item.active = item.takes.index(take)

    def AddTakeToMediaItem(self, item):
        self.change("AddTakeToMediaItem")
        item.takes.append(self.hold(Take()))
        return item.takes[-1]

    def GetSetMediaItemTakeInfo_String(self, take, key, text, is_set):
        if is_set:
            self.change(key)
        if key == "P_NAME":
            take.name = text if is_set else take.name
            return True, take.name
        if key == "GUID" and not is_set:
            return True, take.guid
        assert key.startswith("P_EXT:")
        if is_set:
            take.ext[key[6:]] = text
        return key[6:] in take.ext, take.ext.get(key[6:], "")

    def GetTakeName(self, take):
        return take.name

    def GetMediaItemTakeInfo_Value(self, take, key):
        if key in self.version.lacks_keys:
            return 0.0
        return self._numbers(take, key)[key]

    def SetMediaItemTakeInfo_Value(self, take, key, value):
        if key in self.version.lacks_keys:
            return False
        self.change(key)
        self._numbers(take, key)[key] = value
        return True

    def TakeIsMIDI(self, take):
        return take.source is not None and take.source.root().kind == "MIDI"

    def GetTakeNumStretchMarkers(self, take):
        return len(take.markers)

    def GetTakeStretchMarker(self, take, idx, at_s, source_s):
        if not 0 <= idx < len(take.markers):
            return -1, 0.0, 0.0
        return idx, take.markers[idx][0], take.markers[idx][1]

    def GetTakeStretchMarkerSlope(self, take, idx):
        return take.markers[idx][2]

    def SetTakeStretchMarker(self, take, idx, at_s, source_s):
        self.change("SetTakeStretchMarker")
        take.markers.append([at_s, source_s, 0.0])
        return (len(take.markers) - 1,)

    def SetTakeStretchMarkerSlope(self, take, idx, slope):
        take.markers[idx][2] = slope
        return True

    def GetNumTakeMarkers(self, take):
        return len(take.take_markers)

    def GetTakeMarker(self, take, idx, *out):
        return take.take_markers[idx]

    def SetTakeMarker(self, take, idx, name, source_s, colour):
        self.change("SetTakeMarker")
        assert idx == -1
        take.take_markers.append((source_s, name, int(colour)))
        return (len(take.take_markers) - 1,)

    def CountTakeEnvelopes(self, take):
        return take.envelopes

    def TakeFX_GetCount(self, take):
        return take.effects

    def Main_OnCommandEx(self, command, flag, proj):
        if command == 40047:
            return
        assert command == 40129, "only: delete active take from items, build missing peaks"
        self.change("delete active take")
        for item in proj.selected():
            gone = item.takes.pop(item.active)
            if gone is not None:
                gone.is_alive = False
            item.active = max(item.active - 1, 0)


class _Sources:
    def PCM_Source_CreateFromFile(self, file):
        try:
            soundfile.info(file)
        except (OSError, RuntimeError):
            return None
        return Source(READABLE.get(Path(file).suffix.lower(), "WAVE"), file)

    def GetMediaItemTake_Source(self, take):
        return take.source

    def SetMediaItemTake_Source(self, take, source):
        self.change("SetMediaItemTake_Source")
        take.source = source
        return source is not None

    def GetMediaSourceFileName(self, source, buf):
        return ("" if source.kind in ("SECTION", "MIDI") else source.file,)

    def GetMediaSourceType(self, source, buf):
        return (source.kind,)

    def GetMediaSourceParent(self, source):
        return source.parent

    def GetMediaSourceLength(self, source, is_qn):
        return source.info()[0], source.kind == "MIDI"

    def GetMediaSourceSampleRate(self, source):
        return source.info()[1]

    def GetMediaSourceNumChannels(self, source):
        return source.info()[2]

    def PCM_Source_GetSectionInfo(self, source, offset, length, reverse):
        if source.kind != "SECTION":
            return False, 0.0, 0.0, False
        return True, source.offset_s, source.info()[0], source.is_reversed

    def PCM_Source_BuildPeaks(self, source, mode):
        if mode == 1:
            source.peaks_left -= 1
        return source.peaks_left if mode < 2 else 0

    def InsertMedia(self, file, mode):
        self.change("InsertMedia")
        assert mode == 3
        source = self.PCM_Source_CreateFromFile(file)
        for item in self.active.selected():
            item.takes.append(self.hold(Take(source, Path(file).name)))
        self.active.cursor += 1.0
        self.active.view = (self.active.cursor, self.active.cursor + 60)
        return int(source is not None)


class _Program:
    def GetExtState(self, section, key):
        return self.memory.get((section, key), "")

    def SetExtState(self, section, key, value, persist):
        if "\n" in value:
            self.violations.append(f"ExtState {key} has more than a line")
        self.memory[section, key] = value
        (self.kept.add if persist else self.kept.discard)((section, key))

    def HasExtState(self, section, key):
        return (section, key) in self.memory

    def DeleteExtState(self, section, key, persist):
        self.memory.pop((section, key), None)

    def MB(self, text, title, kind):
        if any(one.play_state & 4 for one in self.projects):
            self.violations.append(f"a box interrupts a recording: {text}")
        if text.count("\n") >= 8:
            self.violations.append(f"a box of {text.count(chr(10)) + 1} lines")
        self.messages.append(text)
        return 1

    ShowMessageBox = MB

    def ShowConsoleMsg(self, text):
        self.console.append(text)

    def GetUserInputs(self, title, count, captions, values):
        if any(one.play_state & 4 for one in self.projects):
            self.violations.append(f"a dialog interrupts a recording: {title}")
        assert count <= 16
        fields = captions.split(",")
        extra = dict(one.split("=", 1) for one in fields[count:])
        mark = extra.get("separator", ",")
        self.asked.append(
            {"title": title, "captions": fields[:count], "values": values.split(mark)}
        )
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            return False, values
        return True, mark.join(answer)

    def GetResourcePath(self):
        return os.fspath(self.resource)

    def GetAppVersion(self):
        return f"{self.version.number}/linux-x86_64"

    def GetOS(self):
        return "Other"

    def time_precise(self):
        return self.now_s()

    def ColorToNative(self, red, green, blue):
        return red | green << 8 | blue << 16

    def EnumerateSubdirectories(self, path, idx):
        return self._listed(path, idx, Path.is_dir)

    def EnumerateFiles(self, path, idx):
        return self._listed(path, idx, Path.is_file)

    def _listed(self, path, idx, fits):
        if idx < 0 or not Path(path).is_dir():
            return None
        names = sorted(one.name for one in Path(path).iterdir() if fits(one))
        return names[idx] if idx < len(names) else None

    def file_exists(self, path):
        return Path(path).is_file()

    def RecursiveCreateDirectory(self, path, ignored):
        Path(path).mkdir(parents=True, exist_ok=True)
        return 1

    def ExecProcess(self, command, timeout_ms):
        assert timeout_ms in (-1, -2), "REAPER would wait"
        self.shown.append(timeout_ms == -1)
        words = shlex.split(command)
        try:
            none = subprocess.DEVNULL
            process = subprocess.Popen(
                words, stdin=none, stdout=none, stderr=none, start_new_session=True
            )
        except OSError:
            return None
        self.processes.append(process)
        return ""

    def APIExists(self, name):
        return hasattr(self, name)


class Functions(_Projects, _Items, _Sources, _Program):
    """All functions that the bridge may use."""

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Call a function by its name; a function marked to fail fails."""
        self.calls[name] += 1
        if self.failing[name] > 0:
            self.failing[name] -= 1
            return 0 if not name.startswith(("PCM", "Add")) else None
        return getattr(self, name)(*arguments)
