# @description DreamSound: dream the selected items in place (Python)
# @author DreamSound Studio
# @version 0.1.0
# @changelog
#   First release.
# @provides
#   [main] DreamSound_*.py
#   [nomain] dreamsound_bridge/*.py
# @about
#   Plays the selected items to a network that listens, pushes them the way it is excited, and adds
#   what comes of it as new takes: dream, gradient and hard cut. REAPER is never blocked.
#   Needs DreamSound Studio: pip install dreamsound-studio, then dreamsound reaper install.
#   Python has to be enabled in REAPER's preferences: Plug-ins > ReaScript.
#   The same actions are there in Lua: install one of the two.

"""Dream the selected items; a small window asks how."""

import os
import sys

from reaper_python import RPR_GetResourcePath

PLACES = [os.path.dirname(globals().get("__file__") or ""), sys.path[0]]
PLACES.append(os.path.join(RPR_GetResourcePath(), "Scripts", "DreamSound"))
sys.path[:0] = [
    place for place in PLACES if os.path.isfile(os.path.join(place, "dreamsound_bridge", "api.py"))
][:1]

from dreamsound_bridge import start  # noqa: E402

start("dream", globals())
