"""Contracts of a repository: finding them, and checking what they are bound to."""
