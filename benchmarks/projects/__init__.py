"""Ten kinds of project, each run once and reproduced from a fresh clone: `python -m
benchmarks.projects`."""
