"""Training for int8: a network that rounds as its exported file will."""

from keras_resnets.quantization.rounding import FakeQuantize, RoundedWeights
from keras_resnets.quantization.simulation import IMAGES, Int8Simulation

__all__ = ["IMAGES", "FakeQuantize", "Int8Simulation", "RoundedWeights"]
