"""A run of REAPER's script: its folder, its jobs, its window, and what it reports."""
