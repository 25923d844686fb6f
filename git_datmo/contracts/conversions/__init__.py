"""Contracts in the languages of other programs: one module a language."""
