"""The commands of the library: `list`, `info`, `predict` and `convert`."""
