"""Installation into REAPER: scripts, doctor, and the ReaPack index."""
