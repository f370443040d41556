"""Side by side with the rivals, each in an environment of its own."""
