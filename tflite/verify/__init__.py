"""Whether a file answers as its model does, and how fast."""
