"""Runs: checkpoints, interruption, and what tells a run that has destroyed its set."""
