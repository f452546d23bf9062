"""The desktop app: a window on the engine. No TensorFlow is ever imported in its process.

Folders: ``state`` (what is open, chosen and to be done; no Qt), ``analysis`` (peaks, spectrogram
tiles, scales; no Qt), ``playback`` (mixing, without Qt, and the device), ``views`` (what is
painted), ``panels`` (docks), ``windows`` (the main window, dialogs, REAPER's window).
"""
