"""Sound in and out: clips, spans, formats, metadata."""
