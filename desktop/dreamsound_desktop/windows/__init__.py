"""Windows: the main one, and REAPER's."""
