"""How many images a network sees at a time where it learns nothing."""

import tensorflow as tf

# What a CPU's cores are busy with: more images at a time take memory and no less time.
ENOUGH_PIXELS = 8 * 224**2
MOST_IMAGES = 64


def images_at_once(height: int, width: int) -> int:
    """Images that a network sees at a time where it learns nothing.

    64, but on a CPU no more than have the pixels of eight of 224×224: 64 of those take twice the memory
    of a process, and as long (docs/performance.md).

    Args:
        height: Height of the images in pixels.
        width: Their width.

    Example:
        >>> images_at_once(4480, 4480)
        1
    """
    if tf.config.list_physical_devices("GPU"):
        return MOST_IMAGES
    return max(1, min(MOST_IMAGES, ENOUGH_PIXELS // (height * width)))
