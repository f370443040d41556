"""Trains the networks of `keras_resnets`: `python -m training --help`."""
