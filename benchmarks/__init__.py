"""Speed claims, each with its rival in the same run. `python -m benchmarks.NAME` prints a table."""
