"""Models: sources of their weights, their tables, and their rebuilt graphs."""
