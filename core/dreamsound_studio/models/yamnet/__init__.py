"""YAMNet: 521 AudioSet classes."""
