"""What is timed, one engine a process. `python -m benchmarks.rivals.engines.NAME` speaks `protocol`."""
