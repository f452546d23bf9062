"""Where weights come from: found, fetched, remembered."""
