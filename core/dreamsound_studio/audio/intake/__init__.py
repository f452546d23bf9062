"""Open sound files of any kind, also unfinished, unusual and damaged ones."""
