"""basic-pitch: the notes of 88 keys."""
