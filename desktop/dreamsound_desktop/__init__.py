"""The desktop app: a window on the engine. Its process never imports TensorFlow.

Folders: ``state`` (open sounds, selections, recipes; no Qt), ``analysis`` (peaks, spectrogram
tiles, scales; no Qt), ``playback`` (mixing, without Qt, and the device), ``views`` (what is
painted), ``panels`` (docks), ``windows`` (the main window, dialogs, REAPER's window).
"""
