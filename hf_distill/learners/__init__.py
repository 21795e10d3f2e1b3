"""Learners: networks in training that an objective differentiates through, and what they learn."""
