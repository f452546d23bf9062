"""Panels: the sounds in tabs, and the docks: recipe, presets, takes, queue, library."""
