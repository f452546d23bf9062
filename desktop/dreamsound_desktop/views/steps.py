"""Zoom and scroll steps of the mouse wheel and the keys."""

from typing import Final

#: Zoom factor.
ZOOM: Final = 1.25
#: Scroll distance as a share of the visible time.
SCROLL: Final = 0.15
