"""The queue's SQLite file."""
