"""From a Keras model to a float32 file."""
