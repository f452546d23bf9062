"""The engine side of the REAPER bridge: facts to jobs, results to plans, and .RPP files."""
