"""What variables hold, under any strategy."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def arrays_of(variables: Iterable[keras.Variable]) -> list[np.ndarray[Any, Any]]:
    """The values of variables; of mirrored ones, the first replica's.

    NumPy makes no array of a mirrored variable that is a single number, nor do Keras' own conversions.
    """
    return [np.asarray(tf.convert_to_tensor(one.value).numpy()) for one in variables]
