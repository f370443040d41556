"""What is timed, one engine a process. `python -m benchmarks.engines.NAME` speaks `protocol`."""
