"""REAPER project files: reads facts, writes new takes, keeps every other byte."""
