"""Project files of REAPER, read into facts and written with new takes; every other byte is kept."""
