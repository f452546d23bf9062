"""What is worked out of sound files for the views, apart from any window. No Qt here."""
