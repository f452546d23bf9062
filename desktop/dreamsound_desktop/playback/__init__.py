"""Playback: the mixer (no Qt) and the audio device."""
