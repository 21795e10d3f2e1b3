"""The command line: one thin function each."""
