"""What is drawn of sounds and dreams: pictures and pages."""
