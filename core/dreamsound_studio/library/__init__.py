"""The library of finished dreams."""
