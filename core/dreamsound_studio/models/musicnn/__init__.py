"""musicnn: 50 music tags."""
