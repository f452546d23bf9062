"""What sound files say beside their samples: one module for each kind of chunk or tag."""
