"""`python -m benchmarks.rivals`."""

import sys

from benchmarks.rivals.bench import main

if __name__ == "__main__":
    sys.exit(main())
