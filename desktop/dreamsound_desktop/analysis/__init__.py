"""Data computed from sound files for the views: peaks, spectrogram tiles, scales. No Qt here."""
