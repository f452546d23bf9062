# @description DreamSound: dream the selected items in place (Python)
# @author DreamSound Studio
# @version 0.1.0
# @changelog
#   First release.
# @provides
#   [main] DreamSound_*.py
#   [nomain] dreamsound_bridge/*.py
# @about
#   Plays the selected items to a neural network, pushes them toward what excites it, and inserts
#   the results as new takes: dream, gradient and hard cut. Never blocks REAPER.
#   Needs DreamSound Studio: pip install dreamsound-studio, then dreamsound reaper install.
#   Enable Python in REAPER's preferences: Plug-ins > ReaScript.
#   The same actions exist in Lua: install one of the two packages.

"""Dream the selected items; a small window asks for the settings."""

import os
import sys

from reaper_python import RPR_GetResourcePath

PLACES = [os.path.dirname(globals().get("__file__") or ""), sys.path[0]]
PLACES.append(os.path.join(RPR_GetResourcePath(), "Scripts", "DreamSound"))
for place in PLACES:
    if os.path.isfile(os.path.join(place, "dreamsound_bridge", "api.py")):
        if place not in sys.path:
            sys.path.insert(0, place)
        break

from dreamsound_bridge import start  # noqa: E402

start("dream", globals())
