"""What the programs share, and nothing else. No module here imports Keras or TensorFlow."""
