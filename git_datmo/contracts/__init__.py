"""Contracts of data and models: their language, and checks that need no repository."""
