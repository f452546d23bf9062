"""Playing: what is heard at every moment (no Qt), and the device that it goes to."""
