"""Measures git-datmo beside other tools that store data: `python -m benchmarks`, run from the
checkout."""
