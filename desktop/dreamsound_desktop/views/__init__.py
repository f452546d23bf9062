"""What is painted of a sound: waveform, spectrogram, and what the model hears in it."""
