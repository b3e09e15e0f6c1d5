"""Benchmarks of the project beside its rivals. `python -m benchmarks --list` names them; each is a module."""
