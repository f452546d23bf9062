"""By how much a notch of the wheel, or a key, changes what is seen."""

from typing import Final

#: Zoom, as a factor.
ZOOM: Final = 1.25
#: Scrolling, as a share of what is seen.
SCROLL: Final = 0.15
