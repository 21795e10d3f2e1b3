"""Kinds: what an input is, one class in one file each. ``table.py`` holds their names; whoever has a spec asks it."""
