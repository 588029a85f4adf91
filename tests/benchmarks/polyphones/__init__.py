"""How often Chinese polyphones and numbers are read right: `python -m tests.benchmarks.polyphones`."""
