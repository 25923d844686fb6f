"""Measures logging beside other experiment trackers: `python -m benchmarks.trackers`."""
