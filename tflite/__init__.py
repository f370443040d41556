"""Models as `.tflite` files: exported, verified by the runtime that phones use, and tried out."""
