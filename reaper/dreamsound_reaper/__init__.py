"""REAPER's engine side: from facts to jobs, from results to plans, and projects without REAPER."""
