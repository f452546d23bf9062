# @noindex
"""Dream the selected items toward the first one."""

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

start("dream toward first", globals())
