"""What is measured, against whom. `python -m benchmarks --list` names the benchmarks; each is a module of its own."""
