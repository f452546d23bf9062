"""The networks: where their weights come from, their tables, and their rebuilt graphs."""
