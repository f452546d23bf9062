"""Signal processing: STFT, masks, resampling, levels, fades, psychoacoustics."""
