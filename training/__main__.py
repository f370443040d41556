"""`python -m training`."""

import os
import sys

from training.cli import main

# TensorFlow turns oneDNN on by itself only where a CPU has AVX-512's neural instructions. With AVX2
# alone it trains 1.1 to 1.7 times as fast by it (docs/performance.md).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

if __name__ == "__main__":
    sys.exit(main())
