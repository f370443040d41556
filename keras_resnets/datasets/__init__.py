"""Data sets for TensorFlow Datasets. Importing a module of these registers its builder."""
