"""What is in a `.tflite` file, and the runtime that runs it."""
