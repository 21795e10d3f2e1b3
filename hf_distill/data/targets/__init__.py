"""Targets: what is learned from an input, one class in one file each. ``table.py`` holds their names."""
