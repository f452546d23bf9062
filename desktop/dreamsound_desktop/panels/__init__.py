"""The docks: what to dream, presets, takes, queue, library."""
