"""What can be done around phone files, one module a command, each with `add_arguments` and `run`."""
