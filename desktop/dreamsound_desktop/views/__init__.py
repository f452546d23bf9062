"""Views of a sound: waveform, spectrogram, and what the model hears."""
