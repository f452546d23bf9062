"""REAPER's engine side (spans, plans, .RPP, install, doctor) will live here; none of it is yet."""
