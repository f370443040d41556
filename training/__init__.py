"""Trains the networks of `keras_resnets`: `keras-resnets train --help`."""
