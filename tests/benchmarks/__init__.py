"""Measurements, each a script that reads top to bottom: `python -m tests.benchmarks` runs them, pytest does not."""
