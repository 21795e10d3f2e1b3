"""Comparison: several sets of one source, measured by one protocol."""
