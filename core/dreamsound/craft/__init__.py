"""The craft beyond the paper: what shapes a dream in time, frequency, level and audibility."""
