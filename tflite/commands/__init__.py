"""The commands of `python -m tflite`, one module each: `add_arguments(parser)` and `run(arguments)`."""
