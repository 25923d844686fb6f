"""Readers of tables: one module a format, batches of rows in bounded memory."""
