"""Getting into REAPER: installing the scripts, looking whether all is well, and ReaPack's index."""
