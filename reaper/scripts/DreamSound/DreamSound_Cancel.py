# @noindex
"""Call off all that is being dreamed."""

import os
import sys

from reaper_python import RPR_GetResourcePath

PLACES = [os.path.dirname(globals().get("__file__") or ""), sys.path[0]]
PLACES.append(os.path.join(RPR_GetResourcePath(), "Scripts", "DreamSound"))
sys.path[:0] = [
    place for place in PLACES if os.path.isfile(os.path.join(place, "dreamsound_bridge", "api.py"))
][:1]

from dreamsound_bridge import start  # noqa: E402

start("cancel", globals())
