"""The docks: recipe, presets, takes, queue, library."""
