"""From a float32 file to one in integers."""
