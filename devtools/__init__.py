"""The parts of dev.py, for any Python from 3.8: they need nothing but its own library."""
