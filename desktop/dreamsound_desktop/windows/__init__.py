"""Windows: the main one, its dialogs, and REAPER's."""
