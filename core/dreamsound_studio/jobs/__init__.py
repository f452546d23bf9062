"""A recipe applied to a sound: requests, runs, checkpoints, redo."""
