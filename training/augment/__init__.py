"""Random changes to training images, as functions of an image and of `Draws` in a `tf.data` graph."""
