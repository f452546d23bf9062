"""From a dream to its renders: options, levels, files, notes."""
